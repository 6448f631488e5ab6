"""Caption import: captions of an asset's own file become TRANSCRIPTION segments, as a job.

1. `create_caption_job` requires write access to the asset, checks that the file is a caption file of it, and creates
   the job.
2. The job locates the file with its requester's current rights, and a sandboxed child reads it with no transaction
   open.
3. One transaction updates the segments from earlier imports of the file (`caption_diff`), records history and completes
   the job. So running twice has the effect of running once.
4. When the file changes, an automatic job imports it again (`refresh_captions`).
"""

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, text
from sqlalchemy.orm import Session

from media.probe.captions import CAPTION_EXTENSIONS_READ, TimedCaption
from media.sandbox.batch_reader import ReadEnd, ReadItem, SandboxReader
from media.sandbox.safe_open import SourceChangedError, SourceFile
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from models.access.acl import Actor
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.history import Operation
from models.catalog.segment import Segment, SegmentType
from models.core.sessions import transact
from models.queues.job import Job, JobStatus
from services.catalog.assets.assets import find_asset, get_asset_for_update
from services.catalog.segments.segments import hard_delete_segments
from services.core.errors import ValidationFailed
from services.core.history import record_history
from services.core.text import pluralize
from services.downloads.tickets import find_downloadable_source
from services.jobs.jobs import add_job
from services.jobs.runner import JobEnd, JobKind, JobRetryError, JobRun
from services.media.probe_writer import build_general_component, replace_header_components, update_header_warnings
from services.sidecars.caption_diff import CaptionChanges, write_caption_lines
from services.sidecars.caption_timing import ClipTiming, fit_to_clip, load_clip_timing
from services.sidecars.refresh_captions import AUTOMATIC_KEY, CAPTION_JOB_TYPE, CAPTION_TASK

CAPTION_PROGRAM = "media.captions.program"
CAPTION_LIMITS = ResourceLimits(wall_seconds=60, cpu_seconds=20)
NO_CLIP = ClipTiming()
CAPTION_SET = text("""
    SELECT file_set.id, EXISTS (SELECT FROM component
        WHERE component.file_set_id = file_set.id AND from_header AND media ? 'caption_notes') AS has_notes
    FROM file_set_file AS member JOIN file_set ON file_set.id = member.file_set_id
    WHERE member.file_id = :file FOR KEY SHARE OF file_set
""")
CAPTIONS_ACTOR = Actor(name="captions", user_id=None, is_admin=True)


def create_caption_job(
    session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, actor: Actor, *, replaces_all: bool = False
) -> Job:
    """Create a job that imports a caption file of the asset; `replaces_all` also removes segments from other caption
    files."""
    asset = get_asset_for_update(session, actor, asset_id)
    source = find_downloadable_source(session, actor, asset, file_id)
    _require_caption_file(source)
    about = {"object_type": ASSET_KIND, "object_id": asset.id}
    arguments = {"file_id": str(file_id), "replaces_all": replaces_all}
    title = f"Read the captions of {source.name}"
    return add_job(session, CAPTION_TASK, CAPTION_JOB_TYPE, title, actor, arguments=arguments, **about)


def _require_caption_file(source: SourceFile) -> None:
    if _extension_of(source) not in CAPTION_EXTENSIONS_READ:
        kinds = f"{', '.join(CAPTION_EXTENSIONS_READ[:-1])} and {CAPTION_EXTENSIONS_READ[-1]}"
        raise ValidationFailed("file_id", f'"{source.name}" is no caption file; {kinds} files are read')


def _extension_of(source: SourceFile) -> str:
    return os.path.splitext(source.name)[1].lower()


def import_captions(run: JobRun) -> None:
    """Do one job: locate the file, read it with no transaction open, and write its lines."""
    reading = CaptionImport(run)
    try:
        source, clip = transact(run.sessions, reading.find)
        try:
            with run.keep_lease():
                read = read_caption_file(source, clip)
        except ValidationFailed as refusal:
            transact(run.sessions, write_caption_notes, reading.file_id, [str(refusal)])
            raise
        transact(run.sessions, lambda session: reading.finish(session, source, read))
    except SourceChangedError as error:
        raise JobRetryError(str(error)) from None


CAPTION_JOBS = JobKind(CAPTION_TASK, import_captions)


@dataclass(frozen=True, slots=True)
class CaptionFile:
    """What a caption file holds, and notes about what was left out or guessed."""

    captions: list[TimedCaption]
    notes: list[str]


def ask_for_captions(source: SourceFile, clip: ClipTiming) -> dict[str, str | None]:
    """Return the request to read a file of captions."""
    return {"extension": _extension_of(source), "rate": str(clip.rate) if clip.rate else None}


def read_caption_file(source: SourceFile, clip: ClipTiming = NO_CLIP) -> CaptionFile:
    """Read the captions of a file in the sandbox.

    Raises:
        ValidationFailed: it holds no captions; the message says why.
        SourceChangedError: it differs from its row.
    """
    with ConfinedChild(CAPTION_PROGRAM, CAPTION_LIMITS) as child:
        (outcome,) = SandboxReader(child).read([ReadItem(1, [source], ask_for_captions(source, clip))])
    if outcome.end is ReadEnd.CHANGED:
        raise SourceChangedError(outcome.reason)
    if outcome.end is not ReadEnd.READ:
        raise ValidationFailed("file_id", f"the file {outcome.reason}")
    captions = [TimedCaption(*one) for one in outcome.result["captions"]]
    return CaptionFile(captions, list(outcome.result["notes"]))


@dataclass(frozen=True, slots=True)
class CaptionImport:
    """The short transactions before and after reading the file."""

    run: JobRun

    def find(self, session: Session) -> tuple[SourceFile, ClipTiming]:
        """Return the file to read and the times of its clip."""
        asset, actor = self._authorize(session)
        return find_downloadable_source(session, actor, asset, self.file_id), load_clip_timing(session, asset.id)

    def finish(self, session: Session, source: SourceFile, read: CaptionFile) -> None:
        """Write the segments and complete the job."""
        self.run.heartbeat(session, stopped="stopped; nothing was written")
        asset, actor = self._authorize(session)
        if find_downloadable_source(session, actor, asset, self.file_id) != source:
            raise SourceChangedError(f'the file "{source.name}" changed while it was read')
        fitted = fit_to_clip(read.captions, load_clip_timing(session, asset.id))
        found = self._write(session, asset, fitted.captions, actor)
        warnings = [*fitted.losses, *read.notes]
        said = "; ".join([_describe_import(source.name, len(fitted.captions), found), *fitted.changes, *warnings])
        if not (self._is_automatic and found.is_empty):
            record_history(session, asset.id, Operation.TRANSCRIPTION, said, actor, job_id=self.run.claim.id)
        write_caption_notes(session, self.file_id, [f"{source.name}: {warning}" for warning in warnings])
        self.run.complete(session, JobEnd(said, JobStatus.FINISHED_WITH_WARNING if warnings else JobStatus.FINISHED))

    @property
    def file_id(self) -> uuid.UUID:
        """The caption file."""
        return uuid.UUID(self.run.claim.arguments["file_id"])

    @property
    def _is_automatic(self) -> bool:
        """Return whether the job was created by a change of the file, without a requester."""
        return bool(self.run.claim.arguments.get(AUTOMATIC_KEY))

    def _authorize(self, session: Session) -> tuple[Asset, Actor]:
        """Return asset and requester, if that user may still write it; an automatic job has no requester."""
        asset_id = self.run.claim.object_id
        assert asset_id is not None
        if self._is_automatic:
            return find_asset(session, CAPTIONS_ACTOR, asset_id, lock=True), CAPTIONS_ACTOR
        actor = self.run.find_requester(session)
        return get_asset_for_update(session, actor, asset_id), actor

    def _write(self, session: Session, asset: Asset, captions: Sequence[TimedCaption], actor: Actor) -> CaptionChanges:
        if self.run.claim.arguments["replaces_all"]:
            lines = and_(Segment.asset_id == asset.id, Segment.segment_type == SegmentType.TRANSCRIPTION)
            hard_delete_segments(session, lines)
        return write_caption_lines(session, asset.id, self.file_id, captions, actor.user_id)


def write_caption_notes(session: Session, file_id: uuid.UUID, notes: Sequence[str]) -> None:
    """Store what an import left out, guessed or could not read, and warn of it on the format of the caption file."""
    row = session.execute(CAPTION_SET, {"file": file_id}).one_or_none()
    if row is None or not (notes or row.has_notes):
        return
    facts = {"caption_notes": list(notes)} if notes else {}
    replace_header_components(session, [row.id], [build_general_component(row.id, facts)])
    update_header_warnings(session, [row.id])


def _describe_import(name: str, read: int, found: CaptionChanges) -> str:
    """Describe the result of an import, for history and the job."""
    said = f'{pluralize(read, "line")} of captions read from "{name}"'
    parts = {"new": len(found.added), "changed": len(found.changed), "gone": len(found.gone)}
    if len(found.added) < read or found.gone:
        said += f": {', '.join(f'{count:,} {word}' for word, count in parts.items() if count) or 'nothing new'}"
    if found.kept:
        said += f"; {pluralize(found.kept, 'line')} left as people made them"
    return said
