"""Storages: which folders may be watched, their names, and operator requests to their watcher."""

import os
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from models.catalog.storage import Storage
from models.core.mounts import configure_mounts
from models.core.sessions import Sessions, transact
from services.storages.storages import (
    NewStorage,
    StorageError,
    add_storage,
    confirm_deletions,
    ensure_storage,
    find_storage_by_name,
    find_storage_of_path,
    parse_storage_settings,
    relative_to_storage,
    request_scan,
)
from tests.powers import without_root_powers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "rushes"
    (folder / "day1").mkdir(parents=True)
    return folder


def add(sessions: Sessions, root: Path, name: str | None = None, forbidden: tuple[Path, ...] = ()) -> Storage:
    return transact(sessions, lambda session: add_storage(session, NewStorage(root, name), forbidden))


def test_a_storage_is_called_like_its_folder_and_named_apart(sessions: Sessions, tmp_path: Path) -> None:
    for place in ("a/media", "b/media", "c/media"):
        (tmp_path / place).mkdir(parents=True)
    names = [add(sessions, tmp_path / place / "media").name for place in ("a", "b", "c")]
    assert names == ["media", "media 2", "media 3"]


def test_a_name_is_taken_once(sessions: Sessions, folder: Path, tmp_path: Path) -> None:
    add(sessions, folder, "Archive")
    (tmp_path / "other").mkdir()
    with pytest.raises(StorageError, match='storage "Archive": there is one of this name already; give another'):
        add(sessions, tmp_path / "other", "Archive")


@pytest.mark.parametrize("place", ["rushes", "rushes/day1", ".", "rushes/../rushes/day1", "link", "link/day1"])
def test_roots_that_overlap_are_refused_by_their_real_path(
    sessions: Sessions, folder: Path, tmp_path: Path, place: str
) -> None:
    add(sessions, folder)
    os.symlink(folder, tmp_path / "link")
    with pytest.raises(StorageError, match='overlaps storage "rushes"'):
        add(sessions, tmp_path / place)


def test_a_root_beside_another_with_a_longer_name_is_no_overlap(sessions: Sessions, folder: Path) -> None:
    add(sessions, folder)
    beside = folder.with_name("rushes2")
    beside.mkdir()
    assert add(sessions, beside).name == "rushes2"


def test_our_own_folders_are_no_storages(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "data" / "proxies").mkdir(parents=True)
    for place in (tmp_path / "data", tmp_path / "data" / "proxies"):
        with pytest.raises(StorageError, match="lies in Tapeless's own folder"):
            add(sessions, place, forbidden=(tmp_path / "data",))
    assert add(sessions, tmp_path, "around it", forbidden=(tmp_path / "data",)).name == "around it"


def test_a_folder_that_cannot_be_watched_is_refused_with_its_reason(sessions: Sessions, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such folder; make it, or mount what belongs there"):
        add(sessions, tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is a file; give the folder that holds it"):
        add(sessions, tmp_path / "file")
    (tmp_path / "closed").mkdir(mode=0)
    with without_root_powers(), pytest.raises(StorageError, match=r"cannot be read \(Permission denied\)"):
        add(sessions, tmp_path / "closed")


def test_a_folder_is_one_storage_however_often_it_is_given(sessions: Sessions, folder: Path, tmp_path: Path) -> None:
    os.symlink(folder, tmp_path / "link")
    ids = {transact(sessions, ensure_storage, root).id for root in (folder, folder / "day1" / "..", tmp_path / "link")}
    assert len(ids) == 1


def test_a_root_need_not_be_utf8(sessions: Sessions, tmp_path: Path) -> None:
    root = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9"))
    root.mkdir()
    made = add(sessions, root)
    assert (made.root, made.name) == (bytes(root), r"caf\xe9")


def test_a_storage_is_found_by_name_and_id_and_else_the_known_are_told(sessions: Sessions, folder: Path) -> None:
    made = add(sessions, folder)
    for name in ("gone", "twin"):
        (folder.parent / name).mkdir()
    gone, twin = add(sessions, folder.parent / "gone"), add(sessions, folder.parent / "twin")
    with sessions() as session:
        assert find_storage_by_name(session, str(made.id)[:23]).id == made.id
        with pytest.raises(StorageError, match="more than one id begins so"):
            find_storage_by_name(session, str(made.id)[:6])
    with sessions.begin() as session:
        session.execute(update(Storage).where(Storage.id.in_([gone.id, twin.id])).values(removed_at=func.now()))
    with sessions() as session:
        with pytest.raises(StorageError, match="there is no such storage"):
            find_storage_by_name(session, str(gone.id))
        assert find_storage_by_name(session, "rushes").id == find_storage_by_name(session, str(made.id)).id == made.id
        with pytest.raises(StorageError, match='storage "rush": there is no such storage; known are "rushes"'):
            find_storage_by_name(session, "rush")


@pytest.mark.parametrize(("path", "is_in"), [("rushes/a.mov", True), ("rushes", True), ("rushes2/a.mov", False)])
def test_a_path_belongs_to_the_storage_around_it(
    sessions: Sessions, folder: Path, tmp_path: Path, path: str, is_in: bool
) -> None:
    add(sessions, folder)
    with sessions() as session:
        assert (find_storage_of_path(session, bytes(tmp_path / path)) is not None) is is_in


def test_a_path_below_a_storage_is_named_as_here_or_as_where_it_was_added(sessions: Sessions, folder: Path) -> None:
    made = add(sessions, folder)
    configure_mounts({bytes(folder): b"/elsewhere/r"})
    try:
        for root in (b"/elsewhere/r", bytes(folder)):
            assert (relative_to_storage(made, root), relative_to_storage(made, root + b"/day/a.mov")) == (
                b"",
                b"day/a.mov",
            )
            assert relative_to_storage(made, root + b"2/a.mov") is None
        with sessions() as session:
            assert find_storage_of_path(session, b"/elsewhere/r/a.mov") is not None
            assert find_storage_of_path(session, bytes(folder / "a.mov")) is None
    finally:
        configure_mounts({})


def test_what_a_person_asks_stands_in_the_row(sessions: Sessions, folder: Path) -> None:
    add(sessions, folder)

    def ask(session) -> tuple[str | None, int]:  # type: ignore[no-untyped-def]
        storage = find_storage_by_name(session, "rushes")
        storage.frozen_reason = "150 of 150 files vanished at once"
        request_scan(session, [storage])
        return confirm_deletions(session, storage)

    assert transact(sessions, ask) == ("150 of 150 files vanished at once", 0)
    with sessions() as session:
        row = session.scalars(select(Storage)).one()
        assert row.scan_requested_at is not None
        assert row.accept_requested_at == row.deletions_confirmed_at is not None


@pytest.mark.parametrize(
    ("pairs", "key", "value"),
    [
        (["scan_interval_seconds=30"], "scan_interval_seconds", 30),
        (["growing_files_threshold=0.5"], "growing_files_threshold", 0.5),
        (["scan=false"], "scan", False),
        (["scan_ignore=*.bak,render/tmp"], "scan_ignore", ("*.bak", "render/tmp")),
        (["transcode_profiles=web,dailies"], "transcode_profiles", ("web", "dailies")),
        (["scan_directories=in/,deep/er"], "scan_directories", ("in", "deep/er")),
        (["filename_is_external_id=yes"], "filename_is_external_id", True),
    ],
)
def test_settings_are_given_as_words(pairs: list[str], key: str, value: object) -> None:
    assert getattr(parse_storage_settings(pairs), key) == value


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("scan_intervall_seconds=3", "scan_intervall_seconds"),
        ("scan_interval_seconds=soon", "scan_interval_seconds"),
        ("scan_interval_seconds=0", "scan_interval_seconds"),
        ("growing_files_threshold=-1", "growing_files_threshold"),
        ("scan_directories=/etc", "must be a path below the root"),
        ("scan_directories=../other", "must be a path below the root"),
        ("scan", 'setting "scan": write it as key=value'),
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_its_name(pair: str, told: str) -> None:
    with pytest.raises(StorageError, match=told):
        parse_storage_settings([pair])
