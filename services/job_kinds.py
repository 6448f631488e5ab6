"""Registry of the kinds of jobs: what Tapeless runs, by task. A job whose task is not here is never run."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.notify import Notifier
from search.engine import SearchEngine
from services.approvals.collection_requests import COLLECTION_APPROVALS_JOBS
from services.catalog.collections.folder_mirror import MIRROR_FOLDERS_JOBS
from services.catalog.collections.permissions import CONTENT_PERMISSIONS_JOBS
from services.catalog.collections.tree import DELETE_COLLECTIONS_JOBS
from services.grouping.regroup import regroup_jobs
from services.indexing.audit import comparison_jobs
from services.indexing.rebuild import rebuild_jobs
from services.jobs.jobs import describe_jobs
from services.jobs.runner import JobKind
from services.lifecycle.purge import PURGE_ASSETS_JOBS, PURGE_COLLECTIONS_JOBS
from services.lifecycle.restore import RESTORE_DELETED_JOBS
from services.media.drain import reread_jobs
from services.media.previews import preview_reading_for
from services.media.probe import PROBE_READING
from services.media.rebuild import media_rebuild_jobs
from services.metadata.bulk_write import SET_VALUES_JOBS
from services.outbound.config import OutboundConfig
from services.readiness.arrivals import ARRIVAL_JOBS
from services.readiness.fixity import FIXITY_JOBS
from services.readiness.jobs import READY_JOBS
from services.renditions.encode import TranscodeContext
from services.renditions.jobs import transcode_jobs
from services.renditions.profiles import TranscodeProfiles
from services.sidecars.caption_import import CAPTION_JOBS
from services.sidecars.reader import SIDECAR_READING
from services.sidecars.verification import checksum_jobs
from services.storages.removal import REMOVE_STORAGE_JOBS
from services.triggers.runner import TriggerEnvironment, trigger_jobs


class JobEnvironment(Protocol):
    """What a process provides to jobs."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def timing(self) -> Timing: ...
    @property
    def notify(self) -> Notifier: ...
    @property
    def engine(self) -> SearchEngine: ...
    @property
    def media_folder(self) -> Path: ...
    @property
    def transcode_profiles(self) -> TranscodeProfiles: ...
    @property
    def max_transcodes(self) -> int: ...
    @property
    def outside(self) -> OutboundConfig: ...
    @property
    def trigger_user(self) -> str | None: ...


def job_kinds(context: JobEnvironment) -> dict[str, JobKind]:
    """Return every kind of job by its task."""
    encoding = TranscodeContext(context.transcode_profiles, at_once=context.max_transcodes)
    kinds = (
        ARRIVAL_JOBS,
        CAPTION_JOBS,
        COLLECTION_APPROVALS_JOBS,
        CONTENT_PERMISSIONS_JOBS,
        DELETE_COLLECTIONS_JOBS,
        FIXITY_JOBS,
        MIRROR_FOLDERS_JOBS,
        PURGE_ASSETS_JOBS,
        PURGE_COLLECTIONS_JOBS,
        REMOVE_STORAGE_JOBS,
        READY_JOBS,
        RESTORE_DELETED_JOBS,
        SET_VALUES_JOBS,
        checksum_jobs(),
        media_rebuild_jobs(context.media_folder, context.notify),
        comparison_jobs(context.engine),
        rebuild_jobs(context.engine),
        regroup_jobs(),
        reread_jobs(PROBE_READING),
        reread_jobs(SIDECAR_READING),
        reread_jobs(preview_reading_for(context.media_folder)),
        transcode_jobs(encoding),
        trigger_jobs(TriggerEnvironment(context.trigger_user, context.outside), context.notify),
    )
    return {kind.task: kind for kind in kinds}


def run_job_message(context: JobEnvironment, task: str, ids: Sequence[str]) -> str | None:
    """Run the jobs that a message names; a duplicate message finds nothing to claim.

    Return how they ended, which Flower shows as the result of the task.
    """
    job_ids = [uuid.UUID(one) for one in ids]
    ran = job_kinds(context)[task].run(context.sessions, job_ids, context.timing, context.notify)
    with context.sessions() as session:
        return describe_jobs(session, list(ran))
