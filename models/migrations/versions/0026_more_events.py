"""Webhook events of approvals, votes, relations, history, file sets and media, and of jobs that fail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.definition_files import install_definitions

revision = "0026"
down_revision = "0025"

DEFINITIONS = {
    "webhook_events": "624af3ed2a45",
    "webhook_events_files": "b1ab3ed12a06",
    "webhook_events_people": "0cddcf1e0b33",
}


def upgrade() -> None:
    for table in ("event", "webhook_delivery"):
        details = postgresql.JSONB(astext_type=sa.Text())
        op.add_column(table, sa.Column("details", details, server_default=sa.text("'{}'"), nullable=False))
    # What is there has been quiet for long: only later changes are announced.
    op.add_column("file_set", sa.Column("quiet_for", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE file_set SET quiet_for = coalesce(changed_at, date_created) WHERE frames IS NOT NULL")
    last_change = "coalesce(changed_at, date_created)"
    is_unquiet = sa.text(f"frames IS NOT NULL AND quiet_for IS DISTINCT FROM {last_change}")
    op.create_index("ix_file_set_unquiet", "file_set", [sa.text(last_change)], postgresql_where=is_unquiet)
    # Its successor has one parameter more: beside it, a call with four would be ambiguous.
    op.execute("DROP FUNCTION tell_outside(text[], text, text, uuid[])")
    install_definitions(op.get_bind(), DEFINITIONS)
