"""Users may opt out of mails about approvals, and administrators out of the digest of failures."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    wanted = sa.Column("email_notifications", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    op.add_column("user_account", wanted)
