"""What processes report of their machines, and the identity that the media folder is marked with.

Processes of the version before report nothing and look for no marker.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "system_identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("media_marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system_identity")),
    )
    op.execute("INSERT INTO system_identity (id) VALUES (gen_random_uuid())")
    op.add_column("storage", sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "process_report",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("queues", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unseen", postgresql.JSONB(), nullable=False),
        sa.Column("media_folder_error", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_process_report")),
    )
