"""Reindexing on request of a user with write permission: one document, many, a collection with its contents, or all."""

from sqlalchemy import select, text

from models.queues.index_mark import IndexMark
from models.queues.job import Job
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset

ASSETS = "/assets/v1"


def dirty(api: Api, *ids: str) -> list[bool]:
    with api.sessions() as session:
        rows = session.execute(select(IndexMark.object_id, IndexMark.dirty_since)).all()
    found = {str(row.object_id): row.dirty_since is not None for row in rows}
    return [found[key] for key in ids]


def clean(api: Api) -> None:
    with api.sessions.begin() as session:
        session.execute(text("UPDATE index_mark SET dirty_since = NULL, narrowed = false"))


def test_one_or_many_assets_are_marked_and_no_others(api: Api, owner: Caller, stranger: Caller) -> None:
    one, two, three = (make_asset(owner, title)["id"] for title in ("one", "two", "three"))
    clean(api)
    assert owner.http.put(f"{ASSETS}/assets/{one}/search_document/", json={}).status_code == 204
    assert dirty(api, one, two, three) == [True, False, False]
    body = {"object_ids": [two, one], "object_type": "assets"}
    assert stranger.http.post(f"{ASSETS}/reindex/bulk/", json=body).status_code == 404
    assert dirty(api, one, two, three) == [True, False, False]
    assert owner.http.post(f"{ASSETS}/reindex/bulk/", json=body).status_code == 200
    assert dirty(api, one, two, three) == [True, True, False]


def test_a_collection_is_marked_with_all_that_is_in_it(api: Api, owner: Caller) -> None:
    def collection(title: str, **more: str) -> str:
        return str(owner.http.post(f"{ASSETS}/collections/", json={"title": title, **more}).json()["id"])

    outer = collection("outer")
    inner = collection("inner", parent_id=outer)
    held, other = (make_asset(owner, title)["id"] for title in ("in", "out"))
    body = {"object_id": held, "object_type": "assets"}
    assert owner.http.post(f"{ASSETS}/collections/{inner}/contents/", json=body).status_code in (200, 201)
    clean(api)
    assert owner.http.post(f"{ASSETS}/collections/{outer}/reindex/", json={}).status_code == 201
    assert dirty(api, outer, inner, held, other) == [True, True, True, False]


def test_everything_is_one_job_however_often_it_is_asked_for(api: Api, admin: Caller, owner: Caller) -> None:
    assert owner.http.post(f"{ASSETS}/assets/reindex/", json={}).status_code == 403
    for _ in range(2):
        assert admin.http.post(f"{ASSETS}/assets/reindex/", json={}).status_code == 201
    with api.sessions() as session:
        waiting = select(Job.type).where(Job.task == "index.rebuild", Job.status == "READY")
        assert session.scalars(waiting).all() == ["REINDEX"]
