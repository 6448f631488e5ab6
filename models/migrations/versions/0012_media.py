"""What media headers say, and what was made from media."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import trigger_ddl, word_type
from models.migrations.sidecar_work import create_sidecar_work

revision = "0012"
down_revision = "0011"

CHANGED_SECONDS = 2
"""A file set that changes goes on changing, as a render does: it is read again no sooner than this."""

AGAIN = """
    ON CONFLICT (file_set_id, kind) DO UPDATE
    SET revision = nextval('media_revision'), failures = 0, error = NULL, parked_at = NULL,
        attempt = CASE WHEN work.lease_until > now() THEN work.attempt ELSE 0 END,
        not_before = CASE WHEN work.parked_at IS NULL AND work.failures = 0 THEN work.not_before
            ELSE excluded.not_before END
"""
"""What is being read now is read again afterwards; what is parked is taken up."""

QUEUE_MEDIA_WORK = f"""
CREATE FUNCTION queue_media_work(sets uuid[], work_kind text, delay_seconds float) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO media_work AS work (file_set_id, kind, not_before)
    SELECT file_set.id, work_kind, now() + make_interval(secs => delay_seconds) FROM file_set
    WHERE file_set.id = ANY(sets) AND file_set.island_id IS NOT NULL AND file_set.file_count > 0
        AND EXISTS (SELECT FROM component WHERE component.file_set_id = file_set.id
            AND component.type IN ('VIDEO', 'AUDIO', 'IMAGE') AND NOT component.from_header)
    ORDER BY file_set.id
    {AGAIN}
$$
"""
"""Have file sets read that hold pictures or sound on a storage."""

QUEUE_AFTER_COMPONENTS = f"""
CREATE FUNCTION queue_component_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media_work AS work (file_set_id, kind)
    SELECT file_set.id, 'HEADERS' FROM (
        SELECT DISTINCT file_set_id FROM after_rows
        WHERE NOT from_header AND type IN ('VIDEO', 'AUDIO', 'IMAGE') ORDER BY file_set_id) AS made
    JOIN file_set ON file_set.id = made.file_set_id
    WHERE file_set.island_id IS NOT NULL AND file_set.file_count > 0
    ORDER BY file_set.id
    {AGAIN};
    RETURN NULL;
END $$
"""
"""Components come with a new file set and when a set becomes another thing: what its header said goes with the old."""

QUEUE_AFTER_CHANGE = f"""
CREATE FUNCTION queue_file_set_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_media_work(array_agg(after.id), 'HEADERS', {CHANGED_SECONDS})
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE (before.changed_at, before.file_count) IS DISTINCT FROM (after.changed_at, after.file_count)
        AND after.island_id IS NOT NULL AND after.file_count > 0
    HAVING count(*) > 0;
    UPDATE component SET format_id = after.format_id
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE before.format_id <> after.format_id AND component.file_set_id = after.id;
    RETURN NULL;
END $$
"""
"""A set that goes over to another format takes along what it is made of, and what its header said."""

MARK_AFTER_COMPONENTS = """
CREATE FUNCTION mark_component_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mark_for_index('assets', array_agg(DISTINCT format.asset_id))
    FROM ({rows}) AS changed JOIN format ON format.id = changed.format_id
    HAVING count(*) > 0;
    RETURN NULL;
END $$
"""
"""What a header says shows in the document of the asset; a component without that shows nothing."""

SHOWING = {
    "insert": "SELECT format_id FROM after_rows WHERE media <> '{}'",
    "delete": "SELECT format_id FROM before_rows WHERE media <> '{}'",
    "update": (
        "SELECT after.format_id FROM before_rows before JOIN after_rows after USING (id)"
        " WHERE before.media IS DISTINCT FROM after.media"
    ),
}


def upgrade() -> None:
    op.execute("CREATE SEQUENCE media_revision")
    op.add_column("component", sa.Column("from_header", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _work()
    _keyframes()
    _triggers()
    create_sidecar_work()
    op.execute("SELECT queue_media_work(array_agg(id), 'HEADERS', 0) FROM file_set HAVING count(*) > 0")


def _work() -> None:
    kind = word_type("mediakind", "HEADERS", "PICTURES", "SIDECARS")
    now = sa.text("now()")
    op.create_table(
        "media_work",
        sa.Column("file_set_id", sa.Uuid(), nullable=False),
        sa.Column("kind", kind, nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("nextval('media_revision')"), nullable=False),
        sa.Column("waits_since", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_set_id"], ["file_set.id"], name=op.f("fk_media_work_file_set_id_file_set"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_set_id", "kind", name=op.f("pk_media_work")),
    )
    op.create_index(
        "ix_media_work_waiting", "media_work", ["kind", "file_set_id"], postgresql_where=sa.text("parked_at IS NULL")
    )


def _keyframes() -> None:
    kind = word_type("keyframetype", "KEYFRAME", "KEYFRAME_MAP", "POSTER")
    op.create_table(
        "keyframe",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_set_id", sa.Uuid(), nullable=False),
        sa.Column("type", kind, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_set_id"], ["file_set.id"], name=op.f("fk_keyframe_file_set_id_file_set"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keyframe")),
        sa.UniqueConstraint("file_set_id", "type", name=op.f("uq_keyframe_file_set_id_type")),
    )


def _triggers() -> None:
    for statement in (QUEUE_MEDIA_WORK, QUEUE_AFTER_COMPONENTS, QUEUE_AFTER_CHANGE):
        op.execute(statement)
    op.execute(trigger_ddl("queue_component_insert", "component", "insert"))
    op.execute(trigger_ddl("queue_file_set_update", "file_set", "update"))
    for event, rows in SHOWING.items():
        op.execute(MARK_AFTER_COMPONENTS.format(event=event, rows=rows))
        op.execute(trigger_ddl(f"mark_component_{event}", "component", event))
