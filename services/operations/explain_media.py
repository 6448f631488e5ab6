"""Sentences about the media of a file set, and media facts of an asset as a whole."""

import uuid
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.operations.explain_progress import format_moment

SELECT_MEDIA_WORK = text("""
    SELECT kind, error, parked_at, waits_since FROM media_work WHERE file_set_id = :set ORDER BY kind
""")
SELECT_GENERAL_MEDIA = text("""
    SELECT media FROM component WHERE file_set_id = :set AND type = 'GENERAL' AND from_header
""")
READING_NAMES = {"SIDECARS": "what sidecars say", "HEADERS": "its header", "PICTURES": "its poster"}


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
    yield from media.get("notes", ())


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
        _length(media.get("duration_milliseconds")),
        f"{media['bit_rate'] / 1000:,.0f} kbit/s" if media.get("bit_rate") else None,
        f"timecode {media['timecode_start']}" if media.get("timecode_start") else None,
        f"reel {media['reel']}" if media.get("reel") else None,
    ]
    return [str(each) for each in shown if each]


def _colour(colour: Mapping[str, str]) -> str | None:
    said = [colour[name] for name in ("primaries", "transfer", "matrix", "range") if name in colour]
    return "colour " + "/".join(said) if said else None


def _length(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    minutes, seconds = divmod(milliseconds / 1000, 60)
    return f"{int(minutes)} min {seconds:.3f} s" if minutes else f"{seconds:.3f} s"
