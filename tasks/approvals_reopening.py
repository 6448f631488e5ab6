"""Reopen approvals when the files of an original change after a vote: an approval applies to the content that was
reviewed.

Ingest calls this hook twice per transaction, before and after it writes, because a file set may move from one asset to
another in between. Without any votes the cost is one query of an empty table.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.acl import Actor
from models.history import Operation
from tasks.changes import Changes
from tasks.history import record

CONTENT = frozenset({"asset_id", "format_id", "file_count", "size_bytes", "names", "frames", "missing_frames"})
"""Columns of a file set that show a change of its files."""

ANY_VOTE = text("SELECT EXISTS (SELECT FROM approval_vote)")

# FOR NO KEY UPDATE on assets in id order, before the approvals: the lock order of all writers of approvals.
HOLD = text("""
    SELECT FROM asset WHERE id IN (SELECT asset_id FROM file_set WHERE file_set.id = ANY(:sets))
    ORDER BY id FOR NO KEY UPDATE
""")

# FOR UPDATE makes concurrent voters wait; their vote then applies to the new content. The update is marked for indexing
# by mark_approval_update.
REOPEN = text("""
    WITH voted AS (
        SELECT approval.id, object_id FROM approval
        WHERE object_type = 'assets' AND EXISTS (SELECT FROM approval_vote WHERE approval_id = approval.id)
            AND object_id IN (
                SELECT file_set.asset_id FROM file_set JOIN format ON format.id = file_set.format_id
                WHERE file_set.id = ANY(:sets) AND format.role = 'original')
        ORDER BY object_id FOR UPDATE OF approval
    ), reopened AS (
        UPDATE approval SET status = 'REQUESTED', change_date = now() FROM voted WHERE approval.id = voted.id
    ), forgotten AS (
        DELETE FROM approval_vote USING voted WHERE approval_id = voted.id
    )
    SELECT object_id FROM voted
""")


def shows_change(values: Mapping[str, Any]) -> bool:
    """Return whether changed columns of a file set imply other or rewritten files."""
    return bool(values.keys() & CONTENT) or bool(values.get("untold_changes"))


def changed_sets(changes: Changes) -> set[uuid.UUID]:
    """Return the ids of the file sets that an ingest transaction gives other files."""
    changed = {values["id"] for values in changes.changed_file_sets if shows_change(values)}
    members = {set_id for _, set_id, _ in (*changes.new_members, *changes.moved_members)}
    return changed | members | {values["id"] for values in changes.new_file_sets} | set(changes.emptied_sets)


def reopen_changed(session: Session, file_sets: Iterable[uuid.UUID], actor: str) -> int:
    """Reset approvals with votes where the original includes one of these file sets; return their number."""
    sets = list(file_sets)
    if not sets or not session.scalar(ANY_VOTE):
        return 0
    session.execute(HOLD, {"sets": sets})
    reopened = session.scalars(REOPEN, {"sets": sets}).all()
    for asset_id in reopened:
        said = "the files of the original changed after the votes: approval is asked for again"
        record(session, asset_id, Operation.CUSTOM, said, Actor(actor))
    return len(reopened)
