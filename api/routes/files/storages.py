"""Storages: visible to users with rights on them, created, changed and scanned by administrators."""

import math
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from api.routes.files.answers import StorageAnswer
from asgi.answers import PageAnswer
from asgi.body_base import Body, JsonObject, KeyText, LongText, ShortText
from asgi.pagination import (
    PageNumber,
    PerPage,
    SortParam,
    apply_sort,
    filter_by_values,
    paginate,
    query_columns,
    serialize_each,
)
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import readable_by
from models.catalog.storage import PURPOSE_FILES, PURPOSE_PROXIES, Storage, StorageSettings, StorageStatus
from models.core.paths import display_path
from models.core.statements import AnySelect
from services.access.permissions import find_acl_object
from services.core.errors import require_administrator, require_found, require_known
from services.operations.status import describe_storage_trouble
from services.storages.api_changes import (
    StorageSpec,
    create_storage,
    get_storage_by_id,
    update_storage,
)
from services.storages.removal import remove_storage
from services.storages.storages import IS_PRESENT, STORAGE_KIND, request_scan

routes = RouteGroup("files")
STORAGE_METHODS, STORAGE_PURPOSES = ("FILE",), (PURPOSE_FILES, PURPOSE_PROXIES)
STORAGE_QUERY_COLUMNS = query_columns(
    Storage.id,
    Storage.name,
    Storage.method,
    Storage.purpose,
    Storage.status,
    Storage.last_scanned,
    Storage.date_created,
)


class StorageBody(Body):
    name: ShortText | None = None
    method: KeyText | None = None
    purpose: KeyText | None = None
    description: LongText | None = None
    settings: JsonObject | None = None

    def wish(self) -> StorageSpec:
        """Return the requested settings; reject methods and purposes that Tapeless does not support."""
        if self.method is not None:
            require_known("method", self.method, STORAGE_METHODS, "is not watched here")
        if self.purpose is not None:
            require_known("purpose", self.purpose, STORAGE_PURPOSES, "is not kept here")
        return StorageSpec(self.name, self.description, self.settings, self.purpose)


class StorageScanBody(Body):
    """Body of a scan request; the whole storage is scanned, regardless of the paths."""

    paths: Annotated[list[LongText], Field(fail_fast=True, max_length=10_000)] | None = None
    files: Annotated[list[LongText], Field(fail_fast=True, max_length=10_000)] | None = None


def serialize_storage(storage: Storage) -> StorageAnswer:
    """Serialise a storage. A fractional threshold is rounded up, since clients expect whole seconds."""
    settings = StorageSettings.model_validate(storage.settings).model_dump(mode="json")
    threshold = math.ceil(settings["growing_files_threshold"])
    root = display_path(storage.absolute_root)
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
            "write": storage.purpose == PURPOSE_PROXIES,
            "delete": False,
        },
        "status": storage.status,
        "status_message": storage.frozen_reason or describe_storage_trouble(storage),
        "scanner_status": "SCANNING" if is_scanning(storage) else "IDLE",
        "last_scanned": format_datetime(storage.last_scanned),
        "owner_id": optional_id(storage.owner_id),
        "version": "1",
        "date_created": format_datetime(storage.date_created),
        "date_modified": format_datetime(storage.date_modified),
    }


def is_scanning(storage: Storage) -> bool:
    """Return whether a scan is running."""
    if storage.scan_started_at is None:
        return False
    return storage.last_scanned is None or storage.scan_started_at > storage.last_scanned


def select_readable_storages(call: Call) -> AnySelect:
    """Select storages that the caller has rights on."""
    return select(Storage).where(readable_by(call.actor, STORAGE_KIND, Storage.id), IS_PRESENT)


def get_readable_storage(call: Call, storage_id: UUID) -> Storage:
    """Return a storage that the caller has rights on."""
    find_acl_object(call.session, call.actor, STORAGE_KIND, str(storage_id))
    storage = get_storage_by_id(call.session, storage_id)
    return require_found(storage if storage.removed_at is None else None, "storage", storage_id)


@routes.post("/storages/")
def post_storage(call: Call, body: StorageBody) -> StorageAnswer:
    """Create a storage: watch a folder from now on."""
    return serialize_storage(create_storage(call.session, body.wish(), call.context.storage_roots, call.actor))


@routes.get("/storages/")
def get_storages(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    id: str = "",
    ids: str = "",
    name: str = "",
    method: str = "",
    status: str = "",
    purpose: str = "",
    query: str = "",
) -> PageAnswer[StorageAnswer]:
    """List the storages that the caller has rights on."""
    wanted = {"id": ids or id, "name": name, "method": method, "status": status, "purpose": purpose}
    found = filter_by_values(select_readable_storages(call), STORAGE_QUERY_COLUMNS, wanted)
    if query:
        found = found.where(Storage.name.icontains(query, autoescape=True))
    return paginate(
        call,
        apply_sort(found, sort, STORAGE_QUERY_COLUMNS, Storage.id),
        page,
        per_page,
        serialize_each(serialize_storage),
    )


@routes.get("/storages/{storage_id}/")
def get_storage(call: Call, storage_id: UUID) -> StorageAnswer:
    """Return one storage."""
    return serialize_storage(get_readable_storage(call, storage_id))


@routes.put(
    "/storages/{storage_id}/",
    SharedEndpoint("put_storage", "Change the fields that were sent; the folder is immutable."),
)
@routes.patch("/storages/{storage_id}/")
def patch_storage(call: Call, storage_id: UUID, body: StorageBody) -> StorageAnswer:
    """Change the fields that were sent; the folder is immutable."""
    get_readable_storage(call, storage_id)
    return serialize_storage(update_storage(call.session, storage_id, body.wish(), call.actor))


@routes.delete("/storages/{storage_id}/")
def delete_one_storage(call: Call, storage_id: UUID, forget: bool = False) -> None:
    """Remove a storage: its assets stay, offline, or with `forget` those with files nowhere else are purged."""
    job = remove_storage(call.session, get_readable_storage(call, storage_id), call.actor, forget=forget)
    if job is not None:
        call.start_job(job)


@routes.post("/storages/{storage_id}/scan/")
def post_storage_scan(call: Call, storage_id: UUID, body: StorageScanBody | None = None) -> None:
    """Request a scan of the storage."""
    storage = get_readable_storage(call, storage_id)
    require_administrator(call.actor, "scan storages")
    request_scan(call.session, [storage])


@routes.get("/storages/matching/{purpose}/")
def get_matching_storage(call: Call, purpose: str, storage_id: UUID | None = None) -> StorageAnswer:
    """Return an active storage for a purpose that the caller has rights on."""
    query = select_readable_storages(call).where(Storage.purpose == purpose, Storage.status == StorageStatus.ACTIVE)
    if storage_id is not None:
        query = query.where(Storage.id == storage_id)
    storage = call.session.scalar(query.order_by(Storage.id).limit(1))
    return serialize_storage(require_found(storage, "storage", f"for {purpose}"))
