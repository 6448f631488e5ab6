"""A machine may have a storage mounted at another path than the one at which it was added."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from media.sandbox.safe_open import OpenFolders, SourceFile
from models.catalog.storage import Storage
from models.core.mounts import configure_mounts, resolve_mount
from services.operations.explain import explain_path
from tests.files import write
from tests.pipeline import Pipeline
from watch.disk.config import load_watched_storages


@pytest.fixture
def elsewhere(root: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder of the storage, moved away; this machine knows where to."""
    place = tmp_path / "volumes" / "rushes"
    place.parent.mkdir()
    configure_mounts({bytes(root): bytes(place)})
    yield place
    configure_mounts({})


def test_a_root_that_nobody_moved_is_where_it_was() -> None:
    assert resolve_mount(b"/mnt/rushes") == b"/mnt/rushes"


def test_what_is_watched_opened_and_explained_is_what_is_here(pipeline: Pipeline, root: Path, elsewhere: Path) -> None:
    root.rename(elsewhere)
    write(elsewhere, "a.mov")
    (watched,) = load_watched_storages(pipeline.sessions)
    assert watched.root == bytes(elsewhere)
    status = (elsewhere / "a.mov").stat()
    with OpenFolders() as folders:
        opened = folders.open_source(SourceFile(bytes(root), b"a.mov", status.st_size, status.st_mtime_ns))
    assert opened > 0
    with pipeline.sessions() as session:
        assert session.scalars(select(Storage)).one().place == bytes(elsewhere)
        assert explain_path(session, bytes(elsewhere / "a.mov")).state != "outside"
        assert explain_path(session, bytes(root / "a.mov")).state == "outside"
