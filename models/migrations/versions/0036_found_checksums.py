"""Watched files are found by the checksums that were computed when a list beside them was verified."""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.create_index("ix_file_checksum_found", "file_checksum", ["found"])
