"""A storage with one watched folder, for file sets that are on a disk."""

from uuid import uuid4

from sqlalchemy.orm import Session

from models.catalog.file import Folder
from models.catalog.storage import Storage
from models.core.base import new_id
from models.queues.island import Island


def make_island(session: Session) -> Island:
    """An island of its own storage, whose root does not exist."""
    storage = Storage(id=new_id(), name=uuid4().hex, root=f"/nowhere/{uuid4()}".encode())
    session.add(storage)
    session.flush()
    folder = Folder(storage_id=storage.id, name=b"")
    session.add(folder)
    session.flush()
    island = Island(storage_id=storage.id, folder_id=folder.id)
    session.add(island)
    session.flush()
    return island
