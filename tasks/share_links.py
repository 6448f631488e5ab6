"""Share links: the recipient's id and a secret that is derived from the server's key and never stored.

An invalid link gives no reason and takes equal time: the secret of an unknown id is compared as well.
"""

import base64
import binascii
import uuid

from models.base import new_id
from tasks.server_key import ServerKey

PURPOSE = "share link"
ID_BYTES, SECRET_BYTES = 16, 32
PAGE = "share"
"""First path segment of every share's page."""


def login_hash(key: ServerKey, share_user_id: uuid.UUID, generation: int) -> str:
    """Return the credential of a recipient: 64 characters, the last part of the link."""
    secret = key.sign(PURPOSE, share_user_id.bytes + generation.to_bytes(8, "big"))
    return base64.urlsafe_b64encode(share_user_id.bytes + secret).decode()


def link(key: ServerKey, base_url: str, share_user_id: uuid.UUID, generation: int) -> str:
    """Return the URL that a recipient opens."""
    return f"{base_url.rstrip('/')}/{PAGE}/{login_hash(key, share_user_id, generation)}"


def read_hash(text: str) -> tuple[uuid.UUID, bytes]:
    """Return the recipient id and secret of a credential; for a malformed one a random id, so that verification fails
    later."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != ID_BYTES + SECRET_BYTES:
        return new_id(), bytes(SECRET_BYTES)
    return uuid.UUID(bytes=raw[:ID_BYTES]), raw[ID_BYTES:]


def is_link_of(key: ServerKey, secret: bytes, share_user_id: uuid.UUID, generation: int) -> bool:
    """Return whether a secret is valid for the recipient's current generation."""
    return key.is_signed(PURPOSE, share_user_id.bytes + generation.to_bytes(8, "big"), secret)
