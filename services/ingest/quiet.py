"""Announce sequences that nothing came for: the end of a render as far as anyone can tell from outside.

Nothing is verified by it. A frame that comes later makes the sequence grow, and it is quiet again after that.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.statements import execute_dml
from models.core.timing import Timing
from models.queues.island import IS_DIRTY, ISLAND_QUEUE

MAX_ANNOUNCED_SETS = 1000
LAST_CHANGE = "coalesce(changed_at, date_created)"
# The condition of the index comes first, in its words; the trigger tell_file_set_update writes the event.
IS_QUIET = f"""frames IS NOT NULL AND quiet_for IS DISTINCT FROM {LAST_CHANGE}
    AND {LAST_CHANGE} <= now() - make_interval(secs => :growth) AND NOT EXISTS (
        SELECT FROM {ISLAND_QUEUE.view} AS island WHERE island.id = file_set.island_id AND {IS_DIRTY})"""
HAS_QUIET_SETS = text(f"SELECT EXISTS (SELECT FROM file_set WHERE {IS_QUIET})")
ANNOUNCE_QUIET_SETS = text(f"""
    UPDATE file_set SET quiet_for = {LAST_CHANGE} WHERE id = ANY(ARRAY(
        SELECT id FROM file_set WHERE {IS_QUIET} ORDER BY id LIMIT {MAX_ANNOUNCED_SETS} FOR UPDATE SKIP LOCKED))
""")


def has_quiet_sets(session: Session, timing: Timing) -> bool:
    """Return whether a sequence is quiet that was not announced since its last change."""
    return bool(session.scalar(HAS_QUIET_SETS, {"growth": timing.growth_seconds}))


def announce_quiet_sets(session: Session, timing: Timing) -> int:
    """Announce some quiet sequences; return how many."""
    return execute_dml(session, ANNOUNCE_QUIET_SETS, {"growth": timing.growth_seconds})
