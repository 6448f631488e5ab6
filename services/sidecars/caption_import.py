"""Caption import: captions of an asset's own file become TRANSCRIPTION segments, as a job.

1. `create_caption_job` requires write access to the asset, checks that the file is a caption file of it, and creates
   the job.
2. The job locates the file with its requester's current rights and reads it with no transaction open, without following
   links (`media.sandbox.safe_open`).
3. One transaction updates the segments from earlier imports of the file (`caption_diff`), records history and completes
   the job. So running twice has the effect of running once.
4. When the file changes, an automatic job imports it again (`refresh_captions`).
"""

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_
from sqlalchemy.orm import Session

from media.probe.captions import CAPTION_FORMATS, MAX_CAPTION_FILE_BYTES, CaptionsError, TimedCaption, read_captions
from media.sandbox.safe_open import SourceChangedError, SourceFile, open_source_file
from models.access.acl import Actor
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.history import Operation
from models.catalog.segment import Segment, SegmentType
from models.core.sessions import transact
from models.queues.job import Job, JobStatus
from services.catalog.assets.assets import find_asset, get_asset_for_update
from services.catalog.segments.access import asset_duration_ms
from services.catalog.segments.segments import hard_delete_segments
from services.core.errors import ValidationFailed
from services.core.history import record_history
from services.core.text import pluralize
from services.downloads.tickets import find_downloadable_source
from services.jobs.jobs import add_job
from services.jobs.runner import JobEnd, JobKind, JobRetryError, JobRun
from services.sidecars.caption_diff import CaptionChanges, write_caption_lines
from services.sidecars.refresh_captions import AUTOMATIC_KEY, CAPTION_JOB_TYPE, CAPTION_TASK

CAPTIONS_ACTOR = Actor(name="captions", user_id=None, is_admin=True)


def create_caption_job(
    session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, actor: Actor, *, replaces_all: bool = False
) -> Job:
    """Create a job that imports a caption file of the asset; `replaces_all` also removes segments from other caption
    files."""
    asset = get_asset_for_update(session, actor, asset_id)
    source = find_downloadable_source(session, actor, asset, file_id)
    _caption_format(source)
    about = {"object_type": ASSET_KIND, "object_id": asset.id}
    arguments = {"file_id": str(file_id), "replaces_all": replaces_all}
    title = f"Read the captions of {source.name}"
    return add_job(session, CAPTION_TASK, CAPTION_JOB_TYPE, title, actor, arguments=arguments, **about)


def _caption_format(source: SourceFile) -> str:
    extension = os.path.splitext(source.name)[1].lower()
    if extension not in CAPTION_FORMATS:
        raise ValidationFailed(
            "file_id", f'"{source.name}" is no caption file; {" and ".join(CAPTION_FORMATS)} files are read'
        )
    return CAPTION_FORMATS[extension]


def import_captions(run: JobRun) -> None:
    """Do one job: locate the file, read it with no transaction open, and write its lines."""
    reading = CaptionImport(run)
    try:
        source = transact(run.sessions, reading.find)
        captions = read_caption_file(source)
        transact(run.sessions, lambda session: reading.finish(session, source, captions))
    except CaptionsError as error:
        raise ValidationFailed("file_id", str(error)) from None
    except SourceChangedError as error:
        raise JobRetryError(str(error)) from None


CAPTION_JOBS = JobKind(CAPTION_TASK, import_captions)


def read_caption_file(source: SourceFile) -> list[TimedCaption]:
    """Read the captions of a file. Raises CaptionsError if it is too large or invalid."""
    try:
        if source.size > MAX_CAPTION_FILE_BYTES:
            raise CaptionsError(f"has {source.size:,} bytes; at most {MAX_CAPTION_FILE_BYTES:,} are read")
        with os.fdopen(open_source_file(source), "rb") as file:
            return read_captions(file.read(MAX_CAPTION_FILE_BYTES + 1), _caption_format(source))
    except CaptionsError as error:
        raise CaptionsError(f'the file "{source.name}" {error}') from None


@dataclass(frozen=True, slots=True)
class CaptionImport:
    """The short transactions before and after reading the file."""

    run: JobRun

    def find(self, session: Session) -> SourceFile:
        asset, actor = self._authorize(session)
        return find_downloadable_source(session, actor, asset, self._file_id)

    def finish(self, session: Session, source: SourceFile, captions: Sequence[TimedCaption]) -> None:
        """Write the segments and complete the job."""
        self.run.heartbeat(session, stopped="stopped; nothing was written")
        asset, actor = self._authorize(session)
        if find_downloadable_source(session, actor, asset, self._file_id) != source:
            raise SourceChangedError(f'the file "{source.name}" changed while it was read')
        duration = asset_duration_ms(session, asset.id)
        fitting = [each for each in captions if duration is None or each.end_ms <= duration]
        late = len(captions) - len(fitting)
        found = self._write(session, asset, fitting, actor)
        said = _describe_import(source.name, len(fitting), late, found)
        if not (self._is_automatic and found.is_empty):
            record_history(session, asset.id, Operation.TRANSCRIPTION, said, actor, job_id=self.run.claim.id)
        self.run.complete(session, JobEnd(said, JobStatus.FINISHED_WITH_WARNING if late else JobStatus.FINISHED))

    @property
    def _file_id(self) -> uuid.UUID:
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
        return write_caption_lines(session, asset.id, self._file_id, captions, actor.user_id)


def _describe_import(name: str, read: int, late: int, found: CaptionChanges) -> str:
    """Describe the result of an import, for history and the job."""
    said = f'{pluralize(read, "line")} of captions read from "{name}"'
    parts = {"new": len(found.added), "changed": len(found.changed), "gone": len(found.gone)}
    if len(found.added) < read or found.gone:
        said += f": {', '.join(f'{count:,} {word}' for word, count in parts.items() if count) or 'nothing new'}"
    if found.kept:
        said += f"; {pluralize(found.kept, 'line')} left as people made them"
    if late:
        said += f"; {pluralize(late, 'line')} behind the end of the clip left out"
    return said
