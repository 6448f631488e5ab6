"""A share's link: the recipient's id with a secret that is derived, never kept.

What is wrong with a link is never said, and costs the same: an id that nobody has is compared, too.
"""

import base64
import binascii
import uuid

from models.base import new_id
from tasks.server_key import ServerKey

PURPOSE = "share link"
ID_BYTES, SECRET_BYTES = 16, 32
PAGE = "share"
"""The first part of the address of every share's page."""


def login_hash(key: ServerKey, share_user_id: uuid.UUID, generation: int) -> str:
    """What a recipient signs in with: 64 letters, the last part of its link."""
    secret = key.sign(PURPOSE, share_user_id.bytes + generation.to_bytes(8, "big"))
    return base64.urlsafe_b64encode(share_user_id.bytes + secret).decode()


def link(key: ServerKey, base_url: str, share_user_id: uuid.UUID, generation: int) -> str:
    """The address that a recipient opens."""
    return f"{base_url.rstrip('/')}/{PAGE}/{login_hash(key, share_user_id, generation)}"


def read_hash(text: str) -> tuple[uuid.UUID, bytes]:
    """The recipient and the secret that a hash claims; one of an unknown recipient where it is none of ours."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != ID_BYTES + SECRET_BYTES:
        return new_id(), bytes(SECRET_BYTES)
    return uuid.UUID(bytes=raw[:ID_BYTES]), raw[ID_BYTES:]


def is_link_of(key: ServerKey, secret: bytes, share_user_id: uuid.UUID, generation: int) -> bool:
    """Whether a secret is the recipient's of this generation."""
    return key.is_signed(PURPOSE, share_user_id.bytes + generation.to_bytes(8, "big"), secret)
