"""Files of a storage by their paths, of assets that the caller may read; administrators see what is in none too."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select

from api.bodies import Body, Text
from api.call import Call
from api.pages import Page, PerPage, Sort, matching, ordered, paged
from api.routing import Service
from api.services.format_bodies import file_body
from api.services.storages import readable_storage
from models.acl import readable_by
from models.asset import Asset, AssetStatus, FileSet, FileSetFile
from models.file import File, Folder
from models.storage import Storage
from tasks.assets import KIND
from tasks.explain import find_folder, find_row
from tasks.files import refuse_name, refuse_path, views_of_watched
from tasks.refusals import Invalid, Missing

routes = Service("files")
DEEPEST = 64
COLUMNS = {
    "id": File.id,
    "status": File.status,
    "checksum": File.checksum,
    "size": File.size,
    "date_created": File.date_created,
    "date_modified": File.date_modified,
}


class ExistenceBody(Body):
    directory_path: Text
    file_name: Text


def checked_path(field: str, path: str) -> bytes:
    """A path below the root as bytes, refused where it leaves the root or is no path."""
    refuse_path(field, path)
    if path.count("/") > DEEPEST:
        raise Invalid(field, f"a path has at most {DEEPEST} folders")
    return path.strip("/").encode()


def readable_files(call: Call, storage: Storage) -> Select[Any]:
    """The files of a storage that the caller may know of."""
    files = select(File).join(Folder, Folder.id == File.folder_id).where(Folder.storage_id == storage.id)
    if call.actor.is_admin:
        return files
    return files.where(
        exists().where(
            FileSetFile.file_id == File.id,
            FileSet.id == FileSetFile.file_set_id,
            Asset.id == FileSet.asset_id,
            Asset.status == AssetStatus.ACTIVE,
            readable_by(call.actor, KIND, Asset.id),
        )
    )


def many(call: Call, files: Sequence[File]) -> list[dict[str, Any]]:
    """Files with what they belong to, read at once."""
    views = views_of_watched(call.session, [file.id for file in files])
    return [file_body(views[file.id]) for file in files]


@routes.get("/storages/{storage_id}/files/")
def get_storage_files(
    call: Call,
    storage_id: UUID,
    path: str = "",
    directory_path: str | None = None,
    name: str = "",
    checksum: str = "",
    status: str = "",
    id: str = "",
    page: Page = 1,
    per_page: PerPage = 10,
    sort: Sort = "",
) -> dict[str, Any]:
    """Files by whole path, by folder, by name or by checksum."""
    storage = readable_storage(call, storage_id)
    query = matching(readable_files(call, storage), COLUMNS, {"checksum": checksum, "status": status, "id": id})
    if path:
        row = find_row(call.session, storage, checked_path("path", path))
        query = query.where(File.id == row.id if row else File.id.is_(None))
    if directory_path is not None:
        folder = find_folder(call.session, storage, checked_path("directory_path", directory_path))
        query = query.where(File.folder_id == folder.id if folder else File.id.is_(None))
    if name:
        query = query.where(File.name == name.encode())
    return paged(call, ordered(query, sort, COLUMNS, File.id), page, per_page, lambda rows: many(call, rows))


@routes.post("/files/storages/{storage_id}/", status=200)
def post_file_existence(call: Call, storage_id: UUID, body: ExistenceBody) -> dict[str, Any]:
    """Is there such a file? 200 with its size, or 404, which is also said of files that the caller may not know of."""
    storage = readable_storage(call, storage_id)
    refuse_name("file_name", body.file_name)
    folder = checked_path("directory_path", body.directory_path)
    row = find_row(call.session, storage, b"/".join(filter(None, [folder, body.file_name.encode()])))
    known = row and call.session.scalar(readable_files(call, storage).where(File.id == row.id))
    if not known:
        raise Missing("file", f'"{body.directory_path}/{body.file_name}"')
    return {"file_size": known.size, "status": known.status}
