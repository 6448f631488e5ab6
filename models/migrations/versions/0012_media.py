"""What media headers say, and what was made from media."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nothing yet."""
