"""Renditions in the media folder are named relative to it, so that they are found where the folder was moved."""

from pathlib import Path

from alembic import command
from sqlalchemy import select, text, update

from media.sandbox.safe_open import OpenFolders
from models.catalog.asset import Asset, FileSet, FileSetFile
from models.catalog.file import Folder
from models.catalog.storage import PURPOSE_PROXIES, Storage, StorageStatus
from models.core.mounts import configure_mounts
from models.core.sessions import make_engine
from models.schema import alembic_config
from services.downloads.tickets import find_downloadable_source
from services.renditions.jobs import delete_orphaned_renditions
from services.renditions.profiles import TranscodeProfile
from tests.services.media_clips import put
from tests.services.transcode_steps import ADMIN, Studio

STAMP = text("UPDATE alembic_version SET version_num = :revision")


def migrate_again(database_url: str) -> None:
    """Run the migration as on a database of the version before; it changes rows only."""
    engine = make_engine(database_url)
    try:
        with engine.begin() as connection:
            newest = connection.scalar(text("SELECT version_num FROM alembic_version"))
            connection.execute(STAMP, {"revision": "0028"})
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0029")
            connection.execute(STAMP, {"revision": newest})
    finally:
        engine.dispose()


def readable_renditions(studio: Studio) -> int:
    """Open all renditions as a download does; return their number."""
    with studio.sessions() as session, OpenFolders() as folders:
        asset = session.get_one(Asset, studio.pipeline.ids()["clip"])
        made = [studio.rendition(profile).id for profile in ("web", "small")]
        files = session.scalars(
            select(FileSetFile.file_id).join(FileSet).where(FileSet.format_id.in_(made), FileSet.asset_id == asset.id)
        ).all()
        return sum(folders.open_source(find_downloadable_source(session, ADMIN, asset, one)) > 0 for one in files)


def test_renditions_of_absolute_roots_become_one_relative_storage_and_move_with_their_folder(
    studio: Studio, root: Path, tmp_path: Path, database_url: str
) -> None:
    studio.by = type(studio.by)({**studio.by.profiles, "small": TranscodeProfile(width=64, height=64)})
    put(root, "clip.mp4")
    studio.pipeline.settle()
    renditions = select(Storage).where(Storage.purpose == PURPOSE_PROXIES).order_by(Storage.id)
    for profile, former_root in (("web", b"/old/media/renditions"), ("small", b"/new/media/renditions")):
        studio.ask("clip", profile)
        assert studio.run() == 1
        with studio.sessions.begin() as session:
            # As the version before left it, when the data folder had moved after the first rendition.
            session.execute(
                update(Storage)
                .where(Storage.root == b"renditions")
                .values(root=former_root, status=StorageStatus.INACTIVE)
            )
    with studio.sessions.begin() as session:
        first, _ = session.scalars(renditions).all()
        session.execute(update(Storage).where(Storage.purpose == PURPOSE_PROXIES).values(status=StorageStatus.ACTIVE))
    migrate_again(database_url)
    with studio.sessions() as session:
        (only,) = session.scalars(renditions).all()
        assert (only.id, only.root) == (first.id, b"renditions")
        tops = session.scalars(select(Folder.name).where(Folder.storage_id == only.id, Folder.parent_id.is_(None)))
        assert tops.all() == [b""]
    moved = tmp_path / "moved here"
    studio.proxies.parent.rename(moved)
    configure_mounts({}, moved)
    assert readable_renditions(studio) == 2
    assert delete_orphaned_renditions(studio.sessions, min_age_seconds=0) == 0
    assert studio.pipeline.broken() == []
