"""Sums of files by algorithm, and reports of `ready` that people signed off.

Both tables are new, so processes of the version before know nothing of them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import now_column

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "file_digest",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        now_column("date_proven"),
        sa.Column("proven_by", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=True),
        now_column("date_found"),
        sa.PrimaryKeyConstraint("file_id", "algorithm", name="pk_file_digest"),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_file_digest_file_id_file", ondelete="CASCADE"),
    )
    is_flipped = sa.text("found IS NOT NULL")
    op.create_index("ix_file_digest_flipped", "file_digest", ["file_id"], postgresql_where=is_flipped)
    op.create_index("ix_file_digest_digest", "file_digest", ["digest"])
    op.create_table(
        "readiness_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        now_column("date_created"),
        sa.Column("storage_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("report", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_readiness_report"),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name="fk_readiness_report_storage_id_storage", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_readiness_report_storage_id_date_created", "readiness_report", ["storage_id", "date_created"])
