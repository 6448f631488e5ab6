"""Approvals: requests and votes; and segments learn in which collections their assets are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import create_trigger, word_type

revision = "0009"
down_revision = "0008"

SHOWN = ("status", "min_number", "users", "groups", "requested_by", "request_date", "change_date")
BEFORE, AFTER = (", ".join(f"{side}.{name}" for name in SHOWN) for side in ("before", "after"))

# Each kind of object has a document of its own; a purged one has none any more, and gets a tombstone.
MARKS = {
    "insert": "PERFORM mark_for_index(object_type, array_agg(object_id)) FROM after_rows GROUP BY object_type;",
    "delete": "PERFORM mark_for_index(object_type, array_agg(object_id)) FROM before_rows GROUP BY object_type;",
    "update": f"""
    PERFORM mark_for_index(after.object_type, array_agg(after.object_id))
    FROM before_rows before JOIN after_rows after USING (id)
    WHERE ({BEFORE}) IS DISTINCT FROM ({AFTER}) GROUP BY after.object_type;""",
}

# As the documents of their assets do: taking one out of a collection hides it from whom the collection's rights reach.
PLACES = {
    "insert": "PERFORM mark_segments_of(ARRAY(SELECT asset_id FROM after_rows));",
    "delete": """
    PERFORM mark_segments_of(ARRAY(SELECT asset_id FROM before_rows WHERE carries_rights), true);
    PERFORM mark_segments_of(ARRAY(SELECT asset_id FROM before_rows));""",
    "update": """
    PERFORM mark_segments_of(ARRAY(
        SELECT asset_id FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
        WHERE before.carries_rights AND NOT after.carries_rights), true);
    PERFORM mark_segments_of(ARRAY(
        SELECT asset_id FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
        WHERE before.carries_rights <> after.carries_rights));""",
}


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    nobody = sa.text("'{}'")
    op.create_table(
        "approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            word_type("approvalstatus", "N/A", "REQUESTED", "APPROVED", "NOT_APPROVED", "MIXED"),
            server_default="REQUESTED",
            nullable=False,
        ),
        sa.Column("min_number", sa.Integer(), server_default="1", nullable=False),
        sa.Column("users", postgresql.ARRAY(sa.Uuid()), server_default=nobody, nullable=False),
        sa.Column("groups", postgresql.ARRAY(sa.Uuid()), server_default=nobody, nullable=False),
        sa.Column("externals", postgresql.ARRAY(sa.Text()), server_default=nobody, nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("share_id", sa.Uuid(), nullable=True),
        sa.Column("request_date", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("change_date", moment, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("object_type IN ('assets', 'collections')", name=op.f("ck_approval_object_type")),
        sa.CheckConstraint("min_number >= 1", name=op.f("ck_approval_min_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
        sa.UniqueConstraint(
            "object_type", "object_id", "version_id", name=op.f("uq_approval_object_type_object_id_version_id")
        ),
    )
    op.create_table(
        "approval_vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("external", sa.Text(), nullable=True),
        sa.Column("status", word_type("votestatus", "APPROVED", "NOT_APPROVED"), nullable=False),
        sa.Column("share_id", sa.Uuid(), nullable=True),
        sa.Column("change_date", moment, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(user_id IS NULL) <> (external IS NULL)", name=op.f("ck_approval_vote_voter")),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_approval_vote_approval_id_approval"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_vote")),
        sa.UniqueConstraint("approval_id", "user_id", name=op.f("uq_approval_vote_approval_id_user_id")),
        sa.UniqueConstraint("approval_id", "external", name=op.f("uq_approval_vote_approval_id_external")),
    )
    op.create_index(
        op.f("ix_approval_vote_user_id"),
        "approval_vote",
        ["user_id"],
        postgresql_where=sa.text("user_id IS NOT NULL"),
    )
    for event, body in MARKS.items():
        create_trigger(f"mark_approval_{event}", "approval", event, body)
    for event, body in PLACES.items():
        create_trigger(f"mark_segments_of_places_{event}", "collection_asset", event, body)
