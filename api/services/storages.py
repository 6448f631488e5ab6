"""Storages: visible to users with rights on them, created, changed and scanned by administrators."""

import math
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, select

from api.bodies import Body, Name, Text
from api.call import Answer, Call
from api.pages import Page, PerPage, Sort, matching, ordered, paged
from api.rendering import key, stamp
from api.routing import Service
from models.acl import readable_by
from models.paths import display_text
from models.storage import FILES, PROXIES, Storage, StorageStatus
from models.storage_settings import StorageSettings
from tasks.acls import find_object
from tasks.refusals import Invalid, Missing
from tasks.storage_changes import (
    KIND,
    StorageWish,
    change_storage,
    create_storage,
    delete_storage,
    find_storage_row,
)
from tasks.storages import request_scan
from tasks.users import require_administrator

routes = Service("files")
METHODS, PURPOSES = ("FILE",), (FILES, PROXIES)
COLUMNS = {
    "id": Storage.id,
    "name": Storage.name,
    "method": Storage.method,
    "purpose": Storage.purpose,
    "status": Storage.status,
    "last_scanned": Storage.last_scanned,
    "date_created": Storage.date_created,
}


class StorageBody(Body):
    name: Name | None = None
    method: str | None = None
    purpose: str | None = None
    description: Text | None = None
    settings: dict[str, Any] | None = None

    def wish(self) -> StorageWish:
        """Return the requested settings; reject methods and purposes that Tapeless does not support."""
        if self.method is not None and self.method not in METHODS:
            raise Invalid("method", f'"{self.method[:80]}" is not watched here; known is {", ".join(METHODS)}')
        if self.purpose is not None and self.purpose not in PURPOSES:
            raise Invalid("purpose", f'"{self.purpose[:80]}" is not kept here; known is {", ".join(PURPOSES)}')
        return StorageWish(self.name, self.description, self.settings, self.purpose)


class ScanBody(Body):
    """Body of a scan request; the whole storage is scanned, regardless of the paths."""

    paths: Annotated[list[Text], Field(max_length=10_000)] | None = None
    files: Annotated[list[Text], Field(max_length=10_000)] | None = None


def storage_body(storage: Storage) -> dict[str, Any]:
    """Serialise a storage. A fractional threshold is rounded up, since clients expect whole seconds."""
    settings = StorageSettings.model_validate(storage.settings).model_dump(mode="json")
    threshold = math.ceil(settings["growing_files_threshold"])
    root = display_text(storage.root)
    return {
        "id": str(storage.id),
        "name": storage.name,
        "description": storage.description,
        "method": storage.method,
        "purpose": storage.purpose,
        "default": False,
        "settings": {
            **settings,
            "growing_files_threshold": threshold,
            "mount_point": root,
            "read": True,
            "write": storage.purpose == PROXIES,
            "delete": False,
        },
        "status": storage.status,
        "status_message": storage.frozen_reason or storage.status_message,
        "scanner_status": "SCANNING" if is_scanning(storage) else "IDLE",
        "last_scanned": stamp(storage.last_scanned),
        "owner_id": key(storage.owner_id),
        "version": "1",
        "date_created": stamp(storage.date_created),
        "date_modified": stamp(storage.date_modified),
    }


def is_scanning(storage: Storage) -> bool:
    """Return whether a scan is running."""
    if storage.scan_started_at is None:
        return False
    return storage.last_scanned is None or storage.scan_started_at > storage.last_scanned


def many(storages: Sequence[Storage]) -> list[dict[str, Any]]:
    """Serialise storages."""
    return [storage_body(storage) for storage in storages]


def readable(call: Call) -> Select[Any]:
    """Select storages that the caller has rights on."""
    return select(Storage).where(readable_by(call.actor, KIND, Storage.id))


def readable_storage(call: Call, storage_id: UUID) -> Storage:
    """Return a storage that the caller has rights on."""
    find_object(call.session, call.actor, KIND, str(storage_id))
    return find_storage_row(call.session, storage_id)


@routes.post("/storages/")
def post_storage(call: Call, body: StorageBody) -> dict[str, Any]:
    """Create a storage: watch a folder from now on."""
    return storage_body(create_storage(call.session, body.wish(), call.context.storage_roots, call.actor))


@routes.get("/storages/")
def get_storages(
    call: Call,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
    id: str = "",
    ids: str = "",
    name: str = "",
    method: str = "",
    status: str = "",
    purpose: str = "",
    query: str = "",
) -> dict[str, Any]:
    """List the storages that the caller has rights on."""
    wanted = {"id": ids or id, "name": name, "method": method, "status": status, "purpose": purpose}
    found = matching(readable(call), COLUMNS, wanted)
    if query:
        found = found.where(Storage.name.icontains(query, autoescape=True))
    return paged(call, ordered(found, sort, COLUMNS, Storage.id), page, per_page, many)


@routes.get("/storages/{storage_id}/")
def get_storage(call: Call, storage_id: UUID) -> dict[str, Any]:
    """Return one storage."""
    return storage_body(readable_storage(call, storage_id))


@routes.patch("/storages/{storage_id}/")
def patch_storage(call: Call, storage_id: UUID, body: StorageBody) -> dict[str, Any]:
    """Change the fields that were sent; the folder is immutable."""
    readable_storage(call, storage_id)
    return storage_body(change_storage(call.session, storage_id, body.wish(), call.actor))


@routes.put("/storages/{storage_id}/")
def put_storage(call: Call, storage_id: UUID, body: StorageBody) -> dict[str, Any]:
    """Change the fields that were sent; the folder is immutable."""
    return patch_storage(call, storage_id, body)


@routes.delete("/storages/{storage_id}/")
def delete_one_storage(call: Call, storage_id: UUID) -> None:
    """Delete a storage of which no file became an asset; its folder is not watched any more."""
    readable_storage(call, storage_id)
    delete_storage(call.session, storage_id, call.actor)


@routes.post("/storages/{storage_id}/scan/")
def post_storage_scan(call: Call, storage_id: UUID, body: ScanBody | None = None) -> Answer:
    """Request a scan of the storage."""
    storage = readable_storage(call, storage_id)
    require_administrator(call.actor, "scan storages")
    request_scan(call.session, [storage])
    return Answer(201)


@routes.get("/storages/matching/{purpose}/")
def get_matching_storage(call: Call, purpose: str, storage_id: UUID | None = None) -> dict[str, Any]:
    """Return an active storage for a purpose that the caller has rights on."""
    query = readable(call).where(Storage.purpose == purpose, Storage.status == StorageStatus.ACTIVE)
    if storage_id is not None:
        query = query.where(Storage.id == storage_id)
    storage = call.session.scalar(query.order_by(Storage.id).limit(1))
    if storage is None:
        raise Missing("storage", f"for {purpose}")
    return storage_body(storage)
