"""Verified copies of file sets, which documents of assets show, and structures that are judged as they arrive.

Documents of assets are written again, after single changes. Both tables are new, so processes of the version before
know nothing of them.
"""

import sqlalchemy as sa
from alembic import op

from models.migrations.ddl import now_column
from models.migrations.definition_files import install_definitions

revision = "0040"
down_revision = "0039"

DEFINITIONS = {"index_marks_copies": "7159669cb949"}


def upgrade() -> None:
    op.create_table(
        "file_set_copies",
        sa.Column("file_set_id", sa.Uuid(), nullable=False),
        sa.Column("verified_copies", sa.Integer(), nullable=False),
        sa.Column("duplicate_of", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("file_set_id", name="pk_file_set_copies"),
        sa.ForeignKeyConstraint(
            ["file_set_id"], ["file_set.id"], name="fk_file_set_copies_file_set_id_file_set", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "arrival_check",
        sa.Column("island_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        now_column("changed_at"),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("island_id", name="pk_arrival_check"),
        sa.ForeignKeyConstraint(
            ["island_id"], ["island.id"], name="fk_arrival_check_island_id_island", ondelete="CASCADE"
        ),
    )
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_arrival_check_due_at", "arrival_check", ["due_at"], postgresql_where=is_due)
    install_definitions(op.get_bind(), DEFINITIONS)
    op.execute("""
        UPDATE index_mark SET dirty_since = now(), bulk = true WHERE object_type = 'assets' AND dirty_since IS NULL
    """)
