"""What the regroup job of a storage (`services.grouping.regroup`) asks of the islands and does to them."""

import uuid
from collections.abc import Mapping

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from models.core.statements import AnyRow
from models.queues.island import Island
from models.queues.island_changes import lock_islands

SELECT_NEXT_ISLANDS = text("""
    SELECT island.id, (SELECT count(*) FROM folder JOIN file ON file.folder_id = folder.id
        WHERE folder.island_id = island.id) AS files
    FROM island WHERE storage_id = :storage AND id > :after AND id <= :until AND seen > 0 ORDER BY id LIMIT :most
""")

# Dirty from the start: if this worker dies, its lease expires and any worker groups the rows as they are then.
# The profile revision is cleared, so that a finish just before does not count as grouped by the current profile.
HOLD_REGROUP_ISLANDS = text("""
    UPDATE island SET seen = seen + 1, epoch = epoch + 1, stale_summaries = true, arrived = greatest(arrived, files),
        dirty_since = coalesce(dirty_since, now()), touched_at = clock_timestamp(), profile_revision = NULL,
        handed_until = NULL, attempt = 0, crashes = 0, parked_at = NULL, error = NULL, lease_owner = :owner,
        lease_until = CASE WHEN CAST(:owner AS text) IS NOT NULL THEN now() + make_interval(secs => :lease) END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:files AS bigint[])) AS batch (island_id, files)
    WHERE island.id = batch.island_id
""")


def measure_islands(session: Session, storage_id: uuid.UUID | None) -> AnyRow:
    """Return `total` and the `last` id of a storage's islands that ever held a file."""
    islands = select(func.count().label("total"), func.coalesce(func.max(Island.id), 0).label("last"))
    return session.execute(islands.where(Island.storage_id == storage_id, Island.seen > 0)).one()


def next_islands(session: Session, storage_id: uuid.UUID, after: int, until: int, most: int) -> list[AnyRow]:
    """Return `id` and number of `files` of the islands that follow, in the order of their ids."""
    asked = {"storage": storage_id, "after": after, "until": until, "most": most}
    return list(session.execute(SELECT_NEXT_ISLANDS, asked))


def hold_for_regroup(session: Session, files: Mapping[int, int], owner: str | None, lease_seconds: float) -> None:
    """Lease islands to the job, or leave them dirty without an owner; `files` is the number of files by island id."""
    ids = lock_islands(session, files)
    counts = [files[island] for island in ids]
    session.execute(HOLD_REGROUP_ISLANDS, {"ids": ids, "files": counts, "owner": owner, "lease": lease_seconds})


def count_dirty_islands(session: Session, storage_id: uuid.UUID) -> int:
    """Count the islands of a storage that wait to be grouped."""
    is_dirty = Island.dirty_since.is_not(None) & Island.dead_lettered_at.is_(None)
    return session.scalar(select(func.count()).where(Island.storage_id == storage_id, is_dirty)) or 0


def count_outdated_islands(session: Session, storage_id: uuid.UUID, until: int, rules: int, revision: int) -> AnyRow:
    """Count islands that other rules or another profile grouped: those `waiting`, and those `dead` (dead-lettered)."""
    is_dead = Island.dead_lettered_at.is_not(None)
    is_outdated = or_(Island.rules_version.is_distinct_from(rules), Island.profile_revision.is_distinct_from(revision))
    islands = select(func.count().filter(~is_dead).label("waiting"), func.count().filter(is_dead).label("dead"))
    chosen = islands.where(Island.storage_id == storage_id, Island.id <= until, Island.seen > 0, is_outdated)
    return session.execute(chosen).one()
