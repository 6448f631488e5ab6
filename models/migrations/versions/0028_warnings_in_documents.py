"""Documents of assets say whether a format has a warning: all of them are written again, after single changes."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute("""
        UPDATE index_mark SET dirty_since = now(), bulk = true WHERE object_type = 'assets' AND dirty_since IS NULL
    """)
