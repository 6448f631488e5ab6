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

from celery import shared_task
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.sessions import Sessions, snapshot, transact
from models.timing import Timing
from models.tracing import span
from tasks.changes import Changes
from tasks.collection_mirror import Mirrored, mirror_islands
from tasks.continuation import Continuation, abandon_asset
from tasks.creation import create_asset
from tasks.island_state import IslandState, Snapshot
from tasks.lease_keeper import keep_leases
from tasks.leases import (
    IslandClaim,
    IslandEnd,
    claim_islands,
    finish_islands,
    lock_claims,
    release_islands,
    return_islands,
)
from tasks.matching import match
from tasks.origins import parting
from tasks.planned import PlannedAsset, plan_asset
from tasks.read_islands import read_and_group, seconds_since_creation
from tasks.required_sidecars import LOOK_SECONDS, is_held
from tasks.taken import Taken, read_taken
from tasks.write_changes import write_changes
from watch.grouping import RULES_VERSION, AssetPlan, Grouping

log = logging.getLogger(__name__)

CHUNK_ASSETS = 500
ACTOR = "ingest"
DRAIN_INDEX = "index.drain"


@dataclass(slots=True)
class Chunk:
    """Changes of one transaction, and the islands that are finished with it."""

    claims: dict[int, IslandClaim] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    ends: list[IslandEnd] = field(default_factory=list)
    mirrored: dict[uuid.UUID, tuple[Mirrored, list[int]]] = field(default_factory=dict)
    """Storages with folder mirroring, each with its finished islands; usually empty."""
    assets: int = 0


def ingest_islands(
    sessions: Sessions, ids: Sequence[int], timing: Timing, ring: Callable[[str, Sequence[int]], None]
) -> int:
    """Group those of the islands `ids` that are dirty and not leased; return how many were finished.

    An error is stored with the islands, which are retried one by one, and raised.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    claims = transact(sessions, lambda session: claim_islands(session, ids, owner, timing))
    try:
        with span("ingest.island", [claim.trace for claim in claims], islands=len(claims)):
            finished = _ingest_what_is_held(sessions, claims, owner, timing)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:2_000]
        transact(sessions, lambda session: release_islands(session, claims, owner, reason, counts=len(claims) == 1))
        raise
    if finished:
        ring(DRAIN_INDEX, ())
    return finished


def _ingest_what_is_held(sessions: Sessions, claims: list[IslandClaim], owner: str, timing: Timing) -> int:
    """Group the claims; islands with a lost lease are requeued, and the others are grouped without them."""
    while claims:
        try:
            with keep_leases(sessions, claims, owner, timing):
                return _ingest(sessions, claims, owner, timing)
        except LeaseLostError as lost:
            log.info("%s", lost)
            gone = [claim for claim in claims if claim.id in lost.islands]
            transact(sessions, lambda session, gone=gone: return_islands(session, gone, owner))
            claims = [claim for claim in claims if claim.id not in lost.islands]
    return 0


def _ingest(sessions: Sessions, claims: Sequence[IslandClaim], owner: str, timing: Timing) -> int:
    read, now = snapshot(
        sessions, lambda session: (read_and_group(session, claims), session.scalar(select(func.now())))
    )
    found = read.snapshot
    overdue, waits = _overdue_orphans(sessions, found, read.groupings)
    planned = [
        plan_asset(island, plan, found)
        for island in found.islands.values()
        for plan in _in_order(read.groupings[island.claim.id], overdue)
    ]
    match(planned, found, _taken_by(sessions, parting(planned, found)))
    planned = _without_held(planned, waits)
    finished = 0
    for chunk in _chunks(found, planned, waits, now, timing):
        finished += transact(sessions, lambda session, chunk=chunk: _write(session, chunk, owner))
    return finished


def _without_held(planned: Sequence[PlannedAsset], waits: dict[int, float]) -> list[PlannedAsset]:
    """Leave out assets that wait for their sidecar, and schedule a recheck of their islands in `waits`."""
    taken_in = []
    for each in planned:
        if each.stored is None and is_held(each.island, each.plan):
            island_id = each.island.claim.id
            waits[island_id] = min(LOOK_SECONDS, waits.get(island_id, LOOK_SECONDS))
        else:
            taken_in.append(each)
    return taken_in


def _taken_by(sessions: Sessions, parted: set[uuid.UUID]) -> list[Taken]:
    return snapshot(sessions, lambda session: read_taken(session, parted)) if parted else []


def _in_order(grouping: Grouping, overdue: set[bytes]) -> list[AssetPlan]:
    standing = [orphan.asset for orphan in grouping.orphans if orphan.path in overdue]
    return [*grouping.assets, *standing]


def _overdue_orphans(
    sessions: Sessions, found: Snapshot, groupings: dict[int, Grouping]
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
        ages = snapshot(sessions, lambda session: seconds_since_creation(session, files))
        for island, path in waiting:
            left = island.rules.profile.orphan_after_seconds - ages[island.files[path].id]
            if left <= 0:
                overdue.add(path)
            else:
                waits[island.claim.id] = min(left, waits.get(island.claim.id, left))
    return overdue, waits


def _chunks(
    found: Snapshot, planned: Sequence[PlannedAsset], waits: dict[int, float], now: datetime, timing: Timing
) -> Iterator[Chunk]:
    """Split the work into transactions: new assets in chunks of some hundred, all other changes in the last chunk.

    New assets depend on nothing, so a crash between two chunks leaves complete assets that the next attempt matches.
    """
    chunk = Chunk()
    for asset in planned:
        if asset.stored is None and asset.is_new:
            _enter(chunk, asset.island.claim)
            create_asset(asset, chunk.changes)
            chunk.assets += 1
            if chunk.assets >= CHUNK_ASSETS:
                yield chunk
                chunk = Chunk()
    for island in found.islands.values():
        _enter(chunk, island.claim)
    _continue_assets(found, planned, chunk.changes, now, timing)
    for island in found.islands.values():
        due = [seconds for seconds in (waits.get(island.claim.id), chunk.changes.waits.get(island.claim.id)) if seconds]
        chunk.ends.append(IslandEnd(island.claim, island.rules.profile_revision, min(due, default=None)))
        if island.rules.settings.enable_collection_directory_mapping:
            rules = island.rules
            mirrored = Mirrored(rules.id, rules.name, rules.owner_id, rules.rights)
            chunk.mirrored.setdefault(rules.id, (mirrored, []))[1].append(island.claim.id)
    yield chunk


def _continue_assets(
    found: Snapshot, planned: Sequence[PlannedAsset], changes: Changes, now: datetime, timing: Timing
) -> None:
    continued = set()
    for asset in planned:
        if asset.stored is not None:
            continued.update(part.row.id for part in (asset.stored, *asset.merged))
            Continuation(asset, changes, now, timing.growth_seconds).write()
        elif not asset.is_new:
            create_asset(asset, changes)
    for asset_id, stored in found.assets.items():
        if asset_id not in continued and not stored.is_needed_elsewhere and stored.row.island_id in found.islands:
            abandon_asset(stored, found.islands.values(), changes)
    for island in found.islands.values():
        changes.buckets.extend(island.buckets.values())
        changes.recounted.extend((file.id, 0) for file in island.files.values() if file.is_counted_but_gone)


def _enter(chunk: Chunk, claim: IslandClaim) -> None:
    chunk.claims[claim.id] = claim


def _write(session: Session, chunk: Chunk, owner: str) -> int:
    """Write a chunk and finish its islands; return how many were finished.

    Raises:
        LeaseLostError: an island was claimed or changed by another process; nothing is written.
    """
    # FOR UPDATE of the islands until the commit: the fence that makes a late worker's write impossible.
    held = lock_claims(session, [chunk.claims[island] for island in sorted(chunk.claims)], owner)
    lost = chunk.claims.keys() - held
    if lost:
        raise LeaseLostError(lost)
    write_changes(session, chunk.changes, ACTOR)
    for storage, islands in chunk.mirrored.values():
        mirror_islands(session, storage, islands)
    finish_islands(session, chunk.ends, RULES_VERSION)
    return len(chunk.ends)


class LeaseLostError(Exception):
    """Islands of this batch were claimed by another worker, or their epoch changed while they were grouped."""

    def __init__(self, islands: Iterable[int]) -> None:
        self.islands = frozenset(islands)
        super().__init__(f"islands {sorted(self.islands)} were taken or changed by somebody else; they are tried again")


@shared_task(name="ingest.island", bind=True, ignore_result=True)
def ingest_island(self: object, ids: list[int]) -> None:
    """Group the islands `ids` (database ids); duplicate and late messages find nothing to do."""
    context = self.app.context
    ingest_islands(context.sessions, ids, context.timing, context.ring)
