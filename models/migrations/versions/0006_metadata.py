"""Metadata fields, views, categories and values."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.ddl import create_trigger, now_column

revision = "0006"
down_revision = "0005"

FIELD_TYPES = (
    *("string", "string_exact", "text", "integer", "float", "boolean"),
    *("date", "datetime", "drop_down", "tag_cloud", "email", "url"),
)

# Values hang on objects of any kind, so each kind that a statement touched is marked by itself.
MARKS = """
    PERFORM mark_for_index(object_type, array_agg(object_id)) FROM ({rows}) AS changed GROUP BY object_type;"""

VALUE_ROWS = {
    "insert": "SELECT object_type, object_id FROM after_rows",
    "delete": "SELECT object_type, object_id FROM before_rows",
    "update": """
        SELECT after.object_type, after.object_id
        FROM before_rows before JOIN after_rows after USING (object_id, field_id)
        WHERE before."values" IS DISTINCT FROM after."values" OR before.object_type <> after.object_type""",
}
# Name and type of a field never change. What documents show of a field besides is whether it is there, and the labels
# of options; a new option marks nothing, because no document has it yet.
FIELD_ROWS = """
        SELECT value.object_type, value.object_id
        FROM before_rows before JOIN after_rows after USING (id) JOIN metadata_value value ON value.field_id = after.id
        WHERE (before.date_deleted IS NULL) <> (after.date_deleted IS NULL)
            OR value."values" ?| ARRAY(
                SELECT value
                FROM jsonb_to_recordset(before.options) AS was (value text, label text)
                FULL JOIN jsonb_to_recordset(after.options) AS is_now (value text, label text) USING (value)
                WHERE was.label IS DISTINCT FROM is_now.label)"""


def upgrade() -> None:
    op.create_table(
        "metadata_field",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column(
            "field_type",
            sa.Enum(*FIELD_TYPES, name="fieldtype", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        *(
            sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)
            for name in ("required", "read_only", "multi", "sortable", "use_as_facet")
        ),
        sa.Column("min_value", sa.Float(), nullable=True),
        sa.Column("max_value", sa.Float(), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        now_column("date_created"),
        now_column("date_modified"),
        sa.Column("date_deleted", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metadata_field")),
    )
    op.create_index(
        "uq_metadata_field_name",
        "metadata_field",
        ["name"],
        unique=True,
        postgresql_where=sa.text("date_deleted IS NULL"),
    )
    op.create_table(
        "metadata_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("write_access_for_everyone", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        now_column("date_created"),
        now_column("date_modified"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metadata_view")),
    )
    op.create_table(
        "metadata_view_field",
        sa.Column("view_id", sa.Uuid(), nullable=False),
        sa.Column("field_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("overrides", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["view_id"],
            ["metadata_view.id"],
            name=op.f("fk_metadata_view_field_view_id_metadata_view"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["field_id"],
            ["metadata_field.id"],
            name=op.f("fk_metadata_view_field_field_id_metadata_field"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("view_id", "field_id", name=op.f("pk_metadata_view_field")),
    )
    op.create_index(op.f("ix_metadata_view_field_field_id"), "metadata_view_field", ["field_id"])
    op.create_table(
        "metadata_category",
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("view_ids", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        now_column("date_created"),
        now_column("date_modified"),
        sa.PrimaryKeyConstraint("object_type", "name", name=op.f("pk_metadata_category")),
    )
    op.create_table(
        "metadata_value",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("field_id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        now_column("date_created"),
        now_column("date_modified"),
        sa.ForeignKeyConstraint(
            ["field_id"],
            ["metadata_field.id"],
            name=op.f("fk_metadata_value_field_id_metadata_field"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("object_id", "field_id", name=op.f("pk_metadata_value")),
    )
    op.create_index(op.f("ix_metadata_value_field_id"), "metadata_value", ["field_id"])
    op.create_table(
        "metadata_bulk_object",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_metadata_bulk_object_job_id_job"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "object_id", name=op.f("pk_metadata_bulk_object")),
    )
    for event, rows in VALUE_ROWS.items():
        create_trigger(f"mark_metadata_value_{event}", "metadata_value", event, MARKS.format(rows=rows))
    create_trigger("mark_metadata_field_update", "metadata_field", "update", MARKS.format(rows=FIELD_ROWS))
