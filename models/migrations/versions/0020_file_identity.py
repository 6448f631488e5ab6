"""What identifies a file's content, why one cannot be read, and how often a watcher had to start again.

All columns are null or have a default, so processes of the version before keep writing these tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("file", sa.Column("ctime_ns", sa.BigInteger(), nullable=True))
    op.add_column("file", sa.Column("error", sa.Text(), nullable=True))
    op.create_index("ix_file_error", "file", ["folder_id"], postgresql_where=sa.text("error IS NOT NULL"))
    op.add_column("storage", sa.Column("watcher_restarts", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("storage", sa.Column("watcher_error", sa.Text(), nullable=True))
    op.add_column(
        "file_set_file", sa.Column("rewritten", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
