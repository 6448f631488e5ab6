"""Segments: comments, markers and other time-based metadata."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import create_trigger, word_type
from models.migrations.marking import marking_triggers

revision = "0007"
down_revision = "0006"

TYPES = (
    *("COMMENT", "GENERIC", "MARKER", "PERSON", "QC", "SCENE", "SEMANTIC_TRANSCRIPTION", "SHOT", "TAG"),
    "TRANSCRIPTION",
)

# Moved to another asset, it may be read by others.
OWN_MARKS = marking_triggers(
    "segment",
    "segments",
    key="id",
    shown=[
        *("asset_id", "version_id", "segment_type", "status", "parent_id", "time_start_milliseconds"),
        *("time_end_milliseconds", "segment_text", "segment_color", "segment_track", "segment_checked"),
        *("is_internal", "external_id", "person_id", "project_id", "transcription_id", "user_id", "share_id"),
        *("date_created", "date_modified"),
    ],
    narrows="(after.status <> 'ACTIVE' AND before.status = 'ACTIVE') OR after.asset_id <> before.asset_id",
    key_is_object=True,
)

# An asset's document shows its comments, and of no other type.
COMMENTS = "segment_type = 'COMMENT' AND status = 'ACTIVE'"
ASSET_MARKS = {
    "insert": f"""
    PERFORM mark_for_index('assets', array_agg(asset_id)) FROM after_rows WHERE {COMMENTS};""",
    "delete": f"""
    PERFORM mark_for_index('assets', array_agg(asset_id)) FROM before_rows WHERE {COMMENTS};""",
    "update": """
    PERFORM mark_for_index('assets', array_agg(id)) FROM (
        SELECT unnest(ARRAY[before.asset_id, after.asset_id]) AS id
        FROM before_rows before JOIN after_rows after USING (id)
        WHERE 'COMMENT' IN (before.segment_type, after.segment_type)
            AND (before.asset_id, before.segment_type, before.status, before.segment_text)
                IS DISTINCT FROM (after.asset_id, after.segment_type, after.status, after.segment_text)) AS changed;""",
}

# Whoever reads the asset finds its segments: what changes its readers changes theirs. The array keeps the planner from
# reading all segments, whatever it believes of the number of rows.
MARK_SEGMENTS_OF = """
CREATE FUNCTION mark_segments_of(assets uuid[], narrows boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(assets) > 0 THEN
        PERFORM mark_for_index('segments', array_agg(id), narrows) FROM segment WHERE asset_id = ANY (assets);
    END IF;
END $$
"""
CAME = """after.status <> 'ACTIVE' AND before.status = 'ACTIVE'
        OR after.merged_into IS NOT NULL AND before.merged_into IS NULL"""
OF_ASSETS = f"""
    PERFORM mark_segments_of(ARRAY(
        SELECT id FROM before_rows before JOIN after_rows after USING (id) WHERE {CAME}), true);
    PERFORM mark_segments_of(ARRAY(
        SELECT id FROM before_rows before JOIN after_rows after USING (id)
        WHERE (before.status, before.merged_into) IS DISTINCT FROM (after.status, after.merged_into)));"""
READS, SAME = (
    "object_type = 'assets' AND 'read' = ANY ({rows}permissions)",
    """
        SELECT object_id FROM before_rows before
        JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
        WHERE object_type = 'assets' AND 'read' = ANY ({had}.permissions) AND NOT 'read' = ANY ({lacks}.permissions)""",
)
OF_RIGHTS = {
    "insert": f"""
    PERFORM mark_segments_of(ARRAY(SELECT object_id FROM after_rows WHERE {READS.format(rows="")}));""",
    "delete": f"""
    PERFORM mark_segments_of(ARRAY(SELECT object_id FROM before_rows WHERE {READS.format(rows="")}), true);""",
    "update": f"""
    PERFORM mark_segments_of(ARRAY({SAME.format(had="before", lacks="after")}), true);
    PERFORM mark_segments_of(ARRAY({SAME.format(had="after", lacks="before")}));""",
}


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "segment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("made_on", sa.Uuid(), nullable=False),
        sa.Column("segment_type", word_type("segmenttype", *TYPES), nullable=False),
        sa.Column(
            "status",
            word_type("segmentstatus", "ACTIVE", "AWAITED", "DELETED"),
            server_default="ACTIVE",
            nullable=False,
        ),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("time_start_milliseconds", sa.Integer(), nullable=True),
        sa.Column("time_end_milliseconds", sa.Integer(), nullable=True),
        sa.Column("segment_text", sa.Text(), server_default="", nullable=False),
        sa.Column("segment_color", sa.Text(), nullable=True),
        sa.Column("segment_track", sa.Text(), nullable=True),
        sa.Column("segment_checked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_internal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("transcription_id", sa.Uuid(), nullable=True),
        sa.Column("drawing", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("share_id", sa.Uuid(), nullable=True),
        sa.Column("share_user_id", sa.Uuid(), nullable=True),
        sa.Column("share_user_email", sa.Text(), nullable=True),
        sa.Column("date_created", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("date_deleted", moment, nullable=True),
        sa.Column("deleted_by_user", sa.Uuid(), nullable=True),
        sa.CheckConstraint("time_start_milliseconds >= 0", name=op.f("ck_segment_starts")),
        sa.CheckConstraint(
            "time_end_milliseconds IS NULL OR time_end_milliseconds >= time_start_milliseconds",
            name=op.f("ck_segment_ends"),
        ),
        sa.CheckConstraint(
            "time_end_milliseconds IS NULL OR time_start_milliseconds IS NOT NULL",
            name=op.f("ck_segment_ends_alone"),
        ),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_segment_asset_id_asset"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["segment.id"], name=op.f("fk_segment_parent_id_segment"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
    )
    op.create_index(
        op.f("ix_segment_asset_id_segment_type_time_start_milliseconds"),
        "segment",
        ["asset_id", "segment_type", "time_start_milliseconds"],
    )
    for column in ("parent_id", "date_deleted"):
        op.create_index(
            op.f(f"ix_segment_{column}"), "segment", [column], postgresql_where=sa.text(f"{column} IS NOT NULL")
        )
    op.execute(MARK_SEGMENTS_OF)
    for statement in OWN_MARKS:
        op.execute(statement)
    for event, body in ASSET_MARKS.items():
        create_trigger(f"mark_commented_asset_{event}", "segment", event, body)
    create_trigger("mark_segments_of_asset_update", "asset", "update", OF_ASSETS)
    for event, body in OF_RIGHTS.items():
        create_trigger(f"mark_segments_of_rights_{event}", "acl_entry", event, body)
