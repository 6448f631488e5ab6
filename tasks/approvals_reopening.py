"""An approval is of what was looked at: when the files of an original change after a vote, it is asked for again.

A finish of the ingest calls this twice, before and after it writes, because a file set may go over from one asset to
another in between. Where nobody votes it is one look at an empty table.
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
"""Columns of a file set in which a change of its files shows."""

ANY_VOTE = text("SELECT EXISTS (SELECT FROM approval_vote)")

# Assets first and approvals by the assets' ids, as those who set or ask for many at once take them.
HOLD = text("""
    SELECT FROM asset WHERE id IN (SELECT asset_id FROM file_set WHERE file_set.id = ANY(:sets))
    ORDER BY id FOR NO KEY UPDATE
""")

# A voter waits, and then votes on what is.
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
    """Whether changed columns of a file set tell of other files, or of files that were written anew."""
    return bool(values.keys() & CONTENT) or bool(values.get("untold_changes"))


def changed_sets(changes: Changes) -> set[uuid.UUID]:
    """The file sets of which a finish writes other files."""
    changed = {values["id"] for values in changes.changed_file_sets if shows_change(values)}
    members = {set_id for _, set_id, _ in (*changes.new_members, *changes.moved_members)}
    return changed | members | {values["id"] for values in changes.new_file_sets} | set(changes.emptied_sets)


def reopen_changed(session: Session, file_sets: Iterable[uuid.UUID], actor: str) -> int:
    """Ask again for every approval with votes whose original has one of these sets; how many these were."""
    sets = list(file_sets)
    if not sets or not session.scalar(ANY_VOTE):
        return 0
    session.execute(HOLD, {"sets": sets})
    reopened = session.scalars(REOPEN, {"sets": sets}).all()
    for asset_id in reopened:
        said = "the files of the original changed after the votes: approval is asked for again"
        record(session, asset_id, Operation.CUSTOM, said, Actor(actor))
    return len(reopened)
