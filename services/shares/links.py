"""Share links: the recipient's id and a secret that is derived from the server's key and never stored.

An invalid link gives no reason and takes equal time: the secret of an unknown id is compared as well.
"""

import base64
import binascii
import uuid

from models.core.base import new_id
from services.core.signing_key import SigningKey

SHARE_LINK_PURPOSE = "share link"
LINK_ID_BYTES, LINK_SECRET_BYTES = 16, 32
SHARE_PAGE_PATH = "share"
"""First path segment of every share's page."""


def build_login_hash(key: SigningKey, share_user_id: uuid.UUID, generation: int) -> str:
    """Return the credential of a recipient: 64 characters, the last part of the link."""
    secret = key.sign(SHARE_LINK_PURPOSE, share_user_id.bytes + generation.to_bytes(8, "big"))
    return base64.urlsafe_b64encode(share_user_id.bytes + secret).decode()


def build_share_link(key: SigningKey, base_url: str, share_user_id: uuid.UUID, generation: int) -> str:
    """Return the URL that a recipient opens."""
    return f"{base_url.rstrip('/')}/{SHARE_PAGE_PATH}/{build_login_hash(key, share_user_id, generation)}"


def parse_login_hash(text: str) -> tuple[uuid.UUID, bytes]:
    """Return the recipient id and secret of a credential; for a malformed one a random id, so that verification fails
    later."""
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != LINK_ID_BYTES + LINK_SECRET_BYTES:
        return new_id(), bytes(LINK_SECRET_BYTES)
    return uuid.UUID(bytes=raw[:LINK_ID_BYTES]), raw[LINK_ID_BYTES:]


def is_link_secret(key: SigningKey, secret: bytes, share_user_id: uuid.UUID, generation: int) -> bool:
    """Return whether a secret is valid for the recipient's current generation."""
    return key.is_signed(SHARE_LINK_PURPOSE, share_user_id.bytes + generation.to_bytes(8, "big"), secret)
