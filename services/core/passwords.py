"""Hash and verify passwords with argon2id, outside transactions: one check takes tens of milliseconds on purpose."""

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.core.errors import ValidationFailed

MIN_PASSWORD_LENGTH = 10
MIN_SHARE_PASSWORD_LENGTH = 4
"""Characters. Lower than for users: a share's password is a second factor behind a link of 256 random bits, and ten
wrong attempts lock it for minutes."""
MAX_PASSWORD_LENGTH = 512

# OWASP's second choice: 19 MiB and two passes take ~20 ms here.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
HASHES_AT_ONCE = threading.BoundedSemaphore(4)
"""Bounds their memory to 76 MiB; more at once are not faster than the processor."""

# Hash of no password: verifying against it makes an unknown e-mail take as long as a known one (no user enumeration).
DUMMY_HASH = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def hash_password(password: str, least: int = MIN_PASSWORD_LENGTH) -> str:
    """Return the hash to store for `password`.

    Raises:
        ValidationFailed: the length is outside `least` to MAX_PASSWORD_LENGTH characters.
    """
    if not least <= len(password) <= MAX_PASSWORD_LENGTH:
        raise ValidationFailed(
            "password", f"a password has between {least} and {MAX_PASSWORD_LENGTH} characters, not {len(password)}"
        )
    with HASHES_AT_ONCE:
        return HASHER.hash(password)


def verify_password(password: str, kept: str | None) -> bool:
    """Return whether `password` matches the stored hash `kept`.

    Without a hash, a dummy is verified, so that an unknown user takes as long as a known one.
    """
    try:
        with HASHES_AT_ONCE:
            matches = HASHER.verify(kept or DUMMY_HASH, password[:MAX_PASSWORD_LENGTH])
    except (VerificationError, InvalidHashError):
        return False
    return matches and kept is not None


def generate_password() -> str:
    """Return a random password of 120 bits."""
    return secrets.token_urlsafe(15)
