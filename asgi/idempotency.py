"""`Idempotency-Key`: a repeated request gets the stored response; another request with the same key is a conflict.

The key's row is inserted first, in the transaction of the work itself: a second caller waits on it until the first
has committed, and finds the response; or the first was rolled back, and the second does the work.
"""

import hashlib
import uuid
from dataclasses import dataclass

from fastapi import Request, Response
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.core.idempotency import IdempotencyKey
from services.core.errors import Conflict, ValidationFailed

WRITE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
MAX_IDEMPOTENCY_KEY_CHARACTERS = 255
OPERATION_ID_NAMESPACE = uuid.UUID("5b0e3c39-4a53-4b84-8d0c-2f6d3c6c9a11")


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A write request with an idempotency key: the caller, the key, and the fingerprint of method, URL and body."""

    user_id: uuid.UUID
    text: str
    fingerprint: bytes

    @property
    def operation_id(self) -> uuid.UUID:
        """Return the operation id that history entries of this request share."""
        return uuid.uuid5(OPERATION_ID_NAMESPACE, f"{self.user_id} {self.text}")


def read_idempotency_key(request: Request, user_id: uuid.UUID | None) -> IdempotentRequest | None:
    """Return the key of a write request, or None where it carries none."""
    text = request.headers.get("idempotency-key")
    if not text or user_id is None or request.method not in WRITE_METHODS:
        return None
    if len(text) > MAX_IDEMPOTENCY_KEY_CHARACTERS:
        raise ValidationFailed("Idempotency-Key", f"a key has at most {MAX_IDEMPOTENCY_KEY_CHARACTERS} characters")
    parts = (request.method, request.url.path, request.url.query)
    digest = hashlib.sha256("\n".join(parts).encode())
    digest.update(b"\n" + request.scope["tapeless.body"])
    return IdempotentRequest(user_id, text, digest.digest())


def claim_or_replay(session: Session, key: IdempotentRequest) -> Response | None:
    """Return the response stored for this key; else claim the key until the end of the transaction, and return None.

    Raises:
        Conflict: the key was used with another request.
    """
    # The unique index makes a concurrent request with this key wait here until the first one ends.
    mine = insert(IdempotencyKey).values(user_id=key.user_id, key=key.text, fingerprint=key.fingerprint)
    if session.scalar(mine.on_conflict_do_nothing().returning(IdempotencyKey.key)):
        return None
    kept = session.execute(
        select(IdempotencyKey.fingerprint, IdempotencyKey.status, IdempotencyKey.body).where(
            IdempotencyKey.user_id == key.user_id, IdempotencyKey.key == key.text
        )
    ).one()
    if kept.fingerprint != key.fingerprint:
        raise Conflict(f'Idempotency-Key "{key.text}" was used with another request; take a new key')
    return Response(kept.body, kept.status, media_type="application/json" if kept.body else None)


def store_response(session: Session, key: IdempotentRequest, response: Response) -> None:
    """Store the response, in the transaction that did the work."""
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.user_id == key.user_id, IdempotencyKey.key == key.text)
        .values(status=response.status_code, body=bytes(response.body))
    )
