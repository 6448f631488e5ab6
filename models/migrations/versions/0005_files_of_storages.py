"""Declared files that are on a storage and in no asset."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.alter_column("declared_file", "asset_id", nullable=True)
    op.alter_column("declared_file", "file_set_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_declared_file_in_both"), "declared_file", "(asset_id IS NULL) = (file_set_id IS NULL)"
    )
    op.create_check_constraint(
        op.f("ck_declared_file_somewhere"), "declared_file", "asset_id IS NOT NULL OR storage_id IS NOT NULL"
    )
