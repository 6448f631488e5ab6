"""A storage may be removed while its assets stay, offline: its row is kept, hidden."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.add_column("storage", sa.Column("removed_at", sa.DateTime(timezone=True)))
