"""Search indexes, and the builds that replace them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "index_build",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('BUILDING', 'LIVE', 'RETIRED')", name=op.f("ck_index_build_buildstate")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_index_build_job_id_job"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_build")),
        sa.UniqueConstraint("name", name=op.f("uq_index_build_name")),
    )
    op.create_index(
        "uq_index_build_state",
        "index_build",
        ["state"],
        unique=True,
        postgresql_where=sa.text("state IN ('BUILDING', 'LIVE')"),
    )
    op.add_column("index_mark", sa.Column("gone_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_index_mark_gone", "index_mark", ["gone_since"], postgresql_where=sa.text("gone_since IS NOT NULL")
    )
