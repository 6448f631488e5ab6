"""Sign with the one secret of this system: share links, download URLs and the forms of the share page.

Each signature includes its purpose, so that a signature of one kind is never valid for another.
"""

import hmac
from dataclasses import dataclass, field

from services.core.errors import Unsupported

MIN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """HMAC key for links into this system. A leak opens every share, so it is stored in a file readable by its owner
    only, and never in rows or messages."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_KEY_BYTES:
            raise ValueError(f"the server's key has {len(self.secret)} bytes; it needs at least {MIN_KEY_BYTES}")

    def sign(self, purpose: str, content: bytes) -> bytes:
        """Return the 32-byte HMAC-SHA-256 of `content` for `purpose`."""
        return hmac.digest(self.secret, purpose.encode() + b"\0" + content, "sha256")

    def is_signed(self, purpose: str, content: bytes, signature: bytes) -> bool:
        """Return whether `signature` is valid, in constant time."""
        return hmac.compare_digest(self.sign(purpose, content), signature)


def require_signing_key(key: SigningKey | None) -> SigningKey:
    """Return the key, or raise Unsupported if the operator configured none."""
    if key is None:
        raise Unsupported(
            "this system has no key to sign links with: set TAPELESS_SECRET_KEY or TAPELESS_SECRET_KEY_FILE"
        )
    return key
