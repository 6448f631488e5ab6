"""What automatic merges took, and profiles of earlier revisions."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Nothing yet."""
