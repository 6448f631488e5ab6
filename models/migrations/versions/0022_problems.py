"""Indexes of what status counts: media that cannot be read, files that differ from their checksum, failed jobs."""

from alembic import op
from sqlalchemy import text

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    is_unreadable = "from_header AND type = 'GENERAL' AND media ?| ARRAY['error', 'picture_error']"
    for name, table, column, condition in (
        ("ix_component_unreadable", "component", "file_set_id", is_unreadable),
        ("ix_file_checksum_mismatch", "file_checksum", "file_id", "NOT matches"),
        ("ix_job_failed", "job", "completed_at", "status = 'FAILED'"),
    ):
        op.create_index(name, table, [column], postgresql_where=text(condition))
