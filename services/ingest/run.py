"""Ingest of dirty islands: claim, read in one snapshot, group with the pure function, write the difference, finish.

1. A short transaction leases the islands and counts attempts.
2. One read-only snapshot loads files and the assets that hold them, and the pure function groups them: which frames
   have to be read depends on the groups.
3. Plans are matched with the stored assets; no transaction is open.
4. Short transactions of some hundred assets write, each fenced by lease, attempt and epoch; the last one of an island
   sets `done` to the `seen` that was read, so that changes made meanwhile keep the island dirty.
"""

import logging
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grouping import RULES_VERSION, AssetPlan, GroupingResult
from models.core.sessions import Sessions, read_snapshot, transact
from models.core.timing import Timing
from models.core.tracing import span
from services.catalog.collections.folder_mirror import MirroredStorage, mirror_islands
from services.ingest.changeset import IngestChanges
from services.ingest.claims import (
    IslandClaim,
    IslandOutcome,
    claim_islands,
    fail_islands,
    finish_islands,
    island_lease_heartbeat,
    lock_island_claims,
    requeue_islands,
)
from services.ingest.create import create_ingested_asset
from services.ingest.matching import match_plans
from services.ingest.merged_assets import MergeSnapshot, load_merge_snapshots
from services.ingest.plan import PlannedAsset, plan_asset
from services.ingest.provenance import find_splits
from services.ingest.reader import read_and_group, seconds_since_creation
from services.ingest.sidecar_gate import SIDECAR_RECHECK_SECONDS, is_waiting_for_sidecar
from services.ingest.state import IslandSnapshot, IslandState
from services.ingest.update import AssetUpdate, empty_vanished_sets, take_asset_offline
from services.ingest.writer import write_ingest_changes

log = logging.getLogger(__name__)

MAX_CHUNK_ASSETS = 500
INGEST_ACTOR = "ingest"
DRAIN_INDEX_TASK = "index.drain"


@dataclass(slots=True)
class IngestChunk:
    """Changes of one transaction, and the islands that are finished with it."""

    claims: dict[int, IslandClaim] = field(default_factory=dict)
    changes: IngestChanges = field(default_factory=IngestChanges)
    ends: list[IslandOutcome] = field(default_factory=list)
    mirrored: dict[uuid.UUID, tuple[MirroredStorage, list[int]]] = field(default_factory=dict)
    """Storages with folder mirroring, each with its finished islands; usually empty."""
    assets: int = 0


def ingest_islands(
    sessions: Sessions, ids: Sequence[int], timing: Timing, notify: Callable[[str, Sequence[int]], None]
) -> int:
    """Group those of the islands `ids` that are dirty and not leased; return how many were finished.

    An error is stored with the islands, which are retried one by one, and raised.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    claims = transact(sessions, lambda session: claim_islands(session, ids, owner, timing))
    try:
        with span("ingest.island", [claim.trace for claim in claims], islands=len(claims)):
            finished = _ingest_claimed(sessions, claims, owner, timing)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:2_000]
        transact(sessions, lambda session: fail_islands(session, claims, owner, reason, counts=len(claims) == 1))
        raise
    if finished:
        notify(DRAIN_INDEX_TASK, ())
    return finished


def _ingest_claimed(sessions: Sessions, claims: list[IslandClaim], owner: str, timing: Timing) -> int:
    """Group the claims; islands with a lost lease are requeued, and the others are grouped without them."""
    while claims:
        try:
            with island_lease_heartbeat(sessions, claims, owner, timing):
                return _ingest_once(sessions, claims, owner, timing)
        except LeaseLostError as lost:
            log.info("%s", lost)
            gone = [claim for claim in claims if claim.id in lost.islands]
            transact(sessions, requeue_islands, gone, owner)
            claims = [claim for claim in claims if claim.id not in lost.islands]
    return 0


def _ingest_once(sessions: Sessions, claims: Sequence[IslandClaim], owner: str, timing: Timing) -> int:
    read, now = read_snapshot(
        sessions, lambda session: (read_and_group(session, claims), session.scalars(select(func.now())).one())
    )
    found = read.snapshot
    overdue, waits = _overdue_orphans(sessions, found, read.groupings)
    planned = [
        plan_asset(island, plan, found)
        for island in found.islands.values()
        for plan in _plans_to_ingest(read.groupings[island.claim.id], overdue)
    ]
    match_plans(planned, found, _load_split_snapshots(sessions, find_splits(planned, found)))
    planned = _exclude_waiting_for_sidecar(planned, waits)
    finished = 0
    for chunk in _chunks(found, planned, waits, now, timing):
        finished += transact(sessions, _write_chunk, chunk, owner)
    return finished


def _exclude_waiting_for_sidecar(planned: Sequence[PlannedAsset], waits: dict[int, float]) -> list[PlannedAsset]:
    """Leave out assets that wait for their sidecar, and schedule a recheck of their islands in `waits`."""
    taken_in = []
    for each in planned:
        if each.stored is None and is_waiting_for_sidecar(each.island, each.plan):
            island_id = each.island.claim.id
            waits[island_id] = min(SIDECAR_RECHECK_SECONDS, waits.get(island_id, SIDECAR_RECHECK_SECONDS))
        else:
            taken_in.append(each)
    return taken_in


def _load_split_snapshots(sessions: Sessions, parted: set[uuid.UUID]) -> list[MergeSnapshot]:
    return read_snapshot(sessions, lambda session: load_merge_snapshots(session, parted)) if parted else []


def _plans_to_ingest(grouping: GroupingResult, overdue: set[bytes]) -> list[AssetPlan]:
    standing = [orphan.asset for orphan in grouping.orphans if orphan.path in overdue]
    return [*grouping.assets, *standing]


def _overdue_orphans(
    sessions: Sessions, found: IslandSnapshot, groupings: dict[int, GroupingResult]
) -> tuple[set[bytes], dict[int, float]]:
    """Return the paths of orphans that become assets now, and by island the seconds until its next one does.

    Orphans are captions, sidecars and the like without their media file. One that is an asset already stays one; a new
    one waits `orphan_after_seconds` for its media file first.
    """
    overdue: set[bytes] = set()
    waiting: list[tuple[IslandState, bytes]] = []
    for island_id, grouping in groupings.items():
        island = found.islands[island_id]
        for orphan in grouping.orphans:
            if island.files[orphan.path].file_set_id is not None:
                overdue.add(orphan.path)
            else:
                waiting.append((island, orphan.path))
    waits: dict[int, float] = {}
    if waiting:
        files = [island.files[path].id for island, path in waiting]
        ages = read_snapshot(sessions, lambda session: seconds_since_creation(session, files))
        for island, path in waiting:
            left = island.rules.profile.orphan_after_seconds - ages[island.files[path].id]
            if left <= 0:
                overdue.add(path)
            else:
                waits[island.claim.id] = min(left, waits.get(island.claim.id, left))
    return overdue, waits


def _chunks(
    found: IslandSnapshot, planned: Sequence[PlannedAsset], waits: dict[int, float], now: datetime, timing: Timing
) -> Iterator[IngestChunk]:
    """Split the work into transactions: new assets in chunks of some hundred, all other changes in the last chunk.

    New assets depend on nothing, so a crash between two chunks leaves complete assets that the next attempt matches.
    """
    chunk = IngestChunk()
    for asset in planned:
        if asset.stored is None and asset.is_new:
            _add_claim(chunk, asset.island.claim)
            create_ingested_asset(asset, chunk.changes)
            chunk.assets += 1
            if chunk.assets >= MAX_CHUNK_ASSETS:
                yield chunk
                chunk = IngestChunk()
    for island in found.islands.values():
        _add_claim(chunk, island.claim)
    _update_assets(found, planned, chunk.changes, now, timing)
    for island in found.islands.values():
        due = [seconds for seconds in (waits.get(island.claim.id), chunk.changes.waits.get(island.claim.id)) if seconds]
        chunk.ends.append(IslandOutcome(island.claim, island.rules.profile_revision, min(due, default=None)))
        if island.rules.settings.enable_collection_directory_mapping:
            rules = island.rules
            mirrored = MirroredStorage(rules.id, rules.name, rules.owner_id, rules.rights)
            chunk.mirrored.setdefault(rules.id, (mirrored, []))[1].append(island.claim.id)
    yield chunk


def _update_assets(
    found: IslandSnapshot, planned: Sequence[PlannedAsset], changes: IngestChanges, now: datetime, timing: Timing
) -> None:
    continued: set[uuid.UUID] = set()
    for asset in planned:
        if asset.stored is not None:
            continued.update(part.row.id for part in (asset.stored, *asset.merged))
            AssetUpdate(asset, changes, now, timing.growth_seconds).write()
        elif not asset.is_new:
            create_ingested_asset(asset, changes)
    kept = {part.stored.id for asset in planned for part in asset.sets() if part.stored} | set(changes.emptied_sets)
    for asset_id, stored in found.assets.items():
        if asset_id in continued:
            if stored.pinned_formats:
                empty_vanished_sets(stored, found.islands, kept, changes)
        elif not stored.is_needed_elsewhere and stored.row.island_id in found.islands:
            take_asset_offline(stored, found.islands.values(), changes)
    for island in found.islands.values():
        changes.buckets.extend(island.buckets.values())
        changes.recounted.extend((file.id, 0) for file in island.files.values() if file.is_counted_but_gone)


def _add_claim(chunk: IngestChunk, claim: IslandClaim) -> None:
    chunk.claims[claim.id] = claim


def _write_chunk(session: Session, chunk: IngestChunk, owner: str) -> int:
    """Write a chunk and finish its islands; return how many were finished.

    Raises:
        LeaseLostError: an island was claimed or changed by another process; nothing is written.
    """
    # FOR UPDATE of the islands until the commit: the fence that makes a late worker's write impossible.
    held = lock_island_claims(session, [chunk.claims[island] for island in sorted(chunk.claims)], owner)
    lost = chunk.claims.keys() - held
    if lost:
        raise LeaseLostError(lost)
    write_ingest_changes(session, chunk.changes, INGEST_ACTOR)
    for storage, islands in chunk.mirrored.values():
        mirror_islands(session, storage, islands)
    finish_islands(session, chunk.ends, RULES_VERSION)
    return len(chunk.ends)


class LeaseLostError(Exception):
    """Islands of this batch were claimed by another worker, or their epoch changed while they were grouped."""

    def __init__(self, islands: Iterable[int]) -> None:
        self.islands = frozenset(islands)
        super().__init__(f"islands {sorted(self.islands)} were claimed or changed meanwhile; they are tried again")
