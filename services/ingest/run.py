"""Ingest of dirty islands: claim, read in one snapshot, group with the pure function, write the difference, finish.

1. A short transaction leases the islands and counts attempts.
2. One read-only snapshot loads files and the assets that hold them, and the pure function groups them: which frames
   have to be read depends on the groups.
3. The planner matches the groups with the stored assets, and holds back what waits; the snapshot is still open.
4. Short transactions of some hundred assets write, each fenced by lease, attempt and epoch; the last one of an island
   sets `done` to the `seen` that was read, so that changes made meanwhile keep the island dirty.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from grouping import RULES_VERSION
from models.core.sessions import Sessions, read_snapshot, transact
from models.core.timing import Timing
from models.core.tracing import span
from models.queues.island import ISLAND_QUEUE, IslandClaim, IslandOutcome, finish_islands, mark_dirty
from models.queues.notify import Notifier
from services.core.lease_heartbeat import lease_heartbeat
from services.ingest.changeset import IngestChanges
from services.ingest.create import create_ingested_asset
from services.ingest.departures import settle_departures
from services.ingest.effects import IngestEffects
from services.ingest.planner import IslandPlans, read_and_plan
from services.ingest.state import IslandState
from services.ingest.update import AssetUpdate
from services.ingest.writer import write_ingest_changes

log = logging.getLogger(__name__)

MAX_CHUNK_ASSETS = 500
DRAIN_INDEX_TASK = "index.drain"


@dataclass(slots=True)
class IngestChunk:
    """Changes of one transaction, and the islands that are finished with it."""

    claims: dict[int, IslandClaim] = field(default_factory=dict)
    changes: IngestChanges = field(default_factory=IngestChanges)
    finished: list[IslandState] = field(default_factory=list)


def ingest_islands(
    sessions: Sessions, ids: Sequence[int], timing: Timing, notify: Notifier, effects: IngestEffects
) -> int:
    """Group those of the islands `ids` that are dirty and not leased; return how many were finished.

    An error is stored with the islands, which are retried one by one, and raised.
    """
    claims = transact(sessions, ISLAND_QUEUE.claim, timing, ids=list(ids))
    try:
        with span("ingest.island", [claim.trace for claim in claims], islands=len(claims)):
            finished = _ingest_claimed(sessions, claims, timing, effects)
    except Exception as error:
        # In a batch it may be the error of another island: then none is dead-lettered for it.
        record = ISLAND_QUEUE.retry if len(claims) == 1 else ISLAND_QUEUE.isolate
        transact(sessions, record, claims, [f"{type(error).__name__}: {error}"] * len(claims))
        raise
    if finished:
        notify(DRAIN_INDEX_TASK, ())
    return finished


def _ingest_claimed(sessions: Sessions, claims: list[IslandClaim], timing: Timing, effects: IngestEffects) -> int:
    """Group the claims; islands with a lost lease are requeued, and the others are grouped without them."""
    while claims:
        try:
            with lease_heartbeat(sessions, partial(ISLAND_QUEUE.heartbeat, leases=claims, timing=timing), timing):
                return _ingest_once(sessions, claims, timing, effects)
        except LeaseLostError as lost:
            log.info("%s", lost)
            gone = [claim for claim in claims if claim.id in lost.islands]
            transact(sessions, ISLAND_QUEUE.release, gone)
            claims = [claim for claim in claims if claim.id not in lost.islands]
    return 0


def _ingest_once(sessions: Sessions, claims: Sequence[IslandClaim], timing: Timing, effects: IngestEffects) -> int:
    plans, now = read_snapshot(
        sessions, lambda session: (read_and_plan(session, claims), session.scalars(select(func.now())).one())
    )
    finished = 0
    for chunk in _chunks(plans, now, timing.growth_seconds):
        owners = chunk.changes.owner_islands
        if owners:
            # Before the finish, so that a crash between the two loses nothing; apart from it, because islands are
            # locked in the order of their ids.
            transact(sessions, mark_dirty, dict.fromkeys(owners, 1), owners)
        finished += transact(sessions, _write_chunk, chunk, effects)
    return finished


def _chunks(plans: IslandPlans, now: datetime, growth_seconds: float) -> Iterator[IngestChunk]:
    """Split the work into transactions: new assets in chunks of some hundred, all other changes in the last chunk.

    New assets depend on nothing, so a crash between two chunks leaves complete assets that the next attempt matches.
    """
    chunk = IngestChunk()
    for asset in plans.assets:
        if asset.stored is None and asset.is_new:
            chunk.claims[asset.island.claim.id] = asset.island.claim
            create_ingested_asset(asset, chunk.changes)
            if len(chunk.changes.created) >= MAX_CHUNK_ASSETS:
                yield chunk
                chunk = IngestChunk()
    chunk.finished = list(plans.snapshot.islands.values())
    chunk.claims |= {island.claim.id: island.claim for island in chunk.finished}
    for held in plans.held:
        chunk.changes.wait(held.island.claim.id, held.seconds)
    _update_assets(plans, chunk.changes, now, growth_seconds)
    yield chunk


def _update_assets(plans: IslandPlans, changes: IngestChanges, now: datetime, growth_seconds: float) -> None:
    found = plans.snapshot
    continued: set[uuid.UUID] = set()
    for asset in plans.assets:
        if asset.stored is not None:
            continued.update(part.row.id for part in (asset.stored, *asset.merged))
            AssetUpdate(asset, changes, now, growth_seconds).write()
        elif not asset.is_new:
            create_ingested_asset(asset, changes)
    kept = {part.stored.id for asset in plans.assets for part in asset.sets() if part.stored}
    kept.update(changes.emptied_sets)
    for asset_id, stored in found.assets.items():
        settle_departures(stored, asset_id in continued, found.islands, kept, changes)
    for island in found.islands.values():
        changes.buckets.extend(island.buckets.values())
        changes.recounted.extend((file.id, 0) for file in island.files.values() if file.is_counted_but_gone)


def _write_chunk(session: Session, chunk: IngestChunk, effects: IngestEffects) -> int:
    """Write a chunk and finish its islands; return how many were finished.

    Raises:
        LeaseLostError: an island was claimed or changed by another process; nothing is written.
    """
    # FOR UPDATE of the islands until the commit: the fence that makes a late worker's write impossible.
    epochs = ISLAND_QUEUE.fence(session, list(chunk.claims.values()))
    lost = {claim.id for claim in chunk.claims.values() if epochs.get(claim.id) != claim.epoch}
    if lost:
        raise LeaseLostError(lost)
    write_ingest_changes(session, chunk.changes, chunk.finished, effects)
    ends = [
        IslandOutcome(
            island.claim,
            island.rules.profile_revision,
            chunk.changes.waits.get(island.claim.id),
            (island.claim.rules_version if island.kept else None) or RULES_VERSION,
        )
        for island in chunk.finished
    ]
    finish_islands(session, ends)
    return len(ends)


class LeaseLostError(Exception):
    """Islands of this batch were claimed by another worker, or their epoch changed while they were grouped."""

    def __init__(self, islands: Iterable[int]) -> None:
        self.islands = frozenset(islands)
        super().__init__(f"islands {sorted(self.islands)} were claimed or changed meanwhile; they are tried again")
