"""Documents say where an approval was not requested (`N/A`), and those of assets their relations and category.

All of them are written again, after single changes."""

from alembic import op

from models.migrations.definition_files import install_definitions

revision = "0034"
down_revision = "0033"

DEFINITIONS = {"index_marks_assets": "dc5cff2a618d", "index_marks_relations": "52ae74da7cb6"}


def upgrade() -> None:
    install_definitions(op.get_bind(), DEFINITIONS)
    op.execute("""
        UPDATE index_mark SET dirty_since = now(), bulk = true
        WHERE object_type IN ('assets', 'collections') AND dirty_since IS NULL
    """)
