"""A storage is removed: its assets stay, offline, and come back with their files, or are forgotten with all of it."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import Asset, FileSet
from models.catalog.storage import Storage
from models.core.sessions import transact
from models.queues.job import Job
from services.core.actors import SETUP_ACTOR
from services.core.errors import Conflict
from services.storages.removal import REMOVE_STORAGE_JOBS, count_forgettable, remove_storage
from services.storages.storages import (
    NewStorage,
    StorageError,
    add_storage,
    confirm_deletions,
    find_storage_by_name,
)
from tests.files import write
from tests.pipeline import Pipeline

OPERATOR = Actor("operator", is_admin=True)


def fill(pipeline: Pipeline, root: Path) -> None:
    for name in ("a.mov", "day1/b.mov", "day1/c.mov"):
        write(root / name, name)
    pipeline.settle()


def remove(pipeline: Pipeline, *, forget: bool = False, name: str = "Rushes") -> None:
    """Remove a storage, run its job, and ingest what that made due."""

    def request(session: Session) -> object:
        job = remove_storage(session, find_storage_by_name(session, name), OPERATOR, forget=forget)
        return job.id if job is not None else None

    job_id = transact(pipeline.sessions, request)
    if pipeline.watcher is not None:
        pipeline.watcher.close()
        pipeline.watcher = None
    if job_id is not None:
        REMOVE_STORAGE_JOBS.run(pipeline.sessions, [job_id], pipeline.timing)
        with pipeline.sessions() as session:
            assert session.get_one(Job, job_id).status == "FINISHED"
    while pipeline.ingest():
        pass


def online(pipeline: Pipeline) -> dict[str, bool]:
    with pipeline.sessions() as session:
        return {asset.title: asset.is_online for asset in session.scalars(select(Asset))}


@pytest.mark.parametrize("is_disk_gone", [False, True])
def test_a_removed_storage_leaves_its_assets_offline_and_is_shown_nowhere(
    pipeline: Pipeline, root: Path, is_disk_gone: bool
) -> None:
    fill(pipeline, root)
    assert set(online(pipeline).values()) == {True}
    if is_disk_gone:
        shutil.rmtree(root)
    remove(pipeline)
    assert set(online(pipeline).values()) == {False}
    assert len(online(pipeline)) == 3
    status = pipeline.status()
    assert (status.storages, status.missing, status.problems) == ([], 0, [])
    with pipeline.sessions() as session, pytest.raises(StorageError, match="no such storage"):
        find_storage_by_name(session, "Rushes")


@pytest.mark.parametrize("where", ["the same folder", "another folder"])
def test_files_that_come_back_bring_their_assets_online(
    pipeline: Pipeline, root: Path, tmp_path: Path, where: str
) -> None:
    fill(pipeline, root)
    with pipeline.sessions() as session:
        before = {asset.title: asset.id for asset in session.scalars(select(Asset))}
    remove(pipeline)
    if where == "another folder":
        other = tmp_path / "elsewhere"
        shutil.copytree(root, other)
        shutil.rmtree(root)
        pipeline.root = other
    with pipeline.sessions.begin() as session:
        again = add_storage(session, NewStorage(pipeline.root, "Rushes"))
        again.settings = {"growing_files_threshold": 0.1, "scan_interval_seconds": 0.1}
    pipeline.settle()
    assert set(online(pipeline).values()) == {True}
    with pipeline.sessions() as session:
        assert {asset.title: asset.id for asset in session.scalars(select(Asset))} == before
    assert pipeline.broken() == []


def test_a_forgotten_storage_takes_along_what_is_nowhere_else(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    fill(pipeline, root)
    with pipeline.sessions.begin() as session:
        rushes = find_storage_by_name(session, "Rushes")
        other = add_storage(session, NewStorage(make_folder(tmp_path), "Proxies here"))
        shared = session.scalars(select(FileSet).join(Asset).where(Asset.title.like("a%"))).one()
        copy = FileSet(asset_id=shared.asset_id, format_id=shared.format_id, version_id=shared.version_id)
        copy.storage_id, copy.name = other.id, "a.mov"
        session.add(copy)
        session.flush()
        assert count_forgettable(session, rushes) == 2
    remove(pipeline, forget=True)
    with pipeline.sessions() as session:
        assert [asset.title for asset in session.scalars(select(Asset))] == ["a"]
        assert session.scalars(select(Storage.name)).all() == ["Proxies here"]
        left = {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("file", "folder", "island")}
        assert session.scalar(select(func.count()).select_from(FileSet)) == 1
    assert left == {"file": 0, "folder": 0, "island": 0}


def make_folder(tmp_path: Path) -> Path:
    made = tmp_path / "other"
    made.mkdir()
    return made


def test_a_storage_without_assets_is_removed_at_once(pipeline: Pipeline) -> None:
    remove(pipeline)
    with pipeline.sessions() as session:
        assert session.scalars(select(Storage)).all() == []


def test_renditions_are_only_forgotten(pipeline: Pipeline, root: Path) -> None:
    fill(pipeline, root)
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE storage SET purpose = 'PROXIES'"))
    with pipeline.sessions() as session, pytest.raises(Conflict, match="renditions"):
        remove_storage(session, find_storage_by_name(session, "Rushes"), SETUP_ACTOR, forget=False)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("status = 'FAILING', status_message = 'storage \"Rushes\": {absent}'", "tapeless storage remove Rushes"),
        ("status = 'INACTIVE'", "is paused"),
    ],
)
def test_what_cannot_be_confirmed_is_refused_with_the_next_step(pipeline: Pipeline, state: str, says: str) -> None:
    absent = "root is not mounted or cannot be read; nothing was marked missing."
    with pipeline.sessions.begin() as session:
        session.execute(text(f"UPDATE storage SET {state.format(absent=absent)}"))
        with pytest.raises(StorageError, match=says):
            confirm_deletions(session, find_storage_by_name(session, "Rushes"))
