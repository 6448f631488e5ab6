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
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from media.probe.captions import CAPTION_FORMATS, MAX_CAPTION_FILE_BYTES, CaptionsError, TimedCaption, read_captions
from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceFile
from models.access.acl import Actor
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.history import Operation
from models.catalog.segment import Segment, SegmentType
from models.core.base import new_id
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.catalog.assets.assets import find_asset, get_asset_for_update
from services.catalog.segments.access import asset_duration_ms
from services.catalog.segments.segments import hard_delete_segments
from services.core.actors import find_actor
from services.core.errors import DomainError, PermissionDenied, ValidationFailed
from services.core.history import record_history
from services.core.text import pluralize
from services.downloads.tickets import find_downloadable_source
from services.jobs.leases import JobClaim, JobLostError, claim_jobs, complete_job, fail_job, heartbeat_job, job_context
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
    job = Job(
        id=new_id(),
        type=CAPTION_JOB_TYPE,
        title=f"Read the captions of {source.name}",
        task=CAPTION_TASK,
        arguments={"file_id": str(file_id), "replaces_all": replaces_all},
        object_type=ASSET_KIND,
        object_id=asset.id,
        created_by=actor.user_id,
    )
    session.add(job)
    session.flush()
    return job


def _caption_format(source: SourceFile) -> str:
    extension = os.path.splitext(source.name)[1].lower()
    if extension not in CAPTION_FORMATS:
        raise ValidationFailed(
            "file_id", f'"{source.name}" is no caption file; {" and ".join(CAPTION_FORMATS)} files are read'
        )
    return CAPTION_FORMATS[extension]


def run_caption_jobs(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing) -> int:
    """Run those of these jobs that can be claimed; return their number."""
    claims = transact(sessions, lambda session: claim_jobs(session, CAPTION_TASK, job_ids, timing))
    for claim in claims:
        with job_context(claim):
            _run_caption_job(sessions, claim, timing)
    return len(claims)


def _run_caption_job(sessions: Sessions, claim: JobClaim, timing: Timing) -> None:
    """Run one job. An unusable file or a missing right ends it; other errors are retried."""
    reading = CaptionImport(claim, timing)
    try:
        source = transact(sessions, reading.find)
        captions = read_caption_file(source)
        transact(sessions, lambda session: reading.finish(session, source, captions))
    except (DomainError, CaptionsError) as error:
        text = str(error)
        transact(sessions, lambda session: complete_job(session, claim, JobStatus.FAILED, text))
    except SourceChangedError as error:
        text = str(error)
        transact(sessions, lambda session: fail_job(session, claim, text))
    except (JobLostError, DBAPIError):
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        transact(sessions, lambda session: fail_job(session, claim, text))
        raise


def read_caption_file(source: SourceFile) -> list[TimedCaption]:
    """Read the captions of a file. Raises CaptionsError if it is too large or invalid."""
    try:
        if source.size > MAX_CAPTION_FILE_BYTES:
            raise CaptionsError(f"has {source.size:,} bytes; at most {MAX_CAPTION_FILE_BYTES:,} are read")
        with OpenFolders() as folders, os.fdopen(folders.open_source(source), "rb") as file:
            return read_captions(file.read(MAX_CAPTION_FILE_BYTES + 1), _caption_format(source))
    except CaptionsError as error:
        raise CaptionsError(f'the file "{source.name}" {error}') from None


@dataclass(frozen=True, slots=True)
class CaptionImport:
    """The short transactions before and after reading the file."""

    claim: JobClaim
    timing: Timing

    def find(self, session: Session) -> SourceFile:
        asset, actor = self._authorize(session)
        return find_downloadable_source(session, actor, asset, self._file_id)

    def finish(self, session: Session, source: SourceFile, captions: Sequence[TimedCaption]) -> None:
        """Write the segments and complete the job, unless it was asked to stop. Raises JobLostError if the lease was
        lost."""
        if heartbeat_job(session, self.claim, self.timing):
            complete_job(session, self.claim, JobStatus.ABORTED, "stopped; nothing was written")
            return
        asset, actor = self._authorize(session)
        if find_downloadable_source(session, actor, asset, self._file_id) != source:
            raise SourceChangedError(f'the file "{source.name}" changed while it was read')
        duration = asset_duration_ms(session, asset.id)
        fitting = [each for each in captions if duration is None or each.end_ms <= duration]
        late = len(captions) - len(fitting)
        found = self._write(session, asset, fitting, actor)
        said = _describe_import(source.name, len(fitting), late, found)
        if not (self._is_automatic and found.is_empty):
            record_history(session, asset.id, Operation.TRANSCRIPTION, said, actor, job_id=self.claim.id)
        complete_job(session, self.claim, JobStatus.FINISHED_WITH_WARNING if late else JobStatus.FINISHED, said)

    @property
    def _file_id(self) -> uuid.UUID:
        return uuid.UUID(self.claim.arguments["file_id"])

    @property
    def _is_automatic(self) -> bool:
        """Return whether the job was created by a change of the file, without a requester."""
        return bool(self.claim.arguments.get(AUTOMATIC_KEY))

    def _authorize(self, session: Session) -> tuple[Asset, Actor]:
        """Return asset and requester, if that user may still write it; an automatic job has no requester."""
        if self._is_automatic and self.claim.object_id is not None:
            return find_asset(session, CAPTIONS_ACTOR, self.claim.object_id, lock=True), CAPTIONS_ACTOR
        requester = session.get_one(Job, self.claim.id).created_by
        actor = find_actor(session, requester) if requester is not None else None
        if actor is None or self.claim.object_id is None:
            raise PermissionDenied("who asked for this may not sign in any more")
        return get_asset_for_update(session, actor, self.claim.object_id), actor

    def _write(self, session: Session, asset: Asset, captions: Sequence[TimedCaption], actor: Actor) -> CaptionChanges:
        if self.claim.arguments["replaces_all"]:
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
