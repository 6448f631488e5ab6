"""State of the whole system in a few numbers, for the terminal, programs and health checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from grouping import RULES_VERSION
from models.catalog.file import read_folder_paths
from models.catalog.storage import PURPOSE_FILES, Storage, StorageStatus
from models.core.paths import display_path, join_path
from models.queues.registry import ISLAND_QUEUE, JOB_QUEUE, MARK_QUEUE, MEDIA_QUEUE, WORK_QUEUES
from services.core.free_space import find_low_space
from services.core.text import pluralize
from services.operations.problems import PROBLEM_KINDS
from services.operations.waiting_work import format_duration
from services.storages.process_reports import MachineView, describe_unserved_queues, list_machine_views
from services.storages.storages import IS_PRESENT

MAX_UNREADABLE_SHOWN = 20

COUNTED_PROBLEMS: tuple[tuple[str, Callable[[int], str]], ...] = (
    ("parked", lambda number: pluralize(number, "dead letter")),
    ("failed", lambda number: f"{pluralize(number, 'file or folder', 'files or folders')} unreadable"),
    *((kind.name, kind.describe) for kind in PROBLEM_KINDS),
)
"""Counts of the status that are never green, and how the headline says them, the worst first."""

# Exact counts, not estimates, because programs wait for `idle`. Every part reads an index or a small table.
STATUS_COUNTS = text(f"""
    SELECT
        (SELECT count(*) FROM file WHERE status NOT IN ('DELETED', 'MISSING')) AS files,
        (SELECT count(*) FROM asset WHERE status = 'ACTIVE') AS assets,
        (SELECT CAST(coalesce(sum(unsettled), 0) AS bigint) FROM storage) AS growing,
        {ISLAND_QUEUE.pending_count} AS pending_islands,
        (SELECT count(*) FROM {ISLAND_QUEUE.view} AS island WHERE wait_until IS NOT NULL) AS waiting_islands,
        (SELECT count(*) FROM {ISLAND_QUEUE.view} AS island WHERE done > 0 AND rules_version <> :rules)
            AS outdated_islands,
        {MARK_QUEUE.pending_count} AS index_queue,
        {JOB_QUEUE.pending_count} + (SELECT count(*) FROM {MEDIA_QUEUE.view} AS work
            WHERE {MEDIA_QUEUE.is_pending} AND not_before < now() + interval '30 s') AS jobs_waiting,
        {" + ".join(queue.dead_count for queue in WORK_QUEUES)} AS parked,
        (SELECT count(*) FROM file WHERE status = 'MISSING' AND NOT EXISTS (
            SELECT FROM folder JOIN storage ON storage.id = folder.storage_id
            WHERE folder.id = file.folder_id AND storage.removed_at IS NOT NULL)) AS missing,
        (SELECT count(*) FROM file WHERE status = 'OPEN') AS empty,
        (SELECT count(*) FROM file WHERE status = 'FAILED' OR error IS NOT NULL)
            + (SELECT count(*) FROM folder WHERE error IS NOT NULL) AS failed,
        {", ".join(f"{kind.count} AS {kind.name}" for kind in PROBLEM_KINDS)},
        (SELECT count(*) FROM file WHERE suspected_at IS NOT NULL) AS suspected,
        {MARK_QUEUE.lag} AS index_lag_seconds
""")

# The limit is inside: on a storage that refuses everything these are millions.
SELECT_UNREADABLE = text("""
    (SELECT id, storage_id, CAST('' AS bytea) AS name, error FROM folder WHERE error IS NOT NULL LIMIT :most)
    UNION ALL
    (SELECT folder.id, storage_id, file.name, file.error
    FROM file JOIN folder ON folder.id = file.folder_id WHERE file.error IS NOT NULL LIMIT :most)
""")


@dataclass(frozen=True, slots=True)
class StorageState:
    """State of one storage for display."""

    name: str
    root: str
    status: str
    message: str
    is_frozen: bool
    is_scanning: bool
    scan_entries: int
    scan_expected: int
    events_lost: int
    watcher_restarts: int
    writer_check: str | None
    unreadable: list[str] = field(default_factory=list)
    watcher_host: str | None = None
    """The machine of its watcher, or of the last one."""
    watcher_age_seconds: float = 0.0
    """How long ago its watcher was seen."""
    is_watched: bool = True
    """Whether that was lately; a storage that is not watched needs none."""


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """Counts of the whole system.

    `growing`: files that are not stable yet; `pending_islands`: islands to be grouped; `outdated_islands`: islands that
    older rules grouped; `empty`: files of zero bytes, which wait for content; `failed`: files and folders that cannot
    be read; `unreadable_media`, `checksum_mismatches`, `flipped_files`, `failed_jobs` and `unconfirmed_missing`: see
    `services.operations.problems`; `idle`: every storage has its watcher, and nothing is growing, pending, queued or
    scanning (orphans, empty files and dead letters do not count); `problems`: what needs a person.
    """

    files: int
    assets: int
    growing: int
    pending_islands: int
    waiting_islands: int
    outdated_islands: int
    index_queue: int
    jobs_waiting: int
    parked: int
    missing: int
    empty: int
    failed: int
    unreadable_media: int
    checksum_mismatches: int
    flipped_files: int
    failed_jobs: int
    unconfirmed_missing: int
    suspected: int
    index_lag_seconds: float
    storages: list[StorageState]
    low_space: dict[str, str] = field(default_factory=dict)
    """Folders of Tapeless on this machine whose disk is almost full, in words."""

    @property
    def idle(self) -> bool:
        """Whether every stable file is an asset and every change can be found."""
        busy = self.growing + self.pending_islands + self.index_queue + self.jobs_waiting
        return busy == 0 and not any(each.is_scanning or not each.is_watched for each in self.storages)

    @property
    def problems(self) -> list[str]:
        """What needs a person, the worst first; a green word is only said if there is nothing."""
        found = list(self.low_space.values())
        found += [f'storage "{storage.name}" needs attention' for storage in self.storages if storage.message]
        found += [describe(number) for name, describe in COUNTED_PROBLEMS if (number := getattr(self, name))]
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the status for programs."""
        return asdict(self) | {"idle": self.idle, "problems": self.problems}


def read_status(session: Session, own_folders: Mapping[str, Path] | None = None) -> SystemStatus:
    """Count everything; `own_folders` are those that Tapeless writes to on this machine.

    Storages are read before the counts, in the direction of the pipeline: work that leaves its scan in between is still
    counted.
    """
    rows = session.scalars(select(Storage).where(IS_PRESENT).order_by(Storage.name)).all()
    counts = session.execute(STATUS_COUNTS, {"rules": RULES_VERSION}).one()._asdict()
    counts["index_lag_seconds"] = round(float(counts["index_lag_seconds"]), 3)
    unreadable: dict[object, list[str]] = {}
    failed = session.execute(SELECT_UNREADABLE, {"most": MAX_UNREADABLE_SHOWN}).all()
    folders = read_folder_paths(session, [row.id for row in failed])
    paths = sorted((join_path(folders[row.id], row.name), row.storage_id, row.error) for row in failed)
    for path, storage_id, error in paths[:MAX_UNREADABLE_SHOWN]:
        unreadable.setdefault(storage_id, []).append(f"{display_path(path.rstrip(b'/')) or '.'}: {error}")
    views = list_machine_views(session)
    storages = [
        StorageState(
            row.name,
            display_path(row.absolute_root),
            row.status.value,
            "; ".join(filter(None, (describe_storage_trouble(row), _describe_unserved(row, views)))),
            row.frozen_reason is not None,
            _is_scan_due(row),
            row.scan_entries,
            row.scan_expected,
            row.events_lost,
            row.watcher_restarts,
            row.writer_check,
            unreadable.get(row.id, []),
            row.watcher_host,
            round(row.watcher_age_seconds, 1),
            row.is_watched,
        )
        for row in rows
    ]
    return SystemStatus(**counts, storages=storages, low_space=find_low_space(own_folders or {}))


def describe_storage_trouble(row: Storage) -> str:
    """Return what an operator has to know of a storage, or an empty text."""
    failing = (
        f'storage "{row.name}": its watcher ended with an error and starts again '
        f"({pluralize(row.watcher_restarts, 'time')} so far): {row.watcher_error}"
        if row.watcher_error
        else ""
    )
    return "; ".join(
        filter(None, ("" if row.is_watched else describe_absent_watcher(row), row.status_message, failing))
    )


def describe_absent_watcher(row: Storage) -> str:
    """Return since when no watcher was seen, and what to do."""
    since = format_duration(row.watcher_age_seconds)
    where = f" (the last one on {row.watcher_host})" if row.watcher_host else ""
    return f'storage "{row.name}": no watcher was seen for {since}{where}, so new files are not; start tapeless watch'


def _describe_unserved(row: Storage, views: Sequence[MachineView]) -> str:
    if row.purpose != PURPOSE_FILES or row.status is StorageStatus.INACTIVE:
        return ""
    unserved = describe_unserved_queues(views, row.id)
    return f'storage "{row.name}": {unserved}' if unserved else ""


def _is_scan_due(row: Storage) -> bool:
    """Return whether a first or requested scan is still to come."""
    is_first = row.last_scanned is None and row.settings.get("scan", True)
    is_watched = row.status is StorageStatus.ACTIVE and row.purpose == PURPOSE_FILES
    return is_watched and (is_first or row.scan_requested_at is not None)
