"""How the watcher of a storage finds out that a file is no longer written."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("storage", sa.Column("writer_check", sa.Text(), nullable=True))
