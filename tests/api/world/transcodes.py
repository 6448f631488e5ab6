"""An original of the asset on a storage, of which a rendition can be asked for."""

from uuid import UUID

from sqlalchemy.orm import Session

from models.catalog.asset import Component, ComponentType, FileSet, Format, FormatRole
from models.core.base import new_id
from tests.api.world.islands import make_island


def make_transcodes(session: Session, asset: UUID, _owner: UUID, _reader: UUID | None) -> dict[str, object]:
    """The id of the format."""
    island = make_island(session)
    part = Format(id=new_id(), asset_id=asset, version_id=asset, name="ORIGINAL", role=FormatRole.ORIGINAL)
    part.structure, part.rule = "single", "single file"
    session.add(part)
    session.flush()
    group = FileSet(id=new_id(), asset_id=asset, format_id=part.id, version_id=asset, name="a.mov", file_count=1)
    group.storage_id, group.island_id = island.storage_id, island.id
    session.add(group)
    session.flush()
    picture = Component(id=new_id(), format_id=part.id, file_set_id=group.id, name="a.mov", type=ComponentType.VIDEO)
    picture.media, picture.flags, picture.language = {}, [], None
    session.add(picture)
    return {"transcodable_format_id": part.id}
