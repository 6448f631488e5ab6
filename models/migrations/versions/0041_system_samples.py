"""Samples of what the system holds and has to do, for the lines of the last day in the console."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.create_table(
        "system_sample",
        sa.Column("sampled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("assets", sa.BigInteger(), nullable=False),
        sa.Column("queued", sa.BigInteger(), nullable=False),
        sa.Column("index_lag_seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sampled_at", name="pk_system_sample"),
    )
