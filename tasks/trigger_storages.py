"""Triggers of storages: scan one, scan a path, ingest a finished path.

Only the watcher reads disks, so these triggers leave a request for it and check the result later.
"""

import uuid
from typing import Annotated

from pydantic import Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.acl import Actor, Permission
from models.asset import FileSet, FileSetFile
from models.file import File
from models.job import JobStatus
from models.look_request import LookRequest
from models.paths import display_text
from models.storage import Storage
from tasks.acls import find_object
from tasks.explain import find_folder, find_row
from tasks.refusals import Conflict, Invalid, Missing
from tasks.storage_changes import KIND
from tasks.storages import path_below, request_scan, storage_of_path
from tasks.trigger import Arguments, Asked, Done, Later, Trigger

Path = Annotated[str, Field(min_length=1, max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=1000)]
LOOKS = 8
"""Scans of a path, some seconds apart, after which a path without a row is considered missing."""
LONGEST_WAIT = 720
"""Checks of a recorded file that is in no asset yet (growing, or waiting for its partner) before the job fails."""


class ScanArguments(Arguments):
    """A storage by its id or name, or an absolute path, or both with the path relative to the storage's root."""

    storage: Name | None = None
    path: Path | None = None

    @model_validator(mode="after")
    def name_something(self) -> "ScanArguments":
        """Reject missing arguments: they would mean everything, which is never asked for by omission."""
        if self.storage is None and self.path is None:
            raise ValueError("name a storage, a path, or both")
        return self


class IngestArguments(Arguments):
    """A complete file or folder, as an absolute path or relative to the root of a storage."""

    path: Path
    storage: Name | None = None


def find_place(session: Session, actor: Actor, storage: str | None, path: str | None) -> tuple[Storage, bytes]:
    """Return the storage, and the path relative to its root (empty for all of it); requires `write` on the storage.

    A storage that the actor cannot see is reported like one that does not exist.
    """
    if path is not None and ("\0" in path or ".." in path.split("/")):
        raise Invalid("path", f'"{display_text(path.encode())}" holds ".." or a NUL')
    absolute = path.encode().rstrip(b"/") if path is not None and path.startswith("/") else None
    if storage is None:
        if absolute is None:
            raise Invalid("path", f'"{path}" is not absolute; name its storage too')
        found = storage_of_path(session, absolute)
    else:
        found = session.scalar(select(Storage).where((Storage.name == storage) | (Storage.id == _id(storage))))
    if found is None:
        raise Missing("storage", storage if storage is not None else f"of the path {path}")
    try:
        find_object(session, actor, KIND, str(found.id), Permission.WRITE)
    except Missing:
        raise Missing("storage", storage if storage is not None else f"of the path {path}") from None
    if absolute is None:
        return found, (path or "").encode().strip(b"/")
    below = path_below(found, absolute)
    if below is None:
        raise Invalid("path", f'"{path}" does not lie in the storage "{found.name}"')
    return found, below


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def look_at(session: Session, storage: Storage, path: bytes, *, is_finished: bool) -> bool:
    """Ask the watcher to scan a path; return False if an earlier request for it is still pending."""
    same = select(LookRequest.id).where(LookRequest.storage_id == storage.id, LookRequest.path == path)
    if session.scalar(same.limit(1)) is not None:
        return False
    session.add(LookRequest(storage_id=storage.id, path=path, is_finished=is_finished))
    return True


def scan(asked: Asked, given: ScanArguments) -> Done | Later:
    """Scan a storage, and finish once a scan that began after the request has ended; or request a scan of a path."""
    storage, path = find_place(asked.session, asked.actor, given.storage, given.path)
    if path:
        look_at(asked.session, storage, path, is_finished=False)
        return Done(f'the watcher looks at "{display_text(path)}" of the storage "{storage.name}"')
    if "asked_at" not in asked.state:
        request_scan(asked.session, [storage])
        now = asked.session.scalar(select(func.extract("epoch", func.now())))
        return Later(f'the storage "{storage.name}" is being walked', {"asked_at": float(now or 0)})
    began = storage.last_scanned.timestamp() - storage.scan_seconds if storage.last_scanned else 0.0
    if storage.scan_requested_at is not None or began < asked.state["asked_at"]:
        trouble = f"; {storage.status_message}" if storage.status_message else ""
        return Later(f'the storage "{storage.name}" is being walked{trouble}', asked.state)
    return Done(f'the storage "{storage.name}" was walked: {storage.scan_entries} entries')


def ingest(asked: Asked, given: IngestArguments) -> Done | Later:
    """Request a scan of a path, and finish once it is in an asset, which the job then refers to."""
    storage, path = find_place(asked.session, asked.actor, given.storage, given.path)
    if not path:
        raise Invalid("path", f'is the whole storage "{storage.name}"; trigger.scan walks it')
    looks, shown = int(asked.state.get("looks", 0)), display_text(path)
    file = find_row(asked.session, storage, path)
    if looks and file is not None:
        asset_id = _asset_of(asked.session, file)
        if asset_id is not None:
            return Done(f'"{shown}" is in an asset', object_type="assets", object_id=asset_id)
        if looks >= LONGEST_WAIT:
            raise Conflict(f'"{shown}" is {file.status.value} and in no asset yet; tapeless explain says why')
        return Later(f'"{shown}" is {file.status.value} and in no asset yet', {"looks": looks + 1})
    if looks and find_folder(asked.session, storage, path) is not None:
        return Done(f'the folder "{shown}" was looked at; what is complete in it is taken in')
    if looks >= LOOKS:
        status = JobStatus.FINISHED_WITH_WARNING
        why = "it is not there, ignored, or still being written"
        return Done(f'nothing was recorded at "{shown}": {why}; tapeless explain says which', status)
    looks += look_at(asked.session, storage, path, is_finished=True)
    return Later(f'the watcher looks at "{shown}"', {"looks": looks})


def _asset_of(session: Session, file: File) -> uuid.UUID | None:
    member = select(FileSet.asset_id).join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
    return session.scalar(member.where(FileSetFile.file_id == file.id))


def _place(given: ScanArguments | IngestArguments) -> str:
    return ": ".join(part for part in (given.storage, given.path) if part)


SCAN = Trigger("scan", "SCAN", ScanArguments, scan, lambda given: f"Scan {_place(given)}")
INGEST = Trigger(
    "ingest", "STORAGE_GATEWAY_FILE_INGEST", IngestArguments, ingest, lambda given: f"Ingest {_place(given)}"
)
