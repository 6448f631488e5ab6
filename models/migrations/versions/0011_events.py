"""Webhooks, the outbox of mails, and what other systems asked for."""

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Nothing yet."""
