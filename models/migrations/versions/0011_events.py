"""Webhooks, the outbox of mails, and what other systems asked for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.migrations.webhook_triggers import TELL, detail_triggers, entity_triggers

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
    create_webhooks()
    for statement in [TELL, *told()]:
        op.execute(statement)


def create_webhooks() -> None:
    """Webhooks, events and deliveries."""
    moment, now = sa.DateTime(timezone=True), sa.text("now()")
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("ENABLED", "DISABLED", name="webhookstatus", native_enum=False, length=40),
            server_default="ENABLED",
            nullable=False,
        ),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("first_failed_at", moment, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resting_until", moment, nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("date_created", moment, server_default=now, nullable=False),
        sa.Column("date_modified", moment, server_default=now, nullable=False),
        sa.CheckConstraint("status IN ('ENABLED', 'DISABLED')", name=op.f("ck_webhook_webhookstatus")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    event = [sa.Column(name, sa.Text(), nullable=False) for name in ("event_type", "realm", "operation")]
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *event,
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("told_by", sa.BigInteger(), nullable=False),
        sa.Column("date_created", moment, server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint(
            "told_by",
            "event_type",
            "realm",
            "operation",
            "object_id",
            name=op.f("uq_event_told_by_event_type_realm_operation_object_id"),
        ),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        *[sa.Column(name, sa.Text(), nullable=False) for name in ("event_type", "realm", "operation")],
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("event_at", moment, nullable=False),
        sa.Column("answer", sa.SmallInteger(), nullable=True),
        *outgoing(),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_webhook_delivery_webhook_id_webhook"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    due = ["webhook_id", "not_before", "id"]
    op.create_index("ix_webhook_delivery_due", "webhook_delivery", due, postgresql_where=DUE)
    op.create_index(op.f("ix_webhook_delivery_webhook_id_id"), "webhook_delivery", ["webhook_id", "id"])


def told() -> list[str]:
    """What is told: objects that come, change and go, and what hangs on them."""
    deleted = "{row}.status = 'DELETED'"
    asset = ("title", "external_id", "type", "status", "is_online", "details")
    collection = ("title", "external_id", "status", "parent_id", "details")
    segment = (
        "segment_type",
        "status",
        "time_start_milliseconds",
        "time_end_milliseconds",
        "segment_text",
        "segment_color",
        "segment_checked",
        "details",
    )
    rights = ("object_id", "object_type", "principal_id", "inherited_from")
    return [
        *entity_triggers("asset", "assets", asset, deleted),
        *entity_triggers("format", "formats", ("name", "role", "structure", "is_online", "media")),
        *entity_triggers("collection", "collections", collection, deleted),
        *entity_triggers("segment", "segments", segment, deleted),
        *entity_triggers("job", "jobs", ("status", "title", "priority", "parked_at")),
        *entity_triggers(
            "share", "shares", ("allows", "expires"), "({row}.ended_at IS NOT NULL OR {row}.revoked_at IS NOT NULL)"
        ),
        *entity_triggers("storage", "storages", ("name", "settings", "status", "frozen_reason")),
        *detail_triggers(
            "metadata_value", "metadata", "object_type", "object_id", ("object_id", "field_id"), ("values",)
        ),
        *detail_triggers("acl_entry", "acls", "object_type", "object_id", rights, ("permissions",)),
        *detail_triggers(
            "collection_asset",
            "contents",
            "'collections'",
            "collection_id",
            ("collection_id", "asset_id"),
            ("position",),
        ),
    ]
