"""Record which token made a token, so that it ends with it, and which tokens are sign-ins.

Tokens of before end as they did: when it is not known what made them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("token", sa.Column("is_sign_in", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("token", sa.Column("made_by", sa.Uuid()))
    op.create_foreign_key(op.f("fk_token_made_by_token"), "token", "token", ["made_by"], ["id"], ondelete="CASCADE")
    op.create_index(op.f("ix_token_made_by"), "token", ["made_by"])
    op.execute("UPDATE token SET is_sign_in = true FROM app WHERE app.id = token.app_id AND app.name = 'Sign-in'")
