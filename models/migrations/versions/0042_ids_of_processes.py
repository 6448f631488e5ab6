"""The id of the process that wrote a report: two machines of one name do not overwrite each other's.

The column is null for processes of the version before, whose reports anyone of the same name overwrites.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.add_column("process_report", sa.Column("process_id", sa.Uuid(), nullable=True))
