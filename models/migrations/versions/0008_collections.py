"""Collections and what is in them, favourites, and rights that reach what a collection holds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import create_trigger
from models.migrations.marking import marking_triggers

revision = "0008"
down_revision = "0007"

MARKS = marking_triggers(
    "collection",
    "collections",
    key="id",
    shown=[
        *("title", "external_id", "status", "parent_id", "storage_id", "details", "created_by_user"),
        *("date_created", "date_modified"),
    ],
    # What leaves a collection is no longer read by whom that one's propagating rights let read it.
    narrows="(after.status <> 'ACTIVE' AND before.status = 'ACTIVE')"
    " OR (before.parent_id IS NOT NULL AND after.parent_id IS DISTINCT FROM before.parent_id)",
    key_is_object=True,
)

# Taking an asset out hides it from those whom the collection's propagating rights let read it, and from nobody else.
REACHED = """EXISTS (
            SELECT FROM collection JOIN acl_entry ON acl_entry.object_id = ANY (collection.path)
            WHERE collection.id = before.collection_id AND acl_entry.object_type = 'collections'
                AND acl_entry.propagates AND 'read' = ANY (acl_entry.permissions))"""
PLACES = {
    "insert": "PERFORM mark_for_index('assets', (SELECT array_agg(asset_id) FROM after_rows));",
    "delete": f"""
    PERFORM mark_for_index('assets', array_agg(asset_id), true) FROM before_rows before
    WHERE carries_rights AND {REACHED};
    PERFORM mark_for_index('assets', array_agg(asset_id)) FROM before_rows;""",
    "update": f"""
    PERFORM mark_for_index('assets', array_agg(asset_id), true)
    FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
    WHERE before.carries_rights AND NOT after.carries_rights AND {REACHED};
    PERFORM mark_for_index('assets', array_agg(asset_id))
    FROM before_rows before JOIN after_rows after USING (collection_id, asset_id)
    WHERE before.carries_rights <> after.carries_rights;""",
}
# A document shows its readers alone, so only `read` marks; taking it away narrows. Propagating rights are in none.
READERS = {
    "insert": """
    PERFORM mark_for_index('collections', array_agg(object_id)) FROM after_rows
    WHERE object_type = 'collections' AND 'read' = ANY (permissions);""",
    "delete": """
    PERFORM mark_for_index('collections', array_agg(object_id), true) FROM before_rows
    WHERE object_type = 'collections' AND 'read' = ANY (permissions);""",
    "update": """
    PERFORM mark_for_index('collections', array_agg(object_id), true)
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'collections' AND 'read' = ANY (before.permissions) AND NOT 'read' = ANY (after.permissions);
    PERFORM mark_for_index('collections', array_agg(object_id))
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'collections'
        AND 'read' = ANY (after.permissions) AND NOT 'read' = ANY (before.permissions);""",
}


def upgrade() -> None:
    op.create_table(
        "collection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                *("ACTIVE", "DELETED", "HIDDEN"),
                name="collectionstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="ACTIVE",
            nullable=False,
        ),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("path", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("storage_id", sa.Uuid(), nullable=True),
        sa.Column("folder_id", sa.BigInteger(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_by_user", sa.Uuid(), nullable=True),
        sa.Column("deleted_by_user", sa.Uuid(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_deleted", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cardinality(path) BETWEEN 1 AND 50", name=op.f("ck_collection_depth")),
        sa.CheckConstraint("path[cardinality(path)] = id", name=op.f("ck_collection_path")),
        sa.ForeignKeyConstraint(["parent_id"], ["collection.id"], name=op.f("fk_collection_parent_id_collection")),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_collection_storage_id_storage"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folder.id"], name=op.f("fk_collection_folder_id_folder"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection")),
    )
    op.create_index("ix_collection_path", "collection", ["path"], postgresql_using="gin")
    op.create_index(op.f("ix_collection_parent_id"), "collection", ["parent_id"])
    op.create_index(op.f("ix_collection_storage_id"), "collection", ["storage_id"])
    op.create_index(
        op.f("ix_collection_external_id"),
        "collection",
        ["external_id"],
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_collection_folder_id"),
        "collection",
        ["folder_id"],
        unique=True,
        postgresql_where=sa.text("folder_id IS NOT NULL"),
    )
    op.create_table(
        "collection_asset",
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("carries_rights", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("mirrors_folder", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("added_by_user", sa.Uuid(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collection.id"],
            name=op.f("fk_collection_asset_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_collection_asset_asset_id_asset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "asset_id", name=op.f("pk_collection_asset")),
    )
    op.create_index(op.f("ix_collection_asset_asset_id"), "collection_asset", ["asset_id"])
    op.create_table(
        "favorite",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_favorite_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "object_type", "object_id", name=op.f("pk_favorite")),
    )
    op.add_column("acl_entry", sa.Column("propagates", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "ix_acl_entry_propagating",
        "acl_entry",
        ["principal_id", "object_id"],
        postgresql_where=sa.text("propagates"),
    )
    for statement in MARKS:
        op.execute(statement)
    _mark("collection_asset", "collection_asset", PLACES)
    _mark("acl_entry", "collection_readers", READERS)


def _mark(table: str, name: str, bodies: dict[str, str]) -> None:
    """Triggers on `table` whose functions bear `name`: a table may have several, each for another kind of document."""
    for event, body in bodies.items():
        create_trigger(f"mark_{name}_{event}", table, event, body)
