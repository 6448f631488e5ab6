"""A storage may be removed while its assets stay, offline: its row is kept, hidden."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column("storage", sa.Column("removed_at", sa.DateTime(timezone=True)))
