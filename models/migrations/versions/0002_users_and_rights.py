"""Users and rights: who signs in, who may do what, relations, declared files, job steps and kept answers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# A document shows its readers alone, so only `read` marks; taking it away narrows.
ACL_MARKS = {
    "insert": """
    PERFORM mark_for_index('assets', array_agg(object_id)) FROM after_rows
    WHERE object_type = 'assets' AND 'read' = ANY (permissions);""",
    "delete": """
    PERFORM mark_for_index('assets', array_agg(object_id), true) FROM before_rows
    WHERE object_type = 'assets' AND 'read' = ANY (permissions);""",
    "update": """
    PERFORM mark_for_index('assets', array_agg(object_id), true)
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'assets' AND 'read' = ANY (before.permissions) AND NOT 'read' = ANY (after.permissions);
    PERFORM mark_for_index('assets', array_agg(object_id))
    FROM before_rows before JOIN after_rows after USING (object_type, object_id, principal_id, inherited_from)
    WHERE object_type = 'assets' AND 'read' = ANY (after.permissions) AND NOT 'read' = ANY (before.permissions);""",
}
TRANSITIONS = {
    "insert": "NEW TABLE AS after_rows",
    "delete": "OLD TABLE AS before_rows",
    "update": "OLD TABLE AS before_rows NEW TABLE AS after_rows",
}

RELATION_TYPES = [
    ("parent_child", "Parent of", "Child of", "One was made out of the other and belongs under it.", True),
    ("sibling", "Sibling of", "Sibling of", "Both stand side by side, such as two edits of one film.", False),
    ("promo", "Promo for", "Promo of", "A trailer or teaser and what it advertises.", True),
    ("source", "Source for", "Product of", "Something was made with the other, such as a film with its project.", True),
    ("used_in", "Used in", "Uses", "One appears in the other.", True),
    ("component", "Component of", "Consists of", "One is a part of the other.", True),
    ("duplicate", "Duplicate of", "Duplicate of", "Both hold the same content.", False),
]


def upgrade() -> None:
    op.create_table(
        "acl_entry",
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column(
            "inherited_from",
            sa.Uuid(),
            server_default=sa.text("'00000000-0000-0000-0000-000000000000'"),
            nullable=False,
        ),
        sa.Column(
            "principal_kind",
            sa.Enum("user", "group", name="principalkind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "permissions <@ ARRAY['read', 'write', 'delete', 'change-acl']", name=op.f("ck_acl_entry_permissions")
        ),
        sa.PrimaryKeyConstraint(
            "object_id", "object_type", "principal_id", "inherited_from", name=op.f("pk_acl_entry")
        ),
    )
    op.create_index(
        op.f("ix_acl_entry_principal_id_object_type_object_id"),
        "acl_entry",
        ["principal_id", "object_type", "object_id"],
        unique=False,
    )
    op.create_table(
        "acl_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acl_template")),
        sa.UniqueConstraint("name", name=op.f("uq_acl_template_name")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        op.f("ix_audit_entry_object_type_object_id"), "audit_entry", ["object_type", "object_id"], unique=False
    )
    op.create_table(
        "kept_answer",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_kept_answer")),
    )
    op.create_index(op.f("ix_kept_answer_date_created"), "kept_answer", ["date_created"], unique=False)
    op.create_table(
        "relation_type",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source_label", sa.Text(), nullable=False),
        sa.Column("destination_label", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("is_directional", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_system", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_relation_type")),
    )
    op.create_table(
        "sign_in_limit",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_sign_in_limit")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "BROWSE_API_ONLY",
                "BROWSE_ONLY",
                "POWER",
                "STANDARD",
                name="usertype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="STANDARD",
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "BLOCKED",
                "DELETED",
                "INACTIVE",
                name="userstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="ACTIVE",
            nullable=False,
        ),
        sa.Column("is_admin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("last_web_login", sa.DateTime(timezone=True), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
    )
    op.create_index("uq_user_account_email", "user_account", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "user_group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("alias", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "group_type",
            sa.Enum("ROLE_GROUP", "TEAM", name="grouptype", native_enum=False, create_constraint=True, length=40),
            server_default="TEAM",
            nullable=False,
        ),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_group")),
        sa.UniqueConstraint("name", name=op.f("uq_user_group_name")),
    )
    op.create_table(
        "app",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_app_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app")),
    )
    op.create_index(op.f("ix_app_user_id"), "app", ["user_id"], unique=False)
    op.create_table(
        "job_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "DONE",
                "FAILED",
                "IN_PROGRESS",
                "SKIPPED",
                "WAITING",
                name="stepstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="WAITING",
            nullable=False,
        ),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("date_updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_step_job_id_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_step")),
    )
    op.create_index(op.f("ix_job_step_job_id"), "job_step", ["job_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["user_group.id"], name=op.f("fk_membership_group_id_user_group"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_membership_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_group_id"), "membership", ["group_id"], unique=False)
    op.create_table(
        "token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["app.id"], name=op.f("fk_token_app_id_app"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_token_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )
    op.create_index(op.f("ix_token_app_id"), "token", ["app_id"], unique=False)
    op.create_index(op.f("ix_token_user_id"), "token", ["user_id"], unique=False)
    op.create_table(
        "relation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("relation_type", sa.Text(), nullable=False),
        sa.Column("related_to_asset_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_relation_asset_id_asset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["related_to_asset_id"],
            ["asset.id"],
            name=op.f("fk_relation_related_to_asset_id_asset"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["relation_type"],
            ["relation_type.name"],
            name=op.f("fk_relation_relation_type_relation_type"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relation")),
        sa.UniqueConstraint(
            "asset_id",
            "relation_type",
            "related_to_asset_id",
            name=op.f("uq_relation_asset_id_relation_type_related_to_asset_id"),
        ),
    )
    op.create_index(op.f("ix_relation_related_to_asset_id"), "relation", ["related_to_asset_id"], unique=False)
    op.create_index(op.f("ix_relation_relation_type"), "relation", ["relation_type"], unique=False)
    op.create_table(
        "declared_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("file_set_id", sa.Uuid(), nullable=False),
        sa.Column("storage_id", sa.Uuid(), nullable=True),
        sa.Column("directory_path", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("original_name", sa.Text(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "DIRECTORY",
                "FILE",
                "SEQUENCE",
                "SYMLINK",
                name="filetype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="FILE",
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "OPEN",
                "GROWING",
                "AWAITED",
                "CLOSED",
                "FAILED",
                "MISSING",
                "REDISCOVERED",
                "DELETED",
                name="filestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="OPEN",
            nullable=False,
        ),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("checksum", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("file_date_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_date_modified", sa.DateTime(timezone=True), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_declared_file_asset_id_asset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["file_set_id"], ["file_set.id"], name=op.f("fk_declared_file_file_set_id_file_set"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_declared_file_storage_id_storage"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declared_file")),
    )
    op.create_index(op.f("ix_declared_file_asset_id"), "declared_file", ["asset_id"], unique=False)
    op.create_index(op.f("ix_declared_file_file_set_id"), "declared_file", ["file_set_id"], unique=False)
    op.create_index(op.f("ix_declared_file_storage_id"), "declared_file", ["storage_id"], unique=False)
    op.add_column("asset", sa.Column("updated_by_user", sa.Uuid(), nullable=True))
    op.add_column("asset", sa.Column("deleted_by_user", sa.Uuid(), nullable=True))
    op.add_column(
        "asset",
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column(
        "job",
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    for event, marks in ACL_MARKS.items():
        name = f"mark_acl_entry_{event}"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {marks} RETURN NULL; END $$")
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event.upper()} ON acl_entry REFERENCING {TRANSITIONS[event]} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
    op.execute(
        "CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    columns = ("name", "source_label", "destination_label", "description", "is_directional")
    op.bulk_insert(
        sa.table("relation_type", *map(sa.column, columns), sa.column("is_system")),
        [{**dict(zip(columns, values, strict=True)), "is_system": True} for values in RELATION_TYPES],
    )
