"""The one secret that this system signs with: links of shares, addresses of downloads, forms of the share page.

Each signature names its purpose, so that none of one kind is ever good for another.
"""

import hmac
from dataclasses import dataclass, field

from tasks.refusals import Unsupported

LEAST_BYTES = 32


@dataclass(frozen=True, slots=True)
class ServerKey:
    """Whoever holds it can open every share: it is kept in a file of its owner alone, and in no row or message."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < LEAST_BYTES:
            raise ValueError(f"the server's key has {len(self.secret)} bytes; it needs at least {LEAST_BYTES}")

    def sign(self, purpose: str, content: bytes) -> bytes:
        """32 bytes that only the holder of the key can make."""
        return hmac.digest(self.secret, purpose.encode() + b"\0" + content, "sha256")

    def is_signed(self, purpose: str, content: bytes, signature: bytes) -> bool:
        """Whether a signature is ours; takes as long for a wrong one as for a right one."""
        return hmac.compare_digest(self.sign(purpose, content), signature)


def require_key(key: ServerKey | None) -> ServerKey:
    """The key, refused where the operator gave none."""
    if key is None:
        raise Unsupported(
            "this system has no key to sign links with: set TAPELESS_SECRET_KEY or TAPELESS_SECRET_KEY_FILE"
        )
    return key
