"""Install functions and triggers from the files in `definitions`.

They do the same as before: functions lose branches that never ran, and get the layout of the files."""

from alembic import op

from models.migrations.definition_files import install_definitions

revision = "0019"
down_revision = "0018"

DEFINITIONS = {
    "append_only": "3bd95b845532",
    "index_marks": "13eb8fc5d12a",
    "index_marks_approvals": "558e4063a277",
    "index_marks_assets": "61d117586f6e",
    "index_marks_collections": "44ce099b9ae9",
    "index_marks_metadata": "4fed678cd88b",
    "index_marks_permissions": "c18fd448d7db",
    "index_marks_segments": "2ae4af527d79",
    "media_queue": "9460ee1356f4",
    "sidecar_queue": "293fc54541ee",
    "webhook_events": "e3df91caa11b",
    "webhook_events_objects": "d25f7d60a45b",
}


def upgrade() -> None:
    install_definitions(op.get_bind(), DEFINITIONS)
