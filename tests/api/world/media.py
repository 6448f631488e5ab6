"""A rendition of the asset on a storage, with its poster."""

from uuid import UUID

from sqlalchemy.orm import Session

from models.catalog.asset import FileSet, FileSetFile, Format, FormatRole, Keyframe, KeyframeType
from models.catalog.file import File, FileStatus
from models.core.base import new_id
from tests.api.world.islands import make_island


def make_media(session: Session, asset: UUID, _owner: UUID, _reader: UUID | None) -> dict[str, object]:
    """Ids of the file, the poster and the rendition."""
    island = make_island(session)
    part = Format(id=new_id(), asset_id=asset, version_id=asset, name="web", role=FormatRole.TRANSCODE)
    part.structure, part.rule = "single", "single file"
    session.add(part)
    session.flush()
    group = FileSet(id=new_id(), asset_id=asset, format_id=part.id, version_id=asset, name="web.mp4", file_count=1)
    group.storage_id, group.island_id = island.storage_id, island.id
    file = File(id=new_id(), folder_id=island.folder_id, name=b"web.mp4", size=1, mtime_ns=1)
    file.device = file.inode = file.seen = file.content_seen = 1
    file.status, file.media_class = FileStatus.CLOSED, "video"
    session.add_all([group, file])
    session.flush()
    poster = Keyframe(id=new_id(), file_set_id=group.id, type=KeyframeType.POSTER, path="00/none.jpg")
    poster.media_type, poster.size_bytes, poster.width, poster.height = "image/jpeg", 1, 16, 9
    session.add_all([FileSetFile(file_id=file.id, file_set_id=group.id), poster])
    return {"media_file_id": file.id, "keyframe_id": poster.id, "proxy_id": part.id}
