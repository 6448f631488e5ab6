"""Run one transcode job: load the plan, encode in a sandboxed child, publish the file, register it.

1. A snapshot selects the files to read, a short transaction allocates the path of the rendition; the run's folder is
   saved in the job, so that the next run after a kill deletes it first and starts over.
2. The child encodes with no transaction open. Twice a second the progress is saved in the job's row, which also renews
   the lease and reports a request to stop.
3. The draft is renamed, one fenced transaction registers the file and completes the job, and then the old file is
   deleted.
"""

import contextlib
import logging
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from media.sandbox.safe_open import SourceChangedError
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ChildDiedError, ConfinedChild
from models.access.acl import Actor
from models.catalog.asset import Asset, Format
from models.core.sessions import Sessions, read_snapshot, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.core.errors import DomainError
from services.core.lease_heartbeat import lease_heartbeat
from services.core.text import pluralize
from services.jobs.leases import NO_PROGRESS, JobClaim, JobLostError, Progress, complete_job, fail_job, heartbeat_job
from services.renditions.encoder_input import EncoderInput
from services.renditions.paths import RenditionPath, allocate_rendition_path, build_rendition_name, remove_run_folder
from services.renditions.plan import TranscodePlan, load_transcode_plan
from services.renditions.profiles import TranscodeProfile, TranscodeProfiles, find_transcode_profile
from services.renditions.registry import EncodedRendition, find_rendition, register_rendition

log = logging.getLogger(__name__)

ENCODER_PROGRAM = "media.renditions.encoder"
ENCODER_LIMITS = ResourceLimits(wall_seconds=300, cpu_seconds=3_600, memory_bytes=4 << 30, written_bytes=1 << 40)
"""Per interval between two signs of progress: a whole rendition may take a day."""
ENCODE_PROGRESS_SECONDS = 0.5
DEFAULT_CONCURRENT_TRANSCODES = max(1, (os.cpu_count() or 1) // 2)
"""Per machine: an encoder uses several cores. A worker computes its own limit (`workers.celery.app`)."""
MAX_ENCODER_DEATHS = 2
"""Deaths of the encoder, before the job fails for good."""


class TranscodeAbortedError(Exception):
    """The job was asked to stop."""


class EncodingError(Exception):
    """The source cannot be encoded; the text says why."""


@dataclass(frozen=True, slots=True)
class TranscodeContext:
    """Configuration shared by all runs of a process."""

    sessions: Sessions
    timing: Timing
    profiles: TranscodeProfiles
    media_folder: Path
    limits: ResourceLimits = ENCODER_LIMITS
    program: str = ENCODER_PROGRAM
    at_once: int = DEFAULT_CONCURRENT_TRANSCODES


@dataclass(frozen=True, slots=True)
class PreparedTranscode:
    """Plan, target path and profile of a run."""

    plan: TranscodePlan
    place: RenditionPath
    profile: TranscodeProfile
    source_id: uuid.UUID
    title: str


@dataclass(slots=True)
class TranscodeRun:
    """One run of a claimed job."""

    by: TranscodeContext
    claim: JobClaim
    _progress: Progress = NO_PROGRESS
    _saved_at: float = field(default=0.0)

    def run(self) -> None:
        """Encode and register the rendition, or end the job with the reason."""
        place: RenditionPath | None = None
        try:
            self._clean_up()
            task = self._prepare()
            if task is not None:
                place = task.place
                replaced = self._finish(task, self._encode(task))
                place = None  # it is registered: what goes wrong from here on takes it away no more
                if replaced is not None:
                    remove_run_folder(replaced)
        except TranscodeAbortedError:
            self._end(JobStatus.ABORTED, "stopped; nothing of it was kept")
        except JobLostError as lost:
            log.info("%s", lost)
        except (EncodingError, DomainError) as error:
            self._end(JobStatus.FAILED, "could not be transcoded", str(error))
        except ChildDiedError as died:
            self._retry(f"its encoder {died}", MAX_ENCODER_DEATHS)
        except SourceChangedError as changed:
            self._retry(str(changed))
        except OSError as error:
            self._retry(str(error))
        except DBAPIError:
            raise
        except Exception as error:
            if place is not None:
                place.remove()
            self._retry(f"{type(error).__name__}: {error}")
            raise
        if place is not None:
            place.remove()

    def _end(self, status: JobStatus, message: str, error: str | None = None) -> None:
        transact(self.by.sessions, lambda session: complete_job(session, self.claim, status, message, error))

    def _retry(self, reason: str, most: int | None = None) -> None:
        """Retry later from the beginning, or fail the job after `most` attempts."""
        log.warning("job %s: %s", self.claim.id, reason)
        if most is not None and self.claim.attempt >= most:
            self._end(JobStatus.FAILED, "could not be transcoded", reason)
        else:
            transact(self.by.sessions, lambda session: fail_job(session, self.claim, reason))

    def _clean_up(self) -> None:
        """Delete what a killed run left behind."""
        left = self.claim.details.get("run")
        if left:
            remove_run_folder(Path(left))

    def _prepare(self) -> PreparedTranscode | None:
        """Load the plan and allocate the path; None if the job has ended because there is nothing to do."""
        profile = find_transcode_profile(self.by.profiles, self.claim.arguments["profile"])
        source_id = uuid.UUID(self.claim.arguments["format_id"])
        with self._keep_lease():
            plan = read_snapshot(self.by.sessions, lambda session: load_transcode_plan(session, source_id))
        if plan.picture is None and not plan.sounds:
            self._end(JobStatus.DISCARDED, "there is nothing on a storage now to make it of")
            return None
        return transact(self.by.sessions, lambda session: self._place(session, plan, profile, source_id))

    def _place(
        self, session: Session, plan: TranscodePlan, profile: TranscodeProfile, source_id: uuid.UUID
    ) -> PreparedTranscode | None:
        source = session.get(Format, source_id)
        if source is None:
            complete_job(session, self.claim, JobStatus.DISCARDED, "its format is gone")
            return None
        name = self.claim.arguments["profile"]
        if not self.claim.arguments["by_hand"] and self._is_up_to_date(session, source, name, plan):
            complete_job(session, self.claim, JobStatus.FINISHED, "its rendition is of these files already")
            return None
        title = session.get_one(Asset, source.asset_id).title
        extension = profile.recipe.writing.extension
        place = allocate_rendition_path(
            session, source.asset_id, build_rendition_name(title, name, extension), self.by.media_folder
        )
        session.get_one(Job, self.claim.id).details = {**self.claim.details, "run": str(place.folder)}
        session.flush()
        # The heartbeat is also the fence: it raises JobLostError if another worker has the job.
        if heartbeat_job(session, self.claim, self.by.timing, Progress(0, 0, "reads its source")):
            raise TranscodeAbortedError
        return PreparedTranscode(plan, place, profile, source_id, title)

    @staticmethod
    def _is_up_to_date(session: Session, source: Format, profile: str, plan: TranscodePlan) -> bool:
        found = find_rendition(session, source, profile)
        return found is not None and found.media["transcode"]["state"] == plan.chosen.state

    def _encode(self, task: PreparedTranscode) -> Mapping[str, Any]:
        """Encode into the draft and return the child's result."""
        descriptor = task.place.open_draft()
        try:
            feeding = EncoderInput(task.plan, task.profile.recipe, descriptor)
            with feeding as feed, ConfinedChild(self.by.program, self.by.limits) as child:
                with self._keep_lease():
                    child.send(feed.request(), feed.files)
                result = self._follow(child, feed)
                feed.refuse_changed()
            with self._keep_lease():
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return result

    def _follow(self, child: ConfinedChild, feed: EncoderInput) -> Mapping[str, Any]:
        """Serve the child's requests and save the progress until it is done."""
        result: Mapping[str, Any] = {}
        heard = time.monotonic()
        while True:
            said = child.receive(timeout_seconds=ENCODE_PROGRESS_SECONDS)
            now = time.monotonic()
            if said is not None:
                heard = now
                if "error" in said:
                    if said["kind"] == "unreadable":
                        raise EncodingError(f"{feed.name}: {said['error']}")
                    raise ChildDiedError(f"failed: {said['error']}")
                if said.get("done") is True:
                    return result
                result = said.get("result", result)
                if "wants" in said:
                    child.send(*feed.batch(said["wants"]))
                elif said.get("total"):
                    self._progress = Progress(min(said["done"], said["total"]), said["total"], "encodes")
            elif now - heard > self.by.limits.wall_seconds:
                child.close()
                raise ChildDiedError(f"stood still for {self.by.limits.wall_seconds:g} s and was ended")
            if now - self._saved_at >= ENCODE_PROGRESS_SECONDS:
                self._keep()
                self._saved_at = now

    @contextlib.contextmanager
    def _keep_lease(self) -> Iterator[None]:
        """Renew the lease during steps that take long and report no progress."""

        def renew(session: Session) -> None:
            with contextlib.suppress(JobLostError):  # the next step of the run finds that out
                heartbeat_job(session, self.claim, self.by.timing)

        with lease_heartbeat(self.by.sessions, renew, self.by.timing):
            yield

    def _keep(self) -> None:
        if transact(
            self.by.sessions, lambda session: heartbeat_job(session, self.claim, self.by.timing, self._progress)
        ):
            raise TranscodeAbortedError

    def _finish(self, task: PreparedTranscode, result: Mapping[str, Any]) -> Path | None:
        """Publish and register the rendition; return the folder that is no longer needed."""
        self._keep()
        stat = task.place.publish()
        warnings = list_rendition_warnings(task.plan, result)
        said = describe_rendition(task, result)
        made = EncodedRendition(
            task.source_id,
            self.claim.arguments["profile"],
            bool(self.claim.arguments["by_hand"]),
            task.plan.chosen.state,
            task.place,
            stat,
            result["facts"],
            warnings,
            said,
        )

        def write(session: Session) -> Path | None:
            heartbeat_job(session, self.claim, self.by.timing)
            job = session.get_one(Job, self.claim.id)
            actor = Actor("transcode", user_id=job.created_by)
            try:
                replaced = register_rendition(session, made, actor, self.claim.id)
            except LookupError:
                complete_job(session, self.claim, JobStatus.DISCARDED, "its format is gone")
                return task.place.folder
            status = JobStatus.FINISHED_WITH_WARNING if warnings else JobStatus.FINISHED
            job.progress_processed = job.progress_total = self._progress.total or 1
            job.details = {name: value for name, value in job.details.items() if name != "run"}
            session.flush()
            complete_job(session, self.claim, status, "; ".join([said, *warnings]))
            return replaced

        return transact(self.by.sessions, write)


def describe_rendition(task: PreparedTranscode, result: Mapping[str, Any]) -> str:
    """Describe the rendition, for history and the job."""
    picture = next((one for one in result["facts"]["streams"] if one["type"] == "VIDEO"), None)
    size = f"{picture['width']}x{picture['height']} " if picture else ""
    seconds = result["facts"].get("duration_milliseconds", 0) / 1000
    return f"transcoded to {task.place.name}: {size}{result['facts']['container']}, {seconds:.1f} s"


def list_rendition_warnings(plan: TranscodePlan, result: Mapping[str, Any]) -> list[str]:
    """List what users should know about a rendition."""
    found = []
    if result.get("missing"):
        found.append(f"{pluralize(result['missing'], 'frame')} missing: the frame before is held")
    if result.get("unreadable"):
        named = ", ".join(map(str, result["unreadable_frames"]))
        more = result["unreadable"] - len(result["unreadable_frames"])
        others = f" and {more:,} more" if more else ""
        found.append(
            f"{pluralize(result['unreadable'], 'frame')} unreadable ({named}{others}): the frame before is held"
        )
    if result.get("damaged"):
        found.append(f"{pluralize(result['damaged'], 'packet')} damaged and left out")
    return found
