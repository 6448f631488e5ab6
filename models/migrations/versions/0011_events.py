"""Webhooks, the outbox of mails, and what other systems asked for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

DUE = sa.text("done_at IS NULL AND parked_at IS NULL")


def outgoing() -> list[sa.Column]:
    """The columns of an outbox beside what it sends."""
    moment, now = sa.DateTime(timezone=True), sa.text("now()")
    return [
        sa.Column("not_before", moment, server_default=now, nullable=False),
        sa.Column("give_up_at", moment, server_default=sa.text("now() + interval '1 day'"), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", moment, nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("parked_at", moment, nullable=True),
        sa.Column("done_at", moment, nullable=True),
        sa.Column("date_created", moment, server_default=now, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        *outgoing(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_table(
        "look_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("storage_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.LargeBinary(), nullable=False),
        sa.Column("is_finished", sa.Boolean(), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_look_request_storage_id_storage"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_request")),
    )
    op.create_index(op.f("ix_look_request_storage_id"), "look_request", ["storage_id"])
    op.create_index("ix_mail_due", "mail", ["not_before", "id"], postgresql_where=DUE)
