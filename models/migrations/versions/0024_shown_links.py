"""Record to whom the link of a recipient was shown.

A link that is made out to an address is mailed; where no mail server is set it is shown once, and votes through it say
so. The column is null for links of before, which a user who may share could read at any time."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("share_user", sa.Column("link_shown_to", sa.Text()))
