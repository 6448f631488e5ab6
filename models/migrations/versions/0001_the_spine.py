"""The spine: storages, files, islands, assets, history, jobs and the index queue."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.marking import MARK_FOR_INDEX, marking_triggers

revision = "0001"
down_revision = None

MARKS = [
    *marking_triggers(
        "asset",
        "assets",
        key="id",
        shown=[
            *("title", "external_id", "type", "status", "is_online", "created_by_user", "merged_into"),
            *("date_created", "date_modified"),
        ],
        narrows="(after.status <> 'ACTIVE' AND before.status = 'ACTIVE')"
        " OR (after.merged_into IS NOT NULL AND before.merged_into IS NULL)",
        key_is_object=True,
    ),
    *marking_triggers(
        "format",
        "assets",
        key="asset_id",
        shown=["asset_id", "name", "role", "structure", "is_online", "warnings"],
    ),
    *marking_triggers(
        "file_set",
        "assets",
        key="asset_id",
        shown=[
            *("asset_id", "format_id", "storage_id", "label", "name", "base_dir", "status", "file_count"),
            *("size_bytes", "names", "frames", "missing_frames", "missing"),
        ],
    ),
]

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$
"""


def upgrade() -> None:
    op.execute("CREATE SEQUENCE index_revision")
    op.create_table(
        "history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column(
            "operation_type",
            sa.Enum(
                "ADD_FORMAT",
                "ANALYZE",
                "APPROVE",
                "ARCHIVE",
                "CUSTOM",
                "DELETE",
                "DELETE_FILE",
                "DELETE_FILESET",
                "DELETE_FORMAT",
                "DOWNLOAD",
                "EXPORT",
                "FACE_RECOGNITION",
                "METADATA",
                "MODIFY_FILESET",
                "PUBLISH",
                "PUBLISH_SAVE_DRAFT",
                "PUBLISH_SCHEDULED",
                "REJECT",
                "RESTORE",
                "RESTORE_ARCHIVE",
                "RESTORE_FILESET",
                "RESTORE_FORMAT",
                "RESTORE_FROM_GLACIER",
                "TRANSCODE",
                "TRANSCRIPTION",
                "TRANSFER",
                "UNLINK_SUBCLIP",
                "VERSION_CREATE",
                "VERSION_DELETE",
                "VERSION_PROMOTE",
                "VERSION_UPDATE",
                name="operation",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("operation_description", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("share_id", sa.Uuid(), nullable=True),
        sa.Column("share_user_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
        sa.UniqueConstraint("operation_id", name=op.f("uq_history_operation_id")),
    )
    op.create_index(op.f("ix_history_asset_id_id"), "history", ["asset_id", "id"], unique=False)
    op.create_table(
        "index_mark",
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("dirty_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("narrowed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bulk", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("errors", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("marked_by", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("object_type", "object_id", name=op.f("pk_index_mark")),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_index(
        "ix_index_mark_due",
        "index_mark",
        ["narrowed", "bulk", "dirty_since"],
        unique=False,
        postgresql_where=sa.text("dirty_since IS NOT NULL AND parked_at IS NULL"),
    )
    op.create_index(
        "ix_index_mark_narrowed",
        "index_mark",
        ["object_type", "object_id"],
        unique=False,
        postgresql_where=sa.text("narrowed"),
    )
    op.create_index(
        "ix_index_mark_parked",
        "index_mark",
        ["parked_at"],
        unique=False,
        postgresql_where=sa.text("parked_at IS NOT NULL"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("custom_type", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "ABORTED",
                "ABORT_PENDING",
                "DISCARDED",
                "FAILED",
                "FINISHED",
                "FINISHED_WITH_WARNING",
                "PAUSED",
                "PENDING_USER",
                "READY",
                "SKIPPED",
                "STARTED",
                "WAITING",
                name="jobstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="READY",
            nullable=False,
        ),
        sa.Column("queue", sa.Text(), server_default="maintenance", nullable=False),
        sa.Column("task", sa.Text(), nullable=True),
        sa.Column(
            "arguments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("object_type", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="5", nullable=False),
        sa.Column("progress_processed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress_total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("handed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crashes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["job.id"], name=op.f("fk_job_parent_id_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        op.f("ix_job_object_id"),
        "job",
        ["object_id"],
        unique=False,
        postgresql_where=sa.text("object_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_job_parent_id"), "job", ["parent_id"], unique=False)
    op.create_index(
        "ix_job_waiting",
        "job",
        ["queue", "priority", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('READY', 'STARTED')"),
    )
    op.create_table(
        "search_document",
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_key", sa.Text(collation="C"), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tokens", postgresql.TSVECTOR(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("readers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("object_type", "object_id", name=op.f("pk_search_document")),
    )
    op.create_index(
        "ix_search_document_terms",
        "search_document",
        ["terms"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"terms": "jsonb_path_ops"},
    )
    op.create_index("ix_search_document_tokens", "search_document", ["tokens"], unique=False, postgresql_using="gin")
    op.create_index("ix_search_document_readers", "search_document", ["readers"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_search_document_date_created",
        "search_document",
        ["date_created", "object_id"],
        unique=False,
        postgresql_where=sa.text("NOT deleted"),
    )
    op.create_table(
        "storage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("method", sa.Text(), server_default="FILE", nullable=False),
        sa.Column("purpose", sa.Text(), server_default="FILES", nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column(
            "settings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("profile_revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("scan_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accept_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "FAILING",
                "INACTIVE",
                name="storagestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="ACTIVE",
            nullable=False,
        ),
        sa.Column("status_message", sa.Text(), server_default="", nullable=False),
        sa.Column("frozen_reason", sa.Text(), nullable=True),
        sa.Column("root_device", sa.BigInteger(), nullable=True),
        sa.Column("root_inode", sa.BigInteger(), nullable=True),
        sa.Column("watcher_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scan_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_scanned", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scan_seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("scan_entries", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("scan_expected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unsettled", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("events_lost", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage")),
        sa.UniqueConstraint("name", name=op.f("uq_storage_name")),
        sa.UniqueConstraint("root", name=op.f("uq_storage_root")),
    )
    op.create_table(
        "folder",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("storage_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("island_id", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["folder.id"], name=op.f("fk_folder_parent_id_folder"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_folder_storage_id_storage"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder")),
        sa.UniqueConstraint(
            "storage_id",
            "parent_id",
            "name",
            name=op.f("uq_folder_storage_id_parent_id_name"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("ix_folder_island_id"), "folder", ["island_id"], unique=False)
    op.create_index(op.f("ix_folder_parent_id"), "folder", ["parent_id"], unique=False)
    op.create_table(
        "frame_bucket",
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("runs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folder.id"], name=op.f("fk_frame_bucket_folder_id_folder"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("folder_id", "key", name=op.f("pk_frame_bucket")),
    )
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
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
            nullable=False,
        ),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("content_seen", sa.BigInteger(), nullable=False),
        sa.Column("suspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("media_class", sa.Text(), nullable=False),
        sa.Column("bucket", sa.LargeBinary(), nullable=True),
        sa.Column("frame", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("padded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folder.id"], name=op.f("fk_file_folder_id_folder"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("folder_id", "name", name=op.f("uq_file_folder_id_name")),
    )
    op.create_index(op.f("ix_file_folder_id_seen"), "file", ["folder_id", "seen"], unique=False)
    op.create_index(op.f("ix_file_inode"), "file", ["inode"], unique=False)
    op.create_index(
        "ix_file_suspected",
        "file",
        ["suspected_at"],
        unique=False,
        postgresql_where=sa.text("suspected_at IS NOT NULL"),
    )
    op.create_index(
        "ix_file_unfinished", "file", ["status"], unique=False, postgresql_where=sa.text("status <> 'CLOSED'")
    )
    op.create_table(
        "island",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("storage_id", sa.Uuid(), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("arrived", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stale_summaries", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("dirty_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crashes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rules_version", sa.Integer(), nullable=True),
        sa.Column("profile_revision", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folder.id"], name=op.f("fk_island_folder_id_folder"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_island_storage_id_storage"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_island")),
        sa.UniqueConstraint("folder_id", name=op.f("uq_island_folder_id")),
    )
    op.create_index(
        "ix_island_dirty",
        "island",
        ["storage_id", "dirty_since"],
        unique=False,
        postgresql_where=sa.text("dirty_since IS NOT NULL"),
    )
    op.create_index(
        "ix_island_waiting",
        "island",
        ["wait_until"],
        unique=False,
        postgresql_where=sa.text("wait_until IS NOT NULL"),
    )
    op.create_table(
        "asset",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column(
            "type",
            sa.Enum(
                "ASSET",
                "CUSTOM",
                "LINK",
                "NLE_PROJECT",
                "PLACEHOLDER",
                "SEQUENCE",
                "SUBCLIP",
                name="assettype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="ASSET",
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum("ACTIVE", "DELETED", name="assetstatus", native_enum=False, create_constraint=True, length=40),
            server_default="ACTIVE",
            nullable=False,
        ),
        sa.Column("is_online", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("island_id", sa.BigInteger(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("created_by_user", sa.Uuid(), nullable=True),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_deleted", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["island_id"], ["island.id"], name=op.f("fk_asset_island_id_island"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
    )
    op.create_index(
        op.f("ix_asset_external_id"),
        "asset",
        ["external_id"],
        unique=False,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_asset_island_id"),
        "asset",
        ["island_id"],
        unique=False,
        postgresql_where=sa.text("island_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_asset_merged_into"),
        "asset",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "format",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "original",
                "transcode",
                "sidecar",
                name="formatrole",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("structure", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("is_online", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("warnings", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("media", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_format_asset_id_asset"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_format")),
    )
    op.create_index(op.f("ix_format_asset_id"), "format", ["asset_id"], unique=False)
    op.create_table(
        "file_set",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("format_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("storage_id", sa.Uuid(), nullable=True),
        sa.Column("island_id", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base_dir", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "REGULAR",
                "MANY_FILES",
                name="filesettype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="REGULAR",
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "ARCHIVED",
                "DELETED",
                name="filesetstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="ACTIVE",
            nullable=False,
        ),
        sa.Column("file_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("names", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("told_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("untold_changes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bucket_folder_id", sa.BigInteger(), nullable=True),
        sa.Column("bucket_key", sa.LargeBinary(), nullable=True),
        sa.Column("first_frame", sa.BigInteger(), nullable=True),
        sa.Column("last_frame", sa.BigInteger(), nullable=True),
        sa.Column("frame_step", sa.BigInteger(), nullable=True),
        sa.Column("padding", sa.SmallInteger(), nullable=True),
        sa.Column("frames", sa.Text(), nullable=True),
        sa.Column("missing_frames", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missing", sa.Text(), server_default="", nullable=False),
        sa.Column("empty_frames", sa.Text(), server_default="", nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("date_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_file_set_asset_id_asset"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["format_id"], ["format.id"], name=op.f("fk_file_set_format_id_format"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["island_id"], ["island.id"], name=op.f("fk_file_set_island_id_island"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["storage_id"], ["storage.id"], name=op.f("fk_file_set_storage_id_storage"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_set")),
    )
    op.create_index(op.f("ix_file_set_asset_id"), "file_set", ["asset_id"], unique=False)
    op.create_index(op.f("ix_file_set_format_id"), "file_set", ["format_id"], unique=False)
    op.create_index(op.f("ix_file_set_island_id"), "file_set", ["island_id"], unique=False)
    op.create_index(op.f("ix_file_set_storage_id"), "file_set", ["storage_id"], unique=False)
    op.create_table(
        "component",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("format_id", sa.Uuid(), nullable=False),
        sa.Column("file_set_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "AUDIO",
                "EXIF",
                "GENERAL",
                "IMAGE",
                "IPTC",
                "MANIFEST",
                "NON_MEDIA",
                "OTHER",
                "TEXT",
                "VIDEO",
                "XMP",
                name="componenttype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("media", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_set_id"],
            ["file_set.id"],
            name=op.f("fk_component_file_set_id_file_set"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["format_id"], ["format.id"], name=op.f("fk_component_format_id_format"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component")),
    )
    op.create_index(op.f("ix_component_file_set_id"), "component", ["file_set_id"], unique=False)
    op.create_index(op.f("ix_component_format_id"), "component", ["format_id"], unique=False)
    op.create_table(
        "file_set_file",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("file_set_id", sa.Uuid(), nullable=False),
        sa.Column("counted_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name=op.f("fk_file_set_file_file_id_file"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["file_set_id"],
            ["file_set.id"],
            name=op.f("fk_file_set_file_file_set_id_file_set"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_file_set_file")),
    )
    op.create_index(op.f("ix_file_set_file_file_set_id"), "file_set_file", ["file_set_id"], unique=False)
    op.create_foreign_key("fk_folder_island_id_island", "folder", "island", ["island_id"], ["id"], ondelete="SET NULL")
    op.execute(MARK_FOR_INDEX)
    for statement in MARKS:
        op.execute(statement)
    op.execute(REFUSE_CHANGE)
    op.execute(
        "CREATE TRIGGER history_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
