"""Registry of mail kinds and their writers."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from tasks.letter import Addressed, Letter, Writer
from tasks.share_mail import LETTER, write_share_letter


def write_test(_session: Session, addressed: Addressed) -> Letter:
    """Write the mail that `tapeless mail test` sends."""
    where = f"\n\nPeople reach it at {addressed.public_url}" if addressed.public_url else ""
    return Letter("Tapeless can send mail", f"This was sent to try the mail settings of Tapeless.{where}\n")


LETTERS: Mapping[str, Writer] = {"test": write_test, LETTER: write_share_letter}
"""Writers by the kind that `queue_mail` is given."""
