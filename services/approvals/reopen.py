"""Reopen approvals when the files of an original change after a vote: an approval applies to the content that was
reviewed.

Ingest calls this hook twice per transaction, before and after it writes, because a file set may move from one asset to
another in between. Without any votes the cost is one query of an empty table.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.history import Operation
from services.approvals.notices import notify_reviewers
from services.core.history import record_history
from services.ingest.effects import INGEST_ACTOR, IngestWrite

HAS_ANY_VOTE = text("SELECT EXISTS (SELECT FROM approval_vote)")

# FOR NO KEY UPDATE on assets in id order, before the approvals: the lock order of all writers of approvals.
LOCK_ASSETS_OF_SETS = text("""
    SELECT FROM asset WHERE id IN (SELECT asset_id FROM file_set WHERE file_set.id = ANY(:sets))
    ORDER BY id FOR NO KEY UPDATE
""")

# FOR UPDATE makes concurrent voters wait; their vote then applies to the new content. The update is marked for indexing
# by mark_approval_update.
REOPEN_APPROVALS = text("""
    WITH voted AS (
        SELECT approval.id, object_id, users, groups, externals FROM approval
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
    SELECT object_id, users, groups, externals FROM voted
""")


def reopen_approvals(session: Session, written: IngestWrite) -> int:
    """Reset approvals with votes where the original includes a changed file set; return their number."""
    sets = list(written.changed_sets)
    if not sets or not session.scalar(HAS_ANY_VOTE):
        return 0
    session.execute(LOCK_ASSETS_OF_SETS, {"sets": sets})
    reopened = session.execute(REOPEN_APPROVALS, {"sets": sets}).all()
    if not reopened:
        return 0
    for row in reopened:
        said = "the files of the original changed after the votes: approval is asked for again"
        record_history(session, row.object_id, Operation.CUSTOM, said, INGEST_ACTOR)
    users, groups, externals = (
        {key for row in reopened for key in getattr(row, name)} for name in ("users", "groups", "externals")
    )
    notify_reviewers(session, users, groups, externals, None)
    return len(reopened)
