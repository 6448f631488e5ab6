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

from celery import shared_task
from sqlalchemy import and_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from media.captions import FORMATS, MOST_BYTES, Caption, CaptionsError, read_captions
from media.sources import ChangedError, OpenFolders, Source
from models.acl import Actor
from models.asset import Asset
from models.base import new_id
from models.history import Operation
from models.job import Job, JobStatus
from models.segment import Segment, SegmentType
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.actors import find_actor
from tasks.assets import KIND, find_asset, find_for_change
from tasks.caption_changes import BY_ITSELF, TASK, TYPE
from tasks.caption_lines import LineChanges, write_lines
from tasks.downloads import find_source
from tasks.history import record
from tasks.job_leases import JobClaim, JobLostError, about_job, claim_jobs, end_job, fail_job, keep_job
from tasks.refusals import Denied, Invalid, Refusal
from tasks.segments import asset_duration_ms
from tasks.segments_writing import remove_segments
from tasks.sentences import counted

ITSELF = Actor(name="captions", user_id=None, is_admin=True)


def request_captions(
    session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, actor: Actor, *, replaces_all: bool = False
) -> Job:
    """Create a job that imports a caption file of the asset; `replaces_all` also removes segments from other caption
    files."""
    asset = find_for_change(session, actor, asset_id)
    source = find_source(session, actor, asset, file_id)
    _format_of(source)
    job = Job(
        id=new_id(),
        type=TYPE,
        title=f"Read the captions of {source.name}",
        task=TASK,
        arguments={"file_id": str(file_id), "replaces_all": replaces_all},
        object_type=KIND,
        object_id=asset.id,
        created_by=actor.user_id,
    )
    session.add(job)
    session.flush()
    return job


def _format_of(source: Source) -> str:
    extension = os.path.splitext(source.name)[1].lower()
    if extension not in FORMATS:
        raise Invalid("file_id", f'"{source.name}" is no caption file; {" and ".join(FORMATS)} files are read')
    return FORMATS[extension]


@shared_task(name=TASK, bind=True, ignore_result=True)
def read_caption_files(self: object, job_ids: Sequence[str] = ()) -> None:
    """Run the jobs with these ids. A duplicate or late message claims nothing."""
    context = self.app.context
    run_captions(context.sessions, [uuid.UUID(job_id) for job_id in job_ids], context.timing)


def run_captions(sessions: Sessions, job_ids: Sequence[uuid.UUID], timing: Timing) -> int:
    """Run those of these jobs that can be claimed; return their number."""
    claims = transact(sessions, lambda session: claim_jobs(session, TASK, job_ids, timing))
    for claim in claims:
        with about_job(claim):
            _run(sessions, claim, timing)
    return len(claims)


def _run(sessions: Sessions, claim: JobClaim, timing: Timing) -> None:
    """Run one job. An unusable file or a missing right ends it; other errors are retried."""
    reading = Reading(claim, timing)
    try:
        source = transact(sessions, reading.find)
        captions = read_file(source)
        transact(sessions, lambda session: reading.finish(session, source, captions))
    except (Refusal, CaptionsError) as error:
        text = str(error)
        transact(sessions, lambda session: end_job(session, claim, JobStatus.FAILED, text))
    except ChangedError as error:
        text = str(error)
        transact(sessions, lambda session: fail_job(session, claim, text))
    except (JobLostError, DBAPIError):
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        transact(sessions, lambda session: fail_job(session, claim, text))
        raise


def read_file(source: Source) -> list[Caption]:
    """Read the captions of a file. Raises CaptionsError if it is too large or invalid."""
    try:
        if source.size > MOST_BYTES:
            raise CaptionsError(f"has {source.size:,} bytes; at most {MOST_BYTES:,} are read")
        with OpenFolders() as folders, os.fdopen(folders.open_source(source), "rb") as file:
            return read_captions(file.read(MOST_BYTES + 1), _format_of(source))
    except CaptionsError as error:
        raise CaptionsError(f'the file "{source.name}" {error}') from None


@dataclass(frozen=True, slots=True)
class Reading:
    """The short transactions before and after reading the file."""

    claim: JobClaim
    timing: Timing

    def find(self, session: Session) -> Source:
        asset, actor = self._allowed(session)
        return find_source(session, actor, asset, self._file_id)

    def finish(self, session: Session, source: Source, captions: Sequence[Caption]) -> None:
        """Write the segments and complete the job, unless it was asked to stop. Raises JobLostError if the lease was
        lost."""
        if keep_job(session, self.claim, self.timing):
            end_job(session, self.claim, JobStatus.ABORTED, "stopped; nothing was written")
            return
        asset, actor = self._allowed(session)
        if find_source(session, actor, asset, self._file_id) != source:
            raise ChangedError(f'the file "{source.name}" changed while it was read')
        duration = asset_duration_ms(session, asset.id)
        fitting = [each for each in captions if duration is None or each.end_ms <= duration]
        late = len(captions) - len(fitting)
        found = self._write(session, asset, fitting, actor)
        said = _told(source.name, len(fitting), late, found)
        if not (self._is_by_itself and found.is_empty):
            record(session, asset.id, Operation.TRANSCRIPTION, said, actor, job_id=self.claim.id)
        end_job(session, self.claim, JobStatus.FINISHED_WITH_WARNING if late else JobStatus.FINISHED, said)

    @property
    def _file_id(self) -> uuid.UUID:
        return uuid.UUID(self.claim.arguments["file_id"])

    @property
    def _is_by_itself(self) -> bool:
        """Return whether the job was created by a change of the file, without a requester."""
        return bool(self.claim.arguments.get(BY_ITSELF))

    def _allowed(self, session: Session) -> tuple[Asset, Actor]:
        """Return asset and requester, if that user may still write it; an automatic job has no requester."""
        if self._is_by_itself and self.claim.object_id is not None:
            return find_asset(session, ITSELF, self.claim.object_id, lock=True), ITSELF
        requester = session.get_one(Job, self.claim.id).created_by
        actor = find_actor(session, requester) if requester is not None else None
        if actor is None or self.claim.object_id is None:
            raise Denied("who asked for this may not sign in any more")
        return find_for_change(session, actor, self.claim.object_id), actor

    def _write(self, session: Session, asset: Asset, captions: Sequence[Caption], actor: Actor) -> LineChanges:
        if self.claim.arguments["replaces_all"]:
            lines = and_(Segment.asset_id == asset.id, Segment.segment_type == SegmentType.TRANSCRIPTION)
            remove_segments(session, lines)
        return write_lines(session, asset.id, self._file_id, captions, actor.user_id)


def _told(name: str, read: int, late: int, found: LineChanges) -> str:
    """Describe the result of an import, for history and the job."""
    said = f'{counted(read, "line")} of captions read from "{name}"'
    parts = {"new": len(found.added), "changed": len(found.changed), "gone": len(found.gone)}
    if len(found.added) < read or found.gone:
        said += f": {', '.join(f'{count:,} {word}' for word, count in parts.items() if count) or 'nothing new'}"
    if found.kept:
        said += f"; {counted(found.kept, 'line')} left as people made them"
    if late:
        said += f"; {counted(late, 'line')} behind the end of the clip left out"
    return said
