"""Transcode tasks: each message claims the oldest waiting job, and notifies another worker before it starts.

A periodic task deletes what is left of removed renditions: deleting a format or purging an asset deletes the file set,
and a killed run leaves a folder that no row names.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, text

from models.catalog.storage import PURPOSE_PROXIES, Storage
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import (
    TRANSCODE_TASK,
    JobClaim,
    claim_next_transcode,
    is_transcode_waiting,
    record_transcode_obstacle,
)
from models.queues.notify import Notifier
from services.core.folder_markers import find_rendition_storage_fault
from services.jobs.runner import JobKind, JobRun
from services.renditions.encode import TranscodeContext, TranscodeRun
from services.renditions.paths import (
    MIN_RUN_AGE_SECONDS,
    RUN_FOLDER_PATTERN,
    find_rendition_folder_fault,
    is_run_registered,
    list_old_runs,
    remove_run_folder,
)
from services.renditions.registry import move_renditions_to_sources
from watch.root_visibility import find_unseen_storages

log = logging.getLogger(__name__)

DELETE_ORPHANED_FILES = text("""
    DELETE FROM file USING folder, storage
    WHERE folder.id = file.folder_id AND storage.id = folder.storage_id AND storage.purpose = 'PROXIES'
        AND NOT EXISTS (SELECT FROM file_set_file WHERE file_id = file.id)
""")
# Bottom-up: an empty folder is deleted by one statement, its parent by the next.
DELETE_EMPTY_FOLDERS = text("""
    DELETE FROM folder USING storage
    WHERE storage.id = folder.storage_id AND storage.purpose = 'PROXIES' AND folder.parent_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM file WHERE file.folder_id = folder.id)
        AND NOT EXISTS (SELECT FROM folder AS below WHERE below.parent_id = folder.id)
""")
RUN_FOLDER_DEPTH = 3
"""Levels of folders below the root, deleted one per statement."""


def transcode_jobs(by: TranscodeContext) -> JobKind:
    """Return the transcode jobs."""
    return JobKind(TRANSCODE_TASK, lambda run: TranscodeRun(by, run).transcode())


def run_next_transcode(
    sessions: Sessions,
    timing: Timing,
    by: TranscodeContext,
    notify: Notifier,
    announce: Callable[[JobClaim], None] = lambda _: None,
) -> JobClaim | None:
    """Claim, announce and run the next job; return its claim, or None if there was none."""
    if fault := find_rendition_folder_fault(sessions):
        log.error("no transcode is taken: %s", fault)
        transact(sessions, record_transcode_obstacle, f"waits for a worker that can write renditions: {fault}")
        return None
    unseen = find_unseen_storages(sessions)
    claim = transact(sessions, claim_next_transcode, timing, by.at_once, unseen)
    if claim is None:
        return None
    announce(claim)
    _notify_if_waiting(sessions, notify)
    transcode_jobs(by).run_claimed(JobRun(sessions, timing, claim))
    _notify_if_waiting(sessions, notify)
    return claim


def _notify_if_waiting(sessions: Sessions, notify: Notifier) -> None:
    with sessions() as session:
        if is_transcode_waiting(session):
            notify(TRANSCODE_TASK, ())


def clean_up_renditions(sessions: Sessions) -> None:
    """Move renditions to the assets that have their sources now, and delete those without a source."""
    transact(sessions, move_renditions_to_sources)
    delete_orphaned_renditions(sessions)


def delete_orphaned_renditions(sessions: Sessions, min_age_seconds: float = MIN_RUN_AGE_SECONDS) -> int:
    """Delete file rows without a file set, and run folders that no row names; return the number of folders."""
    transact(sessions, lambda session: session.execute(DELETE_ORPHANED_FILES))
    for _ in range(RUN_FOLDER_DEPTH):
        transact(sessions, lambda session: session.execute(DELETE_EMPTY_FOLDERS))
    with sessions() as session:
        storages = session.scalars(select(Storage).where(Storage.purpose == PURPOSE_PROXIES)).all()
    removed = 0
    for storage in storages:
        if find_rendition_storage_fault(sessions, storage):
            continue  # what is in another system's folder is of other rows
        for run in list_old_runs(Path(os.fsdecode(storage.place)), min_age_seconds):
            if RUN_FOLDER_PATTERN.fullmatch(run.name) and not transact(
                sessions, is_run_registered, storage.id, run.name
            ):
                remove_run_folder(run)
                removed += 1
    return removed
