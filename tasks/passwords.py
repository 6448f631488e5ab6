"""Passwords: argon2id, checked outside transactions because one check takes tens of milliseconds on purpose."""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tasks.refusals import Invalid

LEAST_LENGTH = 10
LEAST_OF_SHARE = 4
"""A share's password stands behind a link of 256 bit, and ten wrong ones close it for minutes."""
MOST_LENGTH = 512

# OWASP's second choice: 19 MiB and two passes take ~20 ms here, and forty sign-ins at once stay below 1 GB.
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1

# A hash of nothing: checking against it makes an unknown e-mail as slow as a known one.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def hash_password(password: str, least: int = LEAST_LENGTH) -> str:
    """The text to keep for `password`, refused where it is too short to keep anybody out."""
    if not least <= len(password) <= MOST_LENGTH:
        raise Invalid("password", f"a password has between {least} and {MOST_LENGTH} characters")
    return _hasher().hash(password)


def is_password(password: str, kept: str | None) -> bool:
    """Whether `password` is the one that `kept` was made of; as slow for nobody as for somebody."""
    try:
        matches = _hasher().verify(kept or NOBODY, password[:MOST_LENGTH])
    except (VerificationError, InvalidHashError):
        return False
    return matches and kept is not None


def invent_password() -> str:
    """A password nobody has to think of: 120 bits."""
    return secrets.token_urlsafe(15)
