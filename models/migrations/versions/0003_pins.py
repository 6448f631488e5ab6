"""Pins: what a person grouped by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "pin",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", sa.Uuid(), nullable=False),
        sa.Column("format_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
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
        sa.Column("act_id", sa.Uuid(), nullable=False),
        sa.Column("date_created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_pin_file_id_file"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_pin_asset_id_asset"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["format_id"], ["format.id"], name=op.f("fk_pin_format_id_format"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_pin")),
    )
    op.create_index(op.f("ix_pin_asset_id"), "pin", ["asset_id"], unique=False)
    op.create_index(op.f("ix_pin_format_id"), "pin", ["format_id"], unique=False)
