"""Downstream status of a grouped file: index state, media probing and jobs, with timestamps.

It reads the rows and asks the engine. Both are authoritative when messages were lost or Flower is outdated.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.asset import FileSet, Format
from models.core.paths import escape_surrogates
from models.core.statements import AnyRow
from models.queues.index_queue import DocumentKey
from models.queues.registry import JOB_QUEUE, MARK_QUEUE, MEDIA_QUEUE
from search.engine import SearchEngine, SearchUnavailableError
from services.media.probe_summary import ERROR_KEYS
from services.renditions.registry import load_renditions

ASSET_DOCUMENT_TYPE = "assets"
MAX_EXPLAINED_JOBS = 5

SELECT_ASSET_MARK = text(f"""
    SELECT revision, dirty_since, parked_at, error, lease_until > now() AS is_held FROM {MARK_QUEUE.view} AS mark
    WHERE object_type = :kind AND object_id = :asset
""")
SELECT_ASSET_JOBS = text(f"""
    SELECT id, title, CASE WHEN parked_at IS NOT NULL THEN 'PARKED' ELSE status END AS state,
        coalesce(parked_at, completed_at, started_at, date_created) AS since,
        coalesce(error_message, nullif(message, '')) AS why
    FROM {JOB_QUEUE.view} AS job
    WHERE object_id = :asset ORDER BY completed_at IS NULL DESC, id DESC LIMIT {MAX_EXPLAINED_JOBS}
""")
SELECT_MEDIA_WORK = text(f"""
    SELECT kind, error, parked_at, waits_since FROM {MEDIA_QUEUE.view} AS work WHERE file_set_id = :set ORDER BY kind
""")
SELECT_GENERAL_MEDIA = text("""
    SELECT media FROM component WHERE file_set_id = :set AND type = 'GENERAL' AND from_header
""")
READING_NAMES = {"SIDECARS": "what sidecars say", "HEADERS": "its header", "PICTURES": "its poster"}


def read_asset_mark(session: Session, asset_id: uuid.UUID) -> AnyRow | None:
    """Return revision, dirty_since, parked_at, error and is_held of the mark of an asset's document."""
    return session.execute(SELECT_ASSET_MARK, {"kind": ASSET_DOCUMENT_TYPE, "asset": asset_id}).one_or_none()


def explain_mark(marked: AnyRow | None, asset_id: uuid.UUID) -> str:
    """Describe from its mark whether a document is up to date."""
    if marked is None:
        return "its document was never marked: tapeless verify --repair marks it"
    if marked.parked_at is not None:
        since = format_moment(marked.parked_at)
        return f"its document is dead-lettered since {since}: {marked.error}; tapeless jobs retry {asset_id} retries it"
    if marked.dirty_since is not None:
        again = f", again after: {marked.error}" if marked.error else ""
        waits = "is being written" if marked.is_held else "waits to be written"
        return f"its document {waits} to the index since {format_moment(marked.dirty_since)}{again}"
    return f"its document was written to the index, as revision {marked.revision}"


def explain_indexed_document(engine: SearchEngine, marked: AnyRow | None, asset_id: uuid.UUID) -> str:
    """Describe which revision the engine has; it may have lost what its mark calls written. Open no transaction around
    it."""
    key = DocumentKey(ASSET_DOCUMENT_TYPE, asset_id)
    try:
        stored = engine.revisions_of([key]).get(key)
    except SearchUnavailableError as error:
        return f"whether the index has it is not known: {error}"
    is_due = marked is None or marked.dirty_since is not None
    lost = "" if is_due else "; it was lost there: tapeless verify --repair sends it again"
    if stored is None:
        return f"the index has no document of it{lost}"
    if marked is None or stored.revision >= marked.revision:
        return f"the index has revision {stored.revision}, the newest"
    return f"the index has revision {stored.revision}, and the newest is {marked.revision}{lost}"


def explain_jobs(session: Session, asset_id: uuid.UUID) -> Iterator[str]:
    """Yield the newest jobs of an asset, unfinished ones first."""
    for job in session.execute(SELECT_ASSET_JOBS, {"asset": asset_id}):
        why = f": {escape_surrogates(job.why)}" if job.why else ""
        yield f'job {job.id} "{escape_surrogates(job.title)}" is {job.state} since {format_moment(job.since)}{why}'


def format_moment(when: datetime) -> str:
    """Format a time in the local time zone."""
    return when.astimezone().isoformat(sep=" ", timespec="seconds")


def explain_media(session: Session, file_set_id: uuid.UUID) -> Iterator[str]:
    """Yield what was read from a file set, what is pending, and what failed and how to retry it."""
    media = session.scalar(SELECT_GENERAL_MEDIA, {"set": file_set_id}) or {}
    facts = format_media_facts(media)
    if facts:
        yield f"its header says: {', '.join(facts)}"
    if media.get("sidecars"):
        unmapped = ", ".join(media.get("untaken", ()))
        yield f"was read as {media['sidecars']}" + (f"; no metadata field takes: {unmapped}" if unmapped else "")
    dead_letters = set()
    for row in session.execute(SELECT_MEDIA_WORK, {"set": file_set_id}):
        if row.parked_at is not None:
            dead_letters.add(row.kind)
            tried = "restart its job, or change the file, to try again"
            since = format_moment(row.parked_at)
            yield f"{READING_NAMES[row.kind]} could not be read: {row.error}; {tried} (dead-lettered since {since})"
        else:
            again = f" again, alone: {row.error}" if row.error else ""
            yield f"{READING_NAMES[row.kind]} waits to be read{again}, since {format_moment(row.waits_since)}"
    if media.get("error") and "HEADERS" not in dead_letters:
        yield f"its header could not be read: it {media['error']}; it is read again when the file changes"
    if media.get("picture_error") and "PICTURES" not in dead_letters:
        yield f"no poster could be made: it {media['picture_error']}"
    if media.get("not_shown"):
        yield f"it has no poster: it {media['not_shown']}"


def explain_warnings(session: Session, part: Format, file_set: FileSet) -> Iterator[str]:
    """Yield the warnings of a file's format and of its renditions, without those that `explain_media` explains."""
    media = session.scalar(SELECT_GENERAL_MEDIA, {"set": file_set.id}) or {}
    explained = {f"{file_set.name}: {media[key]}" for key in ERROR_KEYS if media.get(key)}
    for warning in part.warnings:
        if warning not in explained:
            yield f"warning: {warning}"
    renditions = load_renditions(session, [part.asset_id], [part.id])
    for rendition_id, profile, _ in renditions:
        for warning in session.get_one(Format, rendition_id).warnings:
            yield f'warning of its rendition "{profile}": {warning}'


def format_media_facts(media: Mapping[str, Any]) -> list[str]:
    """Format the facts of a component for people, the most informative first."""
    shown = [
        media.get("container"),
        media.get("codec"),
        f"profile {media['profile']}" if media.get("profile") else None,
        f"{media['width']}x{media['height']}" if media.get("width") and media.get("height") else None,
        f"{float(Fraction(media['frame_rate'])):g} fps" if media.get("frame_rate") else None,
        media.get("scan") if media.get("scan") != "progressive" else None,
        media.get("pixel_format"),
        _colour(media.get("color", {})),
        f"{media['sample_rate']:,} Hz" if media.get("sample_rate") else None,
        media.get("channel_layout"),
        media.get("language"),
        _length(media),
        f"{media['bit_rate'] / 1000:,.0f} kbit/s" if media.get("bit_rate") else None,
        f"timecode {media['timecode_start']}" if media.get("timecode_start") else None,
        f"reel {media['reel']}" if media.get("reel") else None,
    ]
    return [str(each) for each in shown if each]


def _colour(colour: Mapping[str, str]) -> str | None:
    said = [colour[name] for name in ("primaries", "transfer", "matrix", "range") if name in colour]
    return "colour " + "/".join(said) if said else None


def _length(media: Mapping[str, Any]) -> str | None:
    if media.get("duration_milliseconds") is None:
        return None
    minutes, seconds = divmod(media["duration_milliseconds"] / 1000, 60)
    length = f"{int(minutes)} min {seconds:.3f} s" if minutes else f"{seconds:.3f} s"
    return f"{length} (estimated)" if media.get("duration_is_estimated") else length
