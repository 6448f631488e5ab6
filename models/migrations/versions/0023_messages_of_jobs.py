"""The Celery task that ran a job last, so that the id in Flower leads to the job."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("job", sa.Column("message_id", sa.Uuid(), nullable=True))
    op.create_index("ix_job_message_id", "job", ["message_id"], postgresql_where=sa.text("message_id IS NOT NULL"))
