"""History of assets: who did what. An entry is written by the function, and in the transaction, of the change."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.history import History, Operation
from models.core.base import new_id
from models.core.statements import copy_rows
from services.core.errors import require_found

CLIENT_ENTRY = "client"
"""Key in `details` of entries that clients wrote: nothing that Tapeless did itself follows from them."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What an entry says, without who and when; `details` is only for undo."""

    asset_id: uuid.UUID
    operation: Operation
    description: str
    details: Mapping[str, Any] = field(default_factory=dict)
    actor_name: str | None = None
    """Instead of the actor's own name."""

    def columns(self, actor: Actor, job_id: uuid.UUID | None) -> dict[str, Any]:
        """Return the row. The id of a request with an idempotency key is derived from that key and the text, so that a
        repeated request cannot write the same entry twice."""
        entry = f"{self.asset_id} {self.operation} {self.description}"
        return {
            "id": new_id(),
            "asset_id": self.asset_id,
            "version_id": self.asset_id,
            "operation_type": self.operation,
            "operation_description": self.description,
            "operation_id": actor.operation_id and uuid.uuid5(actor.operation_id, entry),
            "actor": self.actor_name or actor.name,
            "user_id": actor.user_id,
            "share_id": actor.guest.share_id if actor.guest else None,
            "share_user_id": actor.guest.share_user_id if actor.guest else None,
            "job_id": job_id,
            "details": dict(self.details),
        }


def record_history(
    session: Session,
    asset_id: uuid.UUID,
    operation: Operation,
    description: str,
    actor: Actor,
    *,
    job_id: uuid.UUID | None = None,
    details: Mapping[str, Any] | None = None,
) -> History:
    """Add one entry to an asset's history; `description` is for people."""
    entry = History(**HistoryEntry(asset_id, operation, description, details or {}).columns(actor, job_id))
    session.add(entry)
    return entry


def copy_history(
    session: Session, entries: Iterable[HistoryEntry], actor: Actor, job_id: uuid.UUID | None = None
) -> None:
    """Add many entries by COPY: a thousand in one round trip."""
    session.flush()
    rows = [
        entry.columns(actor, job_id)
        | {"operation_type": entry.operation.value, "details": json.dumps(dict(entry.details))}
        for entry in entries
    ]
    if rows:
        copy_rows(session, History, list(rows[0]), (tuple(row.values()) for row in rows))


def add_client_history(
    session: Session, asset_id: uuid.UUID, operation: Operation, description: str, actor: Actor
) -> History:
    """Add an entry of any type on behalf of another system; its text and `details` say that a client wrote it."""
    said = f"entered by a client: {description}" if description else "entered by a client"
    entry = record_history(session, asset_id, operation, said, actor, details={CLIENT_ENTRY: True})
    session.flush()
    return entry


def history_of_asset(asset_id: uuid.UUID) -> ColumnElement[bool]:
    """Build the condition for entries of an asset and of the assets merged into it, which keep their own asset id."""
    # A merge leaves entries under the id they were written for: history is append-only (trigger
    # history_is_append_only).
    merged = select(Asset.id).where(Asset.merged_into == asset_id)
    return or_(History.asset_id == asset_id, History.asset_id.in_(merged))


def find_history_entry(session: Session, asset_id: uuid.UUID, entry_id: uuid.UUID) -> History:
    """Return one history entry of an asset."""
    entry = session.scalar(select(History).where(history_of_asset(asset_id), History.id == entry_id))
    return require_found(entry, "history entry", entry_id)
