"""Blocking keys of files, by which one more file is grouped without reading its whole folder.

Rows get theirs from the watcher, a slice at a time; until all of a storage have them, its folders are read whole. The
columns are null, so processes of the version before keep writing these tables.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("file", sa.Column("blocking_keys", postgresql.ARRAY(sa.BigInteger()), nullable=True))
    op.add_column("storage", sa.Column("blocking_version", sa.Integer(), nullable=True))
    gin: dict[str, Any] = {"postgresql_using": "gin", "postgresql_with": {"fastupdate": "off"}}
    has_keys = sa.text("blocking_keys IS NOT NULL")
    has_none = sa.text("blocking_keys IS NULL AND bucket IS NULL AND status <> 'FAILED'")
    op.create_index("ix_file_blocking_keys", "file", ["blocking_keys"], postgresql_where=has_keys, **gin)
    op.create_index("ix_file_without_keys", "file", ["folder_id"], postgresql_where=has_none)
    op.create_index(
        "ix_file_set_unreported",
        "file_set",
        ["island_id"],
        postgresql_where=sa.text("told_count <> file_count OR untold_changes > 0 OR empty_frames <> ''"),
    )
