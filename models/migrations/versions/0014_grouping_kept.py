"""Digests of files that are alike, and profiles of earlier revisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("file", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_file_coarse",
        "file",
        ["mtime_ns", "size", "name"],
        postgresql_where=sa.text("mtime_ns % 1000000 = 0"),
    )
    op.create_table(
        "profile_revision",
        sa.Column("storage_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_profile_revision_storage_id_storage"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("storage_id", "revision", name=op.f("pk_profile_revision")),
    )
