"""The reason that a reviewer gives with a vote.

The column has a default, so processes of the version before keep writing this table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.add_column("approval_vote", sa.Column("reason", sa.Text(), server_default="", nullable=False))
