"""Run one transcode job: load the plan, encode in a sandboxed child, publish the file, register it.

1. A snapshot selects the files to read, a short transaction allocates the path of the rendition; the run's folder is
   saved in the job, so that the next run after a kill deletes it first and starts over.
2. The child encodes with no transaction open. Twice a second the progress is saved in the job's row, which also renews
   the lease and reports a request to stop.
3. The draft is renamed, one fenced transaction registers the file and completes the job, and then the old file is
   deleted.
"""

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from media.renditions.encoder_settings import EncoderSettings
from media.sandbox.safe_open import SourceChangedError, SourceFile
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ChildDiedError, ConfinedChild
from models.access.acl import Actor
from models.catalog.asset import Asset, Format
from models.core.sessions import read_snapshot, transact
from models.queues.job import NO_PROGRESS, Job, JobStatus, Progress
from services.catalog.assets.digests import store_source_digests
from services.core.errors import DomainError
from services.core.text import pluralize
from services.jobs.runner import JobEnd, JobOutcome, JobPause, JobRetryError, JobRun
from services.renditions.encoder_input import EncoderInput
from services.renditions.paths import (
    RenditionPath,
    allocate_rendition_path,
    build_rendition_name,
    describe_full_disk,
    find_rendition_folder_fault,
    find_run_folder,
    remove_run_folder,
)
from services.renditions.plan import TranscodePlan, load_transcode_plan
from services.renditions.profiles import TranscodeProfile, TranscodeProfiles, find_transcode_profile
from services.renditions.registry import (
    EncodedRendition,
    find_rendition,
    record_rendition_failure,
    register_rendition,
)
from watch.root_visibility import find_unseen_storages

ENCODER_PROGRAM = "media.renditions.encoder"
ENCODER_LIMITS = ResourceLimits(wall_seconds=300, cpu_seconds=3_600, memory_bytes=1_536 << 20, written_bytes=1 << 40)
"""Per interval between two signs of progress: a whole rendition may take a day. Memory counts with the stacks that
threads reserve: less than 768 MB of it are used, and 892 MB of HEVC in 8K with 10 bits, whose decoder alone has 722."""
LARGE_RENDITION_MEMORY_BYTES = 4 << 30
"""For a profile larger than HD: H.265 in 4K uses 1.9 GB of 2.3 GB."""
ENCODE_PROGRESS_SECONDS = 0.5
STOPPED = "stopped; nothing of it was kept"
DEFAULT_CONCURRENT_TRANSCODES = max(1, (os.cpu_count() or 1) // 2)
"""Per machine: an encoder uses several cores. A worker computes its own limit (`workers.celery.app`)."""
MAX_ENCODER_DEATHS = 2
"""Deaths of the encoder, before the job fails for good."""


class EncodingError(DomainError):
    """The source cannot be encoded; the text says why."""


@dataclass(frozen=True, slots=True)
class TranscodeContext:
    """Configuration shared by all runs of a process."""

    profiles: TranscodeProfiles
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
    run: JobRun
    _progress: Progress = NO_PROGRESS
    _saved_at: float = field(default=0.0)
    _digests: dict[SourceFile, str] = field(default_factory=dict)
    """Sums of the sources that were read whole."""

    def transcode(self) -> JobOutcome:
        """Encode and register the rendition; the draft of a run that does not get that far is removed."""
        if left := self.run.claim.details.get("run"):
            self._remove_leftover(left)
        task = self._prepare()
        if not isinstance(task, PreparedTranscode):
            return task
        try:
            replaced = self._finish(task, self._encode(task))
        except DBAPIError:
            raise  # the connection may have broken after the commit: then the file is registered
        except Exception as error:
            full = describe_full_disk(task.place.folder)  # looked at while its draft is there
            remove_run_folder(task.place.folder)
            if full is not None and isinstance(error, ChildDiedError | OSError):
                raise JobRetryError(full) from None
            if isinstance(error, EncodingError):
                self._warn(task, str(error))
            if isinstance(error, ChildDiedError):
                if self.run.claim.attempt >= MAX_ENCODER_DEATHS:
                    self._warn(task, f"its encoder {error}")
                raise JobRetryError(f"its encoder {error}", MAX_ENCODER_DEATHS) from None
            if isinstance(error, SourceChangedError | OSError):
                if task.plan.storages & find_unseen_storages(self.run.sessions).keys():
                    return JobPause("waits for a worker that sees its storage")
                raise JobRetryError(str(error)) from None
            raise
        if replaced is not None:
            remove_run_folder(replaced)
        return None

    def _remove_leftover(self, run: Mapping[str, str]) -> None:
        """Remove the folder of a killed run."""
        with self.run.keep_lease(), self.run.sessions() as session:
            folder = find_run_folder(session, run)
        if folder is not None:
            remove_run_folder(folder)

    def _prepare(self) -> PreparedTranscode | JobEnd:
        """Load the plan and allocate the path; returns the end of the job if there is nothing to do."""
        profile = find_transcode_profile(self.by.profiles, self.run.claim.arguments["profile"])
        source_id = uuid.UUID(self.run.claim.arguments["format_id"])
        with self.run.keep_lease():
            plan = read_snapshot(self.run.sessions, lambda session: load_transcode_plan(session, source_id))
        if plan.picture is None and not plan.sounds:
            return JobEnd("there is nothing on a storage now to make it of", JobStatus.DISCARDED)
        return transact(self.run.sessions, lambda session: self._place(session, plan, profile, source_id))

    def _place(
        self, session: Session, plan: TranscodePlan, profile: TranscodeProfile, source_id: uuid.UUID
    ) -> PreparedTranscode | JobEnd:
        source = session.get(Format, source_id)
        if source is None:
            return JobEnd("its format is gone", JobStatus.DISCARDED)
        name = self.run.claim.arguments["profile"]
        is_asked = self.run.claim.arguments["by_hand"] or self.run.claim.arguments.get("again")
        made = None if is_asked else find_rendition(session, source, name)
        if made is not None and made.media["transcode"]["state"] == plan.chosen.state:
            return JobEnd("its rendition is of these files already")
        title = session.get_one(Asset, source.asset_id).title
        extension = profile.recipe.writing.extension
        place = allocate_rendition_path(session, source.asset_id, build_rendition_name(title, name, extension))
        session.get_one(Job, self.run.claim.id).details = {**self.run.claim.details, "run": place.run}
        session.flush()
        # The heartbeat is also the fence: it raises JobLostError if another worker has the job.
        self.run.heartbeat(session, Progress(0, 0, "reads its source"), STOPPED)
        return PreparedTranscode(plan, place, profile, source_id, title)

    def _encode(self, task: PreparedTranscode) -> Mapping[str, Any]:
        """Encode into the draft and return the child's result."""
        descriptor = task.place.open_draft()
        try:
            feeding = EncoderInput(task.plan, task.profile.recipe, descriptor)
            limits = limits_for(task.profile.recipe, self.by.limits)
            with feeding as feed, ConfinedChild(self.by.program, limits) as child:
                with self.run.keep_lease():
                    child.send(feed.request, feed.files)
                result = self._follow(child, feed)
                with self.run.keep_lease():
                    feed.finish()
            self._digests = feed.hashing.digests
            with self.run.keep_lease():
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
                    feed.follow(said["done"], said["total"])
            elif now - heard > self.by.limits.wall_seconds:
                child.close()
                raise ChildDiedError(f"made no progress for {self.by.limits.wall_seconds:g} s and was ended")
            if now - self._saved_at >= ENCODE_PROGRESS_SECONDS:
                self._keep()
                self._saved_at = now

    def _warn(self, task: PreparedTranscode, reason: str) -> None:
        """Warn on the source's format, where people look for it after the job was forgotten."""
        name = self.run.claim.arguments["profile"]
        transact(self.run.sessions, record_rendition_failure, task.source_id, name, reason)

    def _keep(self) -> None:
        transact(self.run.sessions, lambda session: self.run.heartbeat(session, self._progress, STOPPED))

    def _finish(self, task: PreparedTranscode, result: Mapping[str, Any]) -> Path | None:
        """Publish and register the rendition; return the folder that is no longer needed."""
        self._keep()
        stat = task.place.publish()
        # A mount that was lost since the claim leaves an empty folder, into which anything can be written.
        if fault := find_rendition_folder_fault(self.run.sessions):
            raise JobRetryError(fault)
        warnings = list_rendition_warnings(result)
        said = describe_rendition(task, result)
        made = EncodedRendition(
            task.source_id,
            self.run.claim.arguments["profile"],
            bool(self.run.claim.arguments["by_hand"]),
            task.plan.chosen.state,
            task.place,
            stat,
            result["facts"],
            warnings,
            said,
        )

        def write(session: Session) -> Path | None:
            self.run.save(session)
            store_source_digests(session, task.plan.sets(), self._digests, "transcode")
            job = session.get_one(Job, self.run.claim.id)
            actor = Actor("transcode", user_id=job.created_by)
            try:
                replaced = register_rendition(session, made, actor, self.run.claim.id)
            except LookupError:
                self.run.complete(session, JobEnd("its format is gone", JobStatus.DISCARDED))
                return task.place.folder
            status = JobStatus.FINISHED_WITH_WARNING if warnings else JobStatus.FINISHED
            job.progress_processed = job.progress_total = self._progress.total or 1
            job.details = {name: value for name, value in job.details.items() if name != "run"}
            session.flush()
            self.run.complete(session, JobEnd("; ".join([said, *warnings]), status))
            return replaced

        return transact(self.run.sessions, write)


def limits_for(recipe: EncoderSettings, limits: ResourceLimits) -> ResourceLimits:
    """Return the limits of an encoder: pictures larger than HD take more memory."""
    if not recipe.is_large:
        return limits
    return replace(limits, memory_bytes=max(limits.memory_bytes, LARGE_RENDITION_MEMORY_BYTES))


def describe_rendition(task: PreparedTranscode, result: Mapping[str, Any]) -> str:
    """Describe the rendition, for history and the job."""
    picture = next((one for one in result["facts"]["streams"] if one["type"] == "VIDEO"), None)
    size = f"{picture['width']}x{picture['height']} " if picture else ""
    seconds = result["facts"].get("duration_milliseconds", 0) / 1000
    left_out = f", {task.plan.chosen.left_out}" if task.plan.chosen.left_out else ""
    return f"transcoded to {task.place.name}: {size}{result['facts']['container']}, {seconds:.1f} s{left_out}"


def list_rendition_warnings(result: Mapping[str, Any]) -> list[str]:
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
    if result.get("clock_jumps"):
        found.append(
            f"its clock jumps {pluralize(result['clock_jumps'], 'time')}: what follows goes on after the last picture"
        )
    if result.get("promised_milliseconds"):
        shown, promised = result["facts"].get("duration_milliseconds", 0) / 1000, result["promised_milliseconds"] / 1000
        found.append(f"only {shown:.1f} s of {promised:.1f} s can be decoded: the source breaks off or is damaged")
    return found
