"""Triggers of storages: scan one, scan a path, ingest a finished path.

Only the watcher reads disks, so these triggers leave a request for it and check the result later.
"""

import uuid
from typing import Annotated

from pydantic import Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.asset import FileSet, FileSetFile
from models.catalog.file import File
from models.catalog.storage import Storage
from models.core.base import parse_id
from models.core.paths import display_path
from models.queues.job import JobStatus
from models.queues.scan_request import ScanRequest
from services.access.permissions import find_acl_object
from services.core.errors import Conflict, NotFound, ValidationFailed
from services.operations.explain import find_file_row, find_folder_row
from services.storages.storages import IS_PRESENT, STORAGE_KIND, find_storage_of_path, relative_to_storage, request_scan
from services.triggers.spec import Trigger, TriggerArguments, TriggerDone, TriggerPending, TriggerRun

PathArgument = Annotated[str, Field(min_length=1, max_length=4096)]
StorageArgumentText = Annotated[str, Field(min_length=1, max_length=1000)]
MAX_LOOKS_UNRECORDED = 8
"""Scans of a path, some seconds apart, after which a path without a row is considered missing."""
MAX_LOOKS_UNGROUPED = 720
"""Checks of a recorded file that is in no asset yet (growing, or waiting for its partner) before the job fails."""


class ScanArguments(TriggerArguments):
    """A storage by its id or name, or an absolute path, or both with the path relative to the storage's root."""

    storage: StorageArgumentText | None = None
    path: PathArgument | None = None

    @model_validator(mode="after")
    def require_target(self) -> "ScanArguments":
        """Reject missing arguments: they would mean everything, which is never asked for by omission."""
        if self.storage is None and self.path is None:
            raise ValueError("name a storage, a path, or both")
        return self


class IngestArguments(TriggerArguments):
    """A complete file or folder, as an absolute path or relative to the root of a storage."""

    path: PathArgument
    storage: StorageArgumentText | None = None


def resolve_storage_path(
    session: Session, actor: Actor, storage: str | None, path: str | None
) -> tuple[Storage, bytes]:
    """Return the storage, and the path relative to its root (empty for all of it); requires `write` on the storage.

    A storage that the actor cannot see is reported like one that does not exist.
    """
    if path is not None and ("\0" in path or ".." in path.split("/")):
        raise ValidationFailed("path", f'"{display_path(path.encode())}" holds ".." or a NUL')
    absolute = path.encode().rstrip(b"/") if path is not None and path.startswith("/") else None
    if storage is None:
        if absolute is None:
            raise ValidationFailed("path", f'"{path}" is not absolute; name its storage too')
        found = find_storage_of_path(session, absolute)
    else:
        found = session.scalar(
            select(Storage).where(IS_PRESENT, (Storage.name == storage) | (Storage.id == parse_id(storage)))
        )
    if found is None:
        raise NotFound("storage", storage if storage is not None else f"of the path {path}")
    try:
        find_acl_object(session, actor, STORAGE_KIND, str(found.id), Permission.WRITE)
    except NotFound:
        raise NotFound("storage", storage if storage is not None else f"of the path {path}") from None
    if absolute is None:
        return found, (path or "").encode().strip(b"/")
    below = relative_to_storage(found, absolute)
    if below is None:
        raise ValidationFailed("path", f'"{path}" does not lie in the storage "{found.name}"')
    return found, below


def request_path_scan(session: Session, storage: Storage, path: bytes, *, is_finished: bool) -> bool:
    """Ask the watcher to scan a path; return False if an earlier request for it is still pending."""
    same = select(ScanRequest.id).where(ScanRequest.storage_id == storage.id, ScanRequest.path == path)
    if session.scalar(same.limit(1)) is not None:
        return False
    session.add(ScanRequest(storage_id=storage.id, path=path, is_finished=is_finished))
    return True


def run_scan_trigger(asked: TriggerRun, given: ScanArguments) -> TriggerDone | TriggerPending:
    """Scan a storage, and finish once a scan that began after the request has ended; or request a scan of a path."""
    storage, path = resolve_storage_path(asked.session, asked.actor, given.storage, given.path)
    if path:
        request_path_scan(asked.session, storage, path, is_finished=False)
        return TriggerDone(f'the watcher looks at "{display_path(path)}" of the storage "{storage.name}"')
    if "asked_at" not in asked.state:
        request_scan(asked.session, [storage])
        now = asked.session.scalar(select(func.extract("epoch", func.now())))
        return TriggerPending(f'the storage "{storage.name}" is being walked', {"asked_at": float(now or 0)})
    began = storage.last_scanned.timestamp() - storage.scan_seconds if storage.last_scanned else 0.0
    if storage.scan_requested_at is not None or began < asked.state["asked_at"]:
        trouble = f"; {storage.status_message}" if storage.status_message else ""
        return TriggerPending(f'the storage "{storage.name}" is being walked{trouble}', asked.state)
    return TriggerDone(f'the storage "{storage.name}" was walked: {storage.scan_entries} entries')


def run_ingest_trigger(asked: TriggerRun, given: IngestArguments) -> TriggerDone | TriggerPending:
    """Request a scan of a path, and finish once it is in an asset, which the job then refers to."""
    storage, path = resolve_storage_path(asked.session, asked.actor, given.storage, given.path)
    if not path:
        raise ValidationFailed("path", f'is the whole storage "{storage.name}"; trigger.scan walks it')
    looks, shown = int(asked.state.get("looks", 0)), display_path(path)
    file = find_file_row(asked.session, storage, path)
    if looks and file is not None:
        asset_id = _asset_of(asked.session, file)
        if asset_id is not None:
            return TriggerDone(f'"{shown}" is in an asset', object_type="assets", object_id=asset_id)
        if looks >= MAX_LOOKS_UNGROUPED:
            raise Conflict(f'"{shown}" is {file.status.value} and in no asset yet; tapeless explain says why')
        return TriggerPending(f'"{shown}" is {file.status.value} and in no asset yet', {"looks": looks + 1})
    if looks and find_folder_row(asked.session, storage, path) is not None:
        return TriggerDone(f'the folder "{shown}" was looked at; what is complete in it is taken in')
    if looks >= MAX_LOOKS_UNRECORDED:
        status = JobStatus.FINISHED_WITH_WARNING
        why = "it is not there, ignored, or still being written"
        return TriggerDone(f'nothing was recorded at "{shown}": {why}; tapeless explain says which', status)
    looks += request_path_scan(asked.session, storage, path, is_finished=True)
    return TriggerPending(f'the watcher looks at "{shown}"', {"looks": looks})


def _asset_of(session: Session, file: File) -> uuid.UUID | None:
    member = select(FileSet.asset_id).join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
    return session.scalar(member.where(FileSetFile.file_id == file.id))


def _describe_target(given: ScanArguments | IngestArguments) -> str:
    return ": ".join(part for part in (given.storage, given.path) if part)


SCAN_TRIGGER = Trigger("scan", "SCAN", ScanArguments, run_scan_trigger, lambda given: f"Scan {_describe_target(given)}")
INGEST_TRIGGER = Trigger(
    "ingest",
    "STORAGE_GATEWAY_FILE_INGEST",
    IngestArguments,
    run_ingest_trigger,
    lambda given: f"Ingest {_describe_target(given)}",
)
