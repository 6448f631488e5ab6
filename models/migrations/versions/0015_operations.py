"""What running it for years keeps: the trace of a change, on the rows that carry its work."""

import sqlalchemy as sa
from alembic import op

from models.migrations.marking import BULK

revision = "0015"
down_revision = "0014"

TRACE = "nullif(current_setting('tapeless.trace', true), '')"

MARK_FOR_INDEX = f"""
CREATE OR REPLACE FUNCTION mark_for_index(kind text, ids uuid[], narrows boolean DEFAULT false) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO index_mark AS mark (object_type, object_id, revision, dirty_since, narrowed, bulk, marked_by, trace)
    SELECT kind, id, nextval('index_revision'), now(), narrows, count(*) OVER () > {BULK}, txid_current(), {TRACE}
    FROM (SELECT DISTINCT id FROM unnest(ids) AS id WHERE id IS NOT NULL ORDER BY id) AS changed
    ON CONFLICT (object_type, object_id) DO UPDATE
    SET revision = nextval('index_revision'), dirty_since = coalesce(mark.dirty_since, now()),
        narrowed = mark.narrowed OR narrows,
        bulk = excluded.bulk AND (mark.bulk OR mark.dirty_since IS NULL), marked_by = txid_current(),
        trace = CASE WHEN mark.dirty_since IS NULL THEN excluded.trace ELSE coalesce(mark.trace, excluded.trace) END,
        errors = 0, error = NULL, parked_at = NULL,
        lease_until = CASE WHEN mark.errors = 0 THEN mark.lease_until END
    WHERE mark.marked_by <> txid_current() OR (narrows AND NOT mark.narrowed)
$$
"""


def upgrade() -> None:
    for table in ("island", "index_mark"):
        op.add_column(table, sa.Column("trace", sa.Text(), nullable=True))
    op.execute(MARK_FOR_INDEX)
