"""Removing for good what is deleted hides it from nobody: searches leave out by name what was hidden since the last
drain, ten thousand at most, and a purge may take more."""

from alembic import op
from sqlalchemy import text

revision = "0018"
down_revision = "0017"

KINDS = {"asset": "assets", "collection": "collections", "segment": "segments"}


def upgrade() -> None:
    for table, kind in KINDS.items():
        op.execute(f"""
            CREATE OR REPLACE FUNCTION mark_{table}_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM mark_for_index('{kind}', (SELECT array_agg(id) FROM before_rows WHERE status = 'ACTIVE'), true);
                PERFORM mark_for_index('{kind}', (SELECT array_agg(id) FROM before_rows WHERE status <> 'ACTIVE'));
                RETURN NULL;
            END $$
        """)
    op.create_index("ix_asset_deleted", "asset", ["date_deleted"], postgresql_where=text("status = 'DELETED'"))
