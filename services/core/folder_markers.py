"""Markers in folders that Tapeless writes to: the proof that a process has the folder of the system, and no other.

Each machine names the media folder itself, and mounts storages for renditions itself. Where the mount is missing, the
path is an empty folder of that machine's own disk: nothing that is written there would be found by others. So the first
process to use such a folder writes the identity of the system into it, and a process that does not find it there from
then on does not use it.
"""

import errno
import os
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.catalog.storage import Storage
from models.core.mounts import configured_media_folder, is_in_media_folder
from models.core.paths import display_path
from models.core.sessions import Sessions, transact

MARKER_FILE_NAME = ".tapeless-system"
SELECT_SYSTEM = text("SELECT id, media_marked_at IS NOT NULL AS is_marked FROM system_identity")
MARK_MEDIA_FOLDER = text("""
    UPDATE system_identity SET media_marked_at = now() WHERE media_marked_at IS NULL RETURNING id
""")
MARK_STORAGE = text("UPDATE storage SET marked_at = now() WHERE id = :id AND marked_at IS NULL RETURNING id")
FORGET_MARKERS = text("""
    DO $$ BEGIN
        IF to_regclass('system_identity') IS NOT NULL THEN
            UPDATE system_identity SET media_marked_at = NULL;
            UPDATE storage SET marked_at = NULL WHERE marked_at IS NOT NULL;
        END IF;
    END $$
""")


@dataclass(frozen=True, slots=True)
class MarkedFolder:
    """A folder, the content that its marker must have, and the statement that claims the right to write it first."""

    folder: Path
    content: str
    is_marked: bool
    mark: TextClause
    storage_id: uuid.UUID | None = None

    @property
    def marker(self) -> Path:
        return self.folder / MARKER_FILE_NAME


def find_media_folder_fault(sessions: Sessions, folder: Path) -> str | None:
    """Return why this process must not write to its media folder, or None; the first process ever marks it."""
    with sessions() as session:
        system = session.execute(SELECT_SYSTEM).one()
    return _find_fault(sessions, MarkedFolder(folder, str(system.id), system.is_marked, MARK_MEDIA_FOLDER))


def find_rendition_storage_fault(sessions: Sessions, storage: Storage) -> str | None:
    """Return why this process must not write to a storage for renditions, or None.

    One of its own has to be there; the media folder may be created by the first process.
    """
    if is_in_media_folder(storage.root):
        media_folder = configured_media_folder()
        if media_folder is None:
            return "this process has no media folder"
        fault = find_media_folder_fault(sessions, media_folder)
        return fault or find_write_fault(Path(os.fsdecode(storage.place)))
    with sessions() as session:
        system = session.execute(SELECT_SYSTEM).one()
    folder = Path(os.fsdecode(storage.place))
    if not folder.is_dir():
        return f'"{display_path(storage.place)}" is not there: mount it'
    content, is_marked = f"{system.id} {storage.id}", storage.marked_at is not None
    fault = _find_fault(sessions, MarkedFolder(folder, content, is_marked, MARK_STORAGE, storage.id))
    return fault or find_write_fault(folder)


def find_write_fault(folder: Path) -> str | None:
    """Return why this process cannot create files in a folder, or in the one above if it is not there yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if is_folder_writable(there):
        return None
    return f'"{there}" cannot be written by the user of its worker (id {os.geteuid()}): change its owner or mode'


def is_folder_writable(folder: Path | bytes) -> bool:
    """Return whether this process may create files in a folder; a full disk is no lack of a right.

    It is tried: access() leaves capabilities aside, and a share may have rights of its own.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _find_fault(sessions: Sessions, marked: MarkedFolder) -> str | None:
    try:
        found = read_marker(marked)
        if found is None and not marked.is_marked:
            found = transact(sessions, _mark_first, marked)
    except OSError as error:
        return f'"{marked.folder}" cannot be used: {error.strerror}'
    if found is None:
        return (
            f'"{marked.folder}" is not the folder of this system: it has no file {MARKER_FILE_NAME}. Mount the folder '
            "that has it there; if that one is lost, run on one machine: tapeless storage adopt-folders"
        )
    if found != marked.content:
        return f'"{marked.folder}" is the folder of another system or storage: {marked.marker} says {found[:80]}'
    if not marked.is_marked:
        transact(sessions, lambda session: session.execute(marked.mark, {"id": marked.storage_id}))
    return None


def read_marker(marked: MarkedFolder) -> str | None:
    """Return what the marker says, or None if there is none."""
    try:
        return marked.marker.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None


def _mark_first(session: Session, marked: MarkedFolder) -> str | None:
    """Write the marker, unless another process was first; returns what it says."""
    if session.execute(marked.mark, {"id": marked.storage_id}).first() is None:
        return read_marker(marked)
    # Within the transaction, so that a folder that cannot be written is not taken for marked. Should it fail later, the
    # file is there already, and right.
    write_marker(marked)
    return marked.content


def write_marker(marked: MarkedFolder) -> None:
    """Write the marker into its folder, which is created if it is missing."""
    marked.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = marked.folder / f"{MARKER_FILE_NAME}.{os.getpid()}"
    draft.write_text(f"{marked.content}\n", encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(marked.marker)


def adopt_folders(session: Session, media_folder: Path, proxies: list[Storage]) -> list[Path]:
    """Mark the folders that this machine has as those of the system, even those of another one; returns them.

    A storage whose folder is not here keeps its mark: the empty mount point in its place is still refused.
    """
    system = session.execute(SELECT_SYSTEM).one()
    adopted = [MarkedFolder(media_folder, str(system.id), False, MARK_MEDIA_FOLDER)]
    for storage in proxies:
        folder = Path(os.fsdecode(storage.place))
        if folder.is_dir():
            adopted.append(MarkedFolder(folder, f"{system.id} {storage.id}", False, MARK_STORAGE, storage.id))
    for each in adopted:
        write_marker(each)
        session.execute(each.mark, {"id": each.storage_id})
    return [each.folder for each in adopted]
