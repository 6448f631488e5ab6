"""When a person confirmed that the missing files of a storage were deleted.

The column is null, so that processes of the version before keep writing the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("storage", sa.Column("deletions_confirmed_at", sa.DateTime(timezone=True), nullable=True))
