"""Sidecars as database objects: their tables, and the triggers that queue them for reading.

Migration 0012 is written with it; the present form of the triggers is in `definitions/sidecar_queue.sql`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import trigger_ddl

QUEUE_SIDECAR_WORK = """
CREATE FUNCTION queue_sidecar_work(sets uuid[], delay_seconds float DEFAULT 0) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO media_work AS work (file_set_id, kind, not_before)
    SELECT file_set.id, 'SIDECARS', now() + make_interval(secs => delay_seconds) FROM file_set
    WHERE file_set.id = ANY(sets) AND file_set.island_id IS NOT NULL AND file_set.file_count > 0
        AND EXISTS (SELECT FROM component WHERE component.file_set_id = file_set.id
            AND component.type = 'NON_MEDIA' AND NOT component.from_header)
    ORDER BY file_set.id
    ON CONFLICT (file_set_id, kind) DO UPDATE
    SET revision = nextval('media_revision'), failures = 0, error = NULL, parked_at = NULL,
        attempt = CASE WHEN work.lease_until > now() THEN work.attempt ELSE 0 END,
        not_before = CASE WHEN work.parked_at IS NULL AND work.failures = 0 THEN work.not_before
            ELSE excluded.not_before END
$$
"""
"""Queue sets of sidecars for reading; a set that is being read now is read again afterwards."""

AFTER_COMPONENTS = """
CREATE FUNCTION queue_sidecar_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_sidecar_work(array_agg(DISTINCT file_set_id)) FROM after_rows
    WHERE file_set_id IS NOT NULL AND NOT from_header AND type = 'NON_MEDIA'
    HAVING count(*) > 0;
    IF EXISTS (SELECT FROM component WHERE from_header AND media ? 'missing_clips') THEN
        PERFORM queue_sidecar_work(array_agg(list.file_set_id))
        FROM component AS list JOIN file_set AS of_list ON of_list.id = list.file_set_id
        WHERE list.from_header AND list.media ? 'missing_clips' AND of_list.island_id IN (
            SELECT file_set.island_id FROM after_rows JOIN file_set ON file_set.id = after_rows.file_set_id
            WHERE NOT after_rows.from_header)
        HAVING count(*) > 0;
        PERFORM queue_sidecar_work(array_agg(list.file_set_id), 10)
        FROM component AS list JOIN file_set AS of_list ON of_list.id = list.file_set_id
        WHERE list.from_header AND list.media ? 'missing_clips' AND list.media ? 'missing_files'
            AND of_list.storage_id IN (
                SELECT file_set.storage_id FROM after_rows JOIN file_set ON file_set.id = after_rows.file_set_id
                WHERE NOT after_rows.from_header)
        HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$
"""
"""A clip table with missing clips is read again when new components appear in its island. A checksum list, which may
cover a whole card, is read again when they appear on its storage."""

AFTER_CHANGE = """
CREATE FUNCTION queue_sidecar_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_sidecar_work(array_agg(after.id))
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE (before.changed_at, before.file_count, before.asset_id)
            IS DISTINCT FROM (after.changed_at, after.file_count, after.asset_id)
        AND after.island_id IS NOT NULL AND after.file_count > 0
    HAVING count(*) > 0;
    IF EXISTS (SELECT FROM file_checksum) THEN
        PERFORM queue_sidecar_work(array_agg(DISTINCT file_checksum.list_id))
        FROM before_rows before JOIN after_rows after USING (id)
        JOIN file_set_file AS member ON member.file_set_id = after.id
        JOIN file_checksum ON file_checksum.file_id = member.file_id
        WHERE before.changed_at IS DISTINCT FROM after.changed_at
        HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$
"""
"""A sidecar that moved to another asset is read again for that one. A changed file is verified again."""


def create_sidecar_work() -> None:
    """Create tables, functions and triggers; requires `media_work` and `component.from_header`."""
    _tables()
    for statement in (QUEUE_SIDECAR_WORK, AFTER_COMPONENTS, AFTER_CHANGE):
        op.execute(statement)
    op.execute(trigger_ddl("queue_sidecar_insert", "component", "insert"))
    op.execute(trigger_ddl("queue_sidecar_update", "file_set", "update"))
    op.execute("SELECT queue_sidecar_work(array_agg(id)) FROM file_set HAVING count(*) > 0")


def _tables() -> None:
    op.create_index(
        "ix_component_missing_clips",
        "component",
        ["file_set_id"],
        postgresql_where=sa.text("from_header AND media ? 'missing_clips'"),
    )
    op.create_table(
        "sidecar_value",
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_sidecar_value_asset_id_asset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("asset_id", "field", name=op.f("pk_sidecar_value")),
    )
    op.create_table(
        "file_checksum",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("matches", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("date_checked", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name=op.f("fk_file_checksum_file_id_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "list_name", name=op.f("pk_file_checksum")),
    )
