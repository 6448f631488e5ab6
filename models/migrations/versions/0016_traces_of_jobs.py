"""Jobs keep the trace of the request that made them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("job", sa.Column("trace", sa.Text(), nullable=True))
