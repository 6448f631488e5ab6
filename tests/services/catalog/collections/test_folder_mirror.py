"""Collections that mirror a storage's folders: with every arrival, rename and move, and never against a person."""

import os
from typing import Any

import pytest
from sqlalchemy import select

from models.access.acl import Actor, PrincipalKind, readable_by
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.collection import Collection, CollectionAsset
from models.core.sessions import transact
from models.queues.job import Job
from services.access.permissions import Principal, grant_permissions
from services.access.users import create_user
from services.catalog.collections.collections import create_collection, update_collection
from services.catalog.collections.contents import add_asset_to_collection, remove_asset_from_collection
from services.catalog.collections.folder_mirror import MIRROR_FOLDERS_JOBS, MIRROR_FOLDERS_TASK
from services.catalog.collections.tree import delete_collection
from services.core.actors import SETUP_ACTOR, find_actor
from services.core.errors import Conflict
from services.storages.api_changes import StorageSpec, update_storage
from tests.files import write
from tests.pipeline import FAST, Pipeline

ADMIN = Actor("an administrator", is_admin=True)
MAPS = "enable_collection_directory_mapping"


@pytest.fixture
def mirrored(pipeline: Pipeline) -> Pipeline:
    pipeline.change_settings(**{MAPS: True})
    return pipeline


def places(pipeline: Pipeline) -> dict[str, list[str]]:
    """Paths of active collections with the titles of what they hold."""
    with pipeline.sessions() as session:
        rows = {row.id: row for row in session.scalars(select(Collection).where(Collection.status == "ACTIVE"))}
        held = session.execute(
            select(CollectionAsset.collection_id, Asset.title).join(Asset, Asset.id == CollectionAsset.asset_id)
        ).all()
    named: dict[str, list[str]] = {"/".join(rows[step].title for step in row.path): [] for row in rows.values()}
    for key, title in held:
        if key in rows:
            named["/".join(rows[step].title for step in rows[key].path)].append(title)
    return {path: sorted(titles) for path, titles in named.items()}


def files(pipeline: Pipeline, *paths: str) -> None:
    write(pipeline.root, *paths)


def test_folders_with_assets_become_collections_named_as_they_are(mirrored: Pipeline) -> None:
    files(mirrored, "top.mov", "day one/a.mov", "day one/cam/b.mov", *(f"seq/p.{n}.exr" for n in range(1001, 1005)))
    mirrored.settle()
    assert places(mirrored) == {
        "Rushes": ["top"],
        "Rushes/day one": ["a"],
        "Rushes/day one/cam": ["b"],
        "Rushes/seq": ["p"],
    }
    before = collection_rows(mirrored)
    mirrored.settle()
    assert collection_rows(mirrored) == before


def collection_rows(pipeline: Pipeline) -> set[Any]:
    with pipeline.sessions() as session:
        rows = session.execute(select(CollectionAsset.collection_id, CollectionAsset.asset_id)).all()
        return {tuple(row) for row in rows} | set(session.scalars(select(Collection.id)))


def test_renamed_and_moved_folders_keep_their_collections(mirrored: Pipeline) -> None:
    files(mirrored, "one/sub/a.mov", "two/b.mov")
    mirrored.settle()
    kept = {title: key for title, key in ids(mirrored).items() if title in ("sub", "one")}
    os.rename(mirrored.root / "one", mirrored.root / "uno")
    mirrored.settle()
    assert places(mirrored)["Rushes/uno/sub"] == ["a"]
    os.rename(mirrored.root / "uno" / "sub", mirrored.root / "two" / "sub")
    mirrored.settle()
    assert places(mirrored)["Rushes/two/sub"] == ["a"]
    assert ids(mirrored)["uno"] == kept["one"]
    assert ids(mirrored)["sub"] == kept["sub"]


def ids(pipeline: Pipeline) -> dict[str, Any]:
    with pipeline.sessions() as session:
        return {row.title: row.id for row in session.scalars(select(Collection))}


def test_a_file_that_moves_takes_its_asset_to_the_other_folder(mirrored: Pipeline) -> None:
    files(mirrored, "in/a.mov", "in/stays.mov", "out/c.mov")
    mirrored.settle()
    os.rename(mirrored.root / "in" / "a.mov", mirrored.root / "out" / "a.mov")
    mirrored.settle()
    assert places(mirrored) == {"Rushes": [], "Rushes/in": ["stays"], "Rushes/out": ["a", "c"]}


def test_what_a_person_put_somewhere_is_none_of_the_mirrors(mirrored: Pipeline) -> None:
    files(mirrored, "in/a.mov", "out/c.mov")
    mirrored.settle()
    asset = mirrored.ids()["a"]
    collections = ids(mirrored)
    with mirrored.sessions.begin() as session:
        mine = create_collection(session, Collection(title="mine"), ADMIN)
        for key in (mine.id, collections["out"], collections["in"]):
            add_asset_to_collection(session, key, asset, ADMIN)
    os.rename(mirrored.root / "in" / "a.mov", mirrored.root / "in" / "b.mov")
    mirrored.settle()
    assert set(places(mirrored)) >= {"mine", "Rushes/in", "Rushes/out"}
    with mirrored.sessions() as session:
        kept = set(session.scalars(select(CollectionAsset.collection_id).where(CollectionAsset.asset_id == asset)))
    assert kept == {mine.id, collections["out"], collections["in"]}


def test_what_a_person_deleted_is_not_made_again_and_the_name_is_the_folders(mirrored: Pipeline) -> None:
    files(mirrored, "in/a.mov")
    mirrored.settle()
    folder = ids(mirrored)["in"]
    with pytest.raises(Conflict, match="mirrors a folder"), mirrored.sessions.begin() as session:
        update_collection(session, folder, {"title": "other"}, ADMIN)
    with mirrored.sessions.begin() as session:
        delete_collection(session, folder, ADMIN)
    files(mirrored, "in/b.mov", "in/below/c.mov")
    mirrored.settle()
    assert places(mirrored) == {"Rushes": []}


def test_without_the_setting_there_are_no_collections_and_turning_it_on_makes_them_by_a_job(pipeline: Pipeline) -> None:
    files(pipeline, "day/a.mov", "b.mov")
    pipeline.settle()
    assert places(pipeline) == {}
    with pipeline.sessions.begin() as session:
        update_storage(session, pipeline.storage().id, StorageSpec(settings={MAPS: True}), ADMIN)
    with pipeline.sessions() as session:
        job = session.scalars(select(Job).where(Job.task == MIRROR_FOLDERS_TASK)).one()
    MIRROR_FOLDERS_JOBS.run(pipeline.sessions, [job.id], FAST)
    assert places(pipeline) == {"Rushes": ["b"], "Rushes/day": ["a"]}
    assert transact(pipeline.sessions, lambda session: session.get_one(Job, job.id).status) == "FINISHED"


def test_deep_folders_share_the_last_collection_that_there_can_be(mirrored: Pipeline) -> None:
    files(mirrored, "/".join(f"d{level}" for level in range(60)) + "/deep.mov")
    mirrored.settle()
    found = {path: titles for path, titles in places(mirrored).items() if titles}
    assert list(found.values()) == [["deep"]]
    assert len(next(iter(found)).split("/")) == 50


def test_an_asset_that_a_person_took_out_comes_back_only_with_its_folders_next_change(mirrored: Pipeline) -> None:
    files(mirrored, "in/a.mov")
    mirrored.settle()
    with mirrored.sessions.begin() as session:
        remove_asset_from_collection(session, ids(mirrored)["in"], mirrored.ids()["a"], ADMIN)
    assert places(mirrored)["Rushes/in"] == []
    files(mirrored, "in/b.mov")
    mirrored.settle()
    assert places(mirrored)["Rushes/in"] == ["a", "b"]


def test_a_folder_moves_into_one_that_is_new_while_others_stay(mirrored: Pipeline) -> None:
    files(mirrored, "uno/keeps.mov", "uno/sub/a.mov", "uno/sub/b.mov")
    mirrored.settle()
    kept = ids(mirrored)["sub"]
    (mirrored.root / "three").mkdir()
    os.rename(mirrored.root / "uno" / "sub", mirrored.root / "three" / "sub")
    mirrored.settle()
    assert places(mirrored) == {
        "Rushes": [],
        "Rushes/uno": ["keeps"],
        "Rushes/three": [],
        "Rushes/three/sub": ["a", "b"],
    }
    assert ids(mirrored)["sub"] == kept


def test_who_only_reads_an_asset_does_not_keep_it_where_its_folder_put_it(mirrored: Pipeline) -> None:
    files(mirrored, "in/a.mov", "out/c.mov")
    mirrored.settle()
    asset, folder = mirrored.ids()["a"], ids(mirrored)["in"]
    with mirrored.sessions.begin() as session:
        user = create_user(session, User(email="writer@example.org"), SETUP_ACTOR).id
        who = [Principal(PrincipalKind.USER, user)]
        grant_permissions(session, "collections", [folder], who, ["read", "write"], SETUP_ACTOR, propagates=True)
    with mirrored.sessions.begin() as session:
        add_asset_to_collection(session, folder, asset, find_actor(session, user))
    os.rename(mirrored.root / "in" / "a.mov", mirrored.root / "out" / "a.mov")
    mirrored.settle()
    assert places(mirrored)["Rushes/in"] == []
    with mirrored.sessions() as session:
        actor = find_actor(session, user)
        assert session.scalars(select(Asset.id).where(readable_by(actor, "assets", Asset.id))).all() == []
