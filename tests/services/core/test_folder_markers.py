"""A process writes only to the folders of its system: the first one marks them, others have to find the marker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from models.catalog.storage import PURPOSE_PROXIES, Storage
from models.core.sessions import Sessions, transact
from services.core.folder_markers import (
    FORGET_MARKERS,
    MARKER_FILE_NAME,
    adopt_folders,
    find_media_folder_fault,
    find_rendition_storage_fault,
)

CHANGES: list[tuple[str, Callable[[Path], Any], str | None]] = [
    ("nothing", lambda folder: None, None),
    ("moved elsewhere", lambda folder: folder.rename(folder.with_name("moved")), "has no file .tapeless-system"),
    ("emptied", lambda folder: (folder / MARKER_FILE_NAME).unlink(), "has no file .tapeless-system"),
    ("another's", lambda folder: (folder / MARKER_FILE_NAME).write_text("their id"), "another system or storage"),
    ("no folder", lambda folder: (folder.rename(folder.with_name("moved")), folder.touch()), "cannot be used"),
]


@pytest.mark.parametrize(("change", "fault"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_the_media_folder_is_the_one_that_the_first_process_marked(
    sessions: Sessions, tmp_path: Path, change: Callable[[Path], Any], fault: str | None
) -> None:
    folder = tmp_path / "media"
    assert find_media_folder_fault(sessions, folder) is None
    change(folder)
    found = find_media_folder_fault(sessions, folder)
    assert (found is None) is (fault is None)
    assert fault is None or (found is not None and fault in found)
    transact(sessions, lambda session: session.execute(FORGET_MARKERS))
    assert (find_media_folder_fault(sessions, folder) is None) is (fault is None or "no file" in fault)


def test_a_folder_that_cannot_be_written_is_not_taken_for_marked(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be used" in str(find_media_folder_fault(sessions, tmp_path / "file" / "media"))
    assert find_media_folder_fault(sessions, tmp_path / "media") is None


def test_a_machine_without_the_shared_folder_is_refused_until_it_is_adopted(sessions: Sessions, tmp_path: Path) -> None:
    assert find_media_folder_fault(sessions, tmp_path / "shared") is None
    assert "adopt-folders" in str(find_media_folder_fault(sessions, tmp_path / "own disk"))
    transact(sessions, adopt_folders, tmp_path / "own disk", [])
    assert find_media_folder_fault(sessions, tmp_path / "own disk") is None


def test_a_restored_database_knows_the_folder_that_it_had(sessions: Sessions, tmp_path: Path) -> None:
    assert find_media_folder_fault(sessions, tmp_path / "shared") is None
    transact(sessions, lambda session: session.execute(FORGET_MARKERS))
    assert find_media_folder_fault(sessions, tmp_path / "shared") is None
    assert find_media_folder_fault(sessions, tmp_path / "own disk") is not None


def test_a_storage_for_renditions_is_marked_too_and_its_mount_point_never_made(
    sessions: Sessions, tmp_path: Path
) -> None:
    root = tmp_path / "proxies"
    with sessions.begin() as session:
        session.add(Storage(name="Proxies", root=bytes(root), purpose=PURPOSE_PROXIES))

    def fault() -> str | None:
        with sessions() as session:
            (storage,) = session.query(Storage).all()
        return find_rendition_storage_fault(sessions, storage)

    assert "is not there: mount it" in str(fault())
    assert not root.exists()
    root.mkdir()
    assert fault() is None
    (root / MARKER_FILE_NAME).unlink()
    assert "has no file" in str(fault())
    transact(sessions, adopt_folders, tmp_path / "media", [])
    assert "has no file" in str(fault()), "the empty mount point of a storage is not taken over with the media folder"


def test_every_system_has_an_identity(sessions: Sessions) -> None:
    with sessions() as session:
        assert session.scalar(text("SELECT count(*) FROM system_identity")) == 1
