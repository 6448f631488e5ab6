"""Shares, their recipients and their links."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import now_column

revision = "0010"
down_revision = "0009"

RIGHTS = (
    "'allow_approving_comments', 'allow_comments', 'allow_custom_actions', 'allow_download', 'allow_download_proxy', "
    "'allow_setting_approve_status', 'allow_sync', 'allow_upload', 'allow_user_search_for_mentions', "
    "'allow_view_transcriptions', 'allow_view_versions', 'show_existing_comments'"
)


def upgrade() -> None:
    op.create_table(
        "share",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("allows", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("format_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("metadata_views", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("has_url", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        now_column("date_created"),
        now_column("date_modified"),
        sa.CheckConstraint(f"allows <@ ARRAY[{RIGHTS}]", name=op.f("ck_share_allows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share")),
    )
    op.create_index(op.f("ix_share_object_id"), "share", ["object_id"], unique=False)
    op.create_index(op.f("ix_share_created_by"), "share", ["created_by"], unique=False)
    op.create_index(
        "ix_share_running",
        "share",
        ["expires"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL AND revoked_at IS NULL"),
    )
    op.create_table(
        "share_user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("share_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("internal_user_id", sa.Uuid(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("access_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("download_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_access_date", sa.DateTime(timezone=True), nullable=True),
        now_column("date_created"),
        sa.ForeignKeyConstraint(
            ["share_id"], ["share.id"], name=op.f("fk_share_user_share_id_share"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_user")),
        sa.UniqueConstraint("share_id", "email", name=op.f("uq_share_user_share_id_email")),
    )
    op.create_table(
        "share_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("share_user_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        now_column("date_created"),
        sa.ForeignKeyConstraint(
            ["share_user_id"],
            ["share_user.id"],
            name=op.f("fk_share_token_share_user_id_share_user"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_share_token_digest")),
    )
    op.create_index(op.f("ix_share_token_share_user_id"), "share_token", ["share_user_id"], unique=False)
