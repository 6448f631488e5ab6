"""Leases of watchers on storages.

The columns are null, so watchers of the version before keep writing this table; they elect their leaders by locks that
this version does not know, and two of them may watch a storage until the older one ends.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("storage", sa.Column("watcher_id", sa.BigInteger(), nullable=True))
    op.add_column("storage", sa.Column("watcher_host", sa.Text(), nullable=True))
    op.add_column("storage", sa.Column("watcher_until", sa.DateTime(timezone=True), nullable=True))
