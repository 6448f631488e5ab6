"""Webhook events of reports about whether a folder is whole."""

from alembic import op

from models.migrations.definition_files import install_definitions

revision = "0038"
down_revision = "0037"

DEFINITIONS = {"webhook_events_readiness": "d40bef2c40c8"}


def upgrade() -> None:
    install_definitions(op.get_bind(), DEFINITIONS)
