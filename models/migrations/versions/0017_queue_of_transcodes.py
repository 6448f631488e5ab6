"""Renditions are made on a queue of their own."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("UPDATE job SET task = 'transcode.run', queue = 'transcode' WHERE task = 'media.transcode'")
