"""Check the invariants of a live system. Repairs use the normal pipeline: a scan, a dirty island, an index mark."""

import time
from collections.abc import Callable, Iterator

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from grouping import IgnorePatterns, Profile
from models.catalog.asset import Asset, AssetStatus
from models.catalog.file import read_folder_paths
from models.catalog.storage import PURPOSE_FILES, Storage, StorageSettings, StorageStatus
from models.core.paths import display_path, join_path
from models.core.sessions import read_snapshot, transact
from models.core.statements import execute_dml
from models.queues.registry import ISLAND_QUEUE, WORK_QUEUES
from services.core.history import CLIENT_ENTRY
from services.indexing.audit import audit_index_pages, find_unmarked, mark_unmarked
from services.indexing.audit import repair_index_page as repair_page
from services.operations.backlog import retry_all_dead_letters
from services.operations.check_result import CheckResult, VerifyContext
from services.operations.grouping_invariants import check_counts, check_grouping, report_island
from services.operations.media_invariants import check_media
from services.operations.share_invariants import check_shares
from watch.disk.listing import walk_tree

VERIFY_GRACE_SECONDS = 3.0
"""Tolerated lag, beyond the storage's threshold, of a row behind its file."""


def check_invariants(audited: VerifyContext, repair: bool = False) -> list[CheckResult]:
    """Check every invariant; with `repair`, requeue what violates one."""
    checks: list[Callable[[VerifyContext, bool], CheckResult]] = [
        check_files,
        check_grouping,
        check_counts,
        check_history,
        check_documents,
        check_leases,
        check_media,
        check_shares,
    ]
    return [check(audited, repair) for check in checks]


def check_files(audited: VerifyContext, repair: bool) -> CheckResult:
    """Check that every stable, regular, not ignored file on disk is recorded, and is in a file set unless it waits."""
    found = CheckResult("files", "every stable file on disk is in exactly one file set, or waits for its partner")
    with audited.sessions() as session:
        watched = select(Storage).where(Storage.status == StorageStatus.ACTIVE, Storage.purpose == PURPOSE_FILES)
        storages = session.scalars(watched).all()
    for storage in storages:
        known = read_snapshot(audited.sessions, _known_paths, storage)
        broken = found.broken
        for path, stamp in _paths_on_disk(storage, audited.excluded):
            found.checked += 1
            if known.get(path, ()) not in (None, stamp):
                found.add_violation(f"{storage.name}/{display_path(path)}: on disk, but its row says otherwise")
        if repair and found.broken > broken:
            found.repaired += found.broken - broken
            statement = update(Storage).where(Storage.id == storage.id).values(scan_requested_at=func.now())
            transact(audited.sessions, execute_dml, statement)
    for row in read_snapshot(audited.sessions, lambda session: session.execute(SELECT_UNGROUPED_FILES).all()):
        fault = f"{display_path(bytes(row.name))}: stable, in no file set, and nothing waits for it"
        report_island(audited, found, fault, row.island_id if repair else None)
    return found


SELECT_UNGROUPED_FILES = text(f"""
    SELECT file.name, folder.island_id FROM file
    JOIN folder ON folder.id = file.folder_id
    JOIN storage ON storage.id = folder.storage_id AND storage.purpose = 'FILES'
    LEFT JOIN {ISLAND_QUEUE.view} AS island ON island.id = folder.island_id
    LEFT JOIN file_set_file AS member ON member.file_id = file.id
    WHERE member.file_id IS NULL AND file.status IN ('CLOSED', 'REDISCOVERED')
        AND island.dirty_since IS NULL AND island.wait_until IS NULL AND island.parked_at IS NULL
""")

SELECT_RECORDED_FILES = text("""
    SELECT file.folder_id, file.name, file.size, file.mtime_ns, file.error IS NOT NULL AS is_listed FROM file
    JOIN folder ON folder.id = file.folder_id
    WHERE folder.storage_id = :storage AND file.status NOT IN ('MISSING', 'DELETED')
""")


def _known_paths(session: Session, storage: Storage) -> dict[bytes, tuple[int, int] | None]:
    """Return size and time of recorded files by path; None for those that are listed as unreadable, with a reason."""
    folders = read_folder_paths(session, [storage.id], "storage_id")
    return {
        join_path(folders[folder_id], bytes(name)): None if is_listed else (size, mtime_ns)
        for folder_id, name, size, mtime_ns, is_listed in session.execute(
            SELECT_RECORDED_FILES, {"storage": storage.id}
        )
    }


def _paths_on_disk(storage: Storage, excluded: frozenset[bytes]) -> Iterator[tuple[bytes, tuple[int, int]]]:
    settings = StorageSettings.model_validate(storage.settings)
    starts = [folder.encode() for folder in settings.scan_directories] or [b""]
    settled_before = time.time_ns() - int((settings.growing_files_threshold + VERIFY_GRACE_SECONDS) * 1e9)
    ignore = IgnorePatterns(settings.scan_ignore, Profile.model_validate(storage.profile).hidden)
    for listings in walk_tree(storage.place, starts, ignore, excluded):
        for folder, listing in listings:
            for entry in listing.files:
                if entry.ctime_ns < settled_before:
                    yield join_path(folder, entry.name), (entry.size, entry.mtime_ns)


SELECT_WITHOUT_CREATION = text(f"""
    SELECT asset.id, asset.title, count(history.id) AS births FROM asset
    LEFT JOIN history ON history.asset_id = asset.id AND history.operation_type = 'VERSION_CREATE'
        AND NOT history.details ? '{CLIENT_ENTRY}'
    WHERE asset.status = 'ACTIVE' GROUP BY asset.id HAVING count(history.id) <> 1
""")


def check_history(audited: VerifyContext, _repair: bool) -> CheckResult:
    """Check that every asset was created exactly once. History itself rejects changes."""
    found = CheckResult("history", "every asset's creation is in history exactly once")
    with audited.sessions() as session:
        found.checked = session.scalar(select(func.count(Asset.id)).where(Asset.status == AssetStatus.ACTIVE)) or 0
        for row in session.execute(SELECT_WITHOUT_CREATION):
            found.add_violation(f'asset "{row.title}" ({row.id}): {row.births} creations in history')
    return found


# Two sweeps of tolerance: the sweep itself takes up what lost its worker, so only what it missed twice is a fault.
SELECT_LOST_WORK = text(" UNION ALL ".join(queue.faults for queue in WORK_QUEUES))


def check_leases(audited: VerifyContext, repair: bool) -> CheckResult:
    """Check that work is done, waiting, leased or dead-lettered with a reason; a repair requeues dead letters."""
    found = CheckResult("leases", "no lease is past its end by two sweeps; dead letters have a reason")
    with audited.sessions() as session:
        for fault in session.scalars(SELECT_LOST_WORK, {"sweep": audited.timing.sweep_seconds}):
            found.add_violation(fault)
    if repair:
        found.repaired = sum(transact(audited.sessions, retry_all_dead_letters).values())
    return found


def check_documents(audited: VerifyContext, repair: bool) -> CheckResult:
    """Check that every object's search document has its revision, and that no document lacks an object."""
    found = CheckResult("documents", "every object's search document has its revision; no document without an object")
    with audited.sessions() as session:
        unmarked = find_unmarked(session)
    for page in audit_index_pages(audited.sessions, audited.engine):
        found.checked += page.checked
        for key in page.wrong:
            found.add_violation(f"{key.object_type} {key.object_id}: its search document is not of its revision")
        if repair:
            found.repaired += repair_page(audited.sessions, audited.engine, page)
    for key in unmarked:
        found.add_violation(f"{key.object_type} {key.object_id}: it has no mark for the index")
    if repair and unmarked:
        transact(audited.sessions, lambda session: mark_unmarked(session, unmarked))
        found.repaired += len(unmarked)
    return found
