"""Every change of an asset is recorded in its history, and searchable if documents show it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.queues.index_mark import IndexMark
from tests.api.conftest import Api, Caller
from tests.api.describing import make_field, make_view, put_well
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.catalog.test_collections import make as make_collection
from tests.api.routes.catalog.test_collections import put as put_into
from tests.api.routes.catalog.test_collections import term
from tests.api.routes.search.test_search import drain_all, find
from tests.api.routes.segments.test_segments import let, say
from tests.api.routes.shares.sharing import share_url


@dataclass(frozen=True, slots=True)
class Scene:
    """An asset of an owner's, with a word that nothing else has."""

    api: Api
    owner: Caller
    admin: Caller
    colleague: Caller
    """Reads nothing yet."""
    asset: str
    word: str

    def send(self, method: str, path: str, **options: Any) -> Any:
        """Send a request of the owner and require success."""
        answer = self.owner.http.request(method, path, **options)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def of_asset(self, rest: str = "") -> str:
        return f"/assets/v1/assets/{self.asset}/{rest}"


def make_scene(api: Api, admin: Caller, owner: Caller) -> Scene:
    return Scene(api, owner, admin, api.user(), str(make_asset(owner, "plate")["id"]), f"w{uuid4().hex}")


def rename(scene: Scene) -> dict[str, Any]:
    scene.send("PATCH", scene.of_asset(), json={"title": scene.word})
    return {"query": scene.word, "search_fields": ["title"]}


def name_elsewhere(scene: Scene) -> dict[str, Any]:
    scene.send("PATCH", scene.of_asset(), json={"title": "plate", "external_id": scene.word})
    return {"filter": term("external_id", scene.word)}


def comment(scene: Scene) -> dict[str, Any]:
    say(scene.owner, scene.asset, f"too {scene.word}")
    return {"query": scene.word}


def ask_for_approval(scene: Scene) -> dict[str, Any]:
    scene.send("POST", scene.of_asset("approvals/request/"), json={})
    return {"filter": term("approval_status", "REQUESTED")}


def approve(scene: Scene) -> dict[str, Any]:
    ask_for_approval(scene)
    scene.send("PUT", scene.of_asset("approvals/"), json={"status": "APPROVED"})
    return {"filter": term("approval_status", "APPROVED")}


def collect(scene: Scene) -> dict[str, Any]:
    collection = make_collection(scene.owner)
    assert put_into(scene.owner, collection, scene.asset) == 201
    return {"filter": term("in_collections", collection)}


def describe(scene: Scene) -> dict[str, Any]:
    field = make_field(scene.admin)
    put_well(scene.owner, scene.asset, make_view(scene.admin, field), {field: scene.word})
    return {"filter": term(f"metadata.{field}", scene.word)}


def add_format(scene: Scene) -> dict[str, Any]:
    scene.send("POST", f"/files/v1/assets/{scene.asset}/formats/", json={"name": scene.word})
    return {"filter": term("format", scene.word)}


def delete_and_restore(scene: Scene) -> dict[str, Any]:
    rename(scene)
    scene.send("DELETE", scene.of_asset())
    scene.send("PUT", scene.of_asset("restore/"))
    return {"query": scene.word}


def share_with_a_colleague(scene: Scene) -> dict[str, Any]:
    rename(scene)
    let(scene.owner, scene.colleague, scene.asset, "read")
    assert find(scene.colleague, {})["objects"] == []
    return {"query": scene.word}


def share_outside(scene: Scene) -> None:
    share_url(scene.owner, scene.asset)


def relate(scene: Scene) -> dict[str, Any]:
    other = str(make_asset(scene.owner, "poster")["id"])
    scene.send("POST", scene.of_asset("relations/"), json={"relation_type": "promo", "related_to_asset_id": other})
    terms = [*term("relation_type", "promo")["terms"], *term("related_to_asset_id", other)["terms"]]
    return {"filter": {"operator": "AND", "terms": terms}}


def unrelate(scene: Scene) -> dict[str, Any]:
    rename(scene)
    relate(scene)
    other = scene.send("GET", scene.of_asset("relations/"))["objects"][0]["id"]
    drain_all(scene.api)
    scene.send("DELETE", scene.of_asset(f"relations/promo/{other}/"))
    missing = {"operator": "AND", "terms": [{"name": "relation_type", "missing": True}]}
    return {"query": scene.word, "filter": missing}


def categorise(scene: Scene) -> dict[str, Any]:
    scene.send("PATCH", scene.of_asset(), json={"category": scene.word})
    return {"filter": term("category", scene.word)}


def withdraw(scene: Scene) -> dict[str, Any]:
    rename(scene)
    ask_for_approval(scene)
    drain_all(scene.api)
    nobody_asked = {"query": scene.word, "filter": term("approval_status", "N/A")}
    assert find(scene.owner, nobody_asked)["objects"] == []
    scene.send("DELETE", scene.of_asset("approvals/request/"))
    return nobody_asked


@pytest.mark.parametrize(
    ("change", "operation"),
    [
        (rename, "CUSTOM"),
        (name_elsewhere, "CUSTOM"),
        (comment, "CUSTOM"),
        (ask_for_approval, "CUSTOM"),
        (approve, "APPROVE"),
        (withdraw, "CUSTOM"),
        (relate, "CUSTOM"),
        (unrelate, "CUSTOM"),
        (categorise, "CUSTOM"),
        (collect, "CUSTOM"),
        (describe, "METADATA"),
        (add_format, "ADD_FORMAT"),
        (delete_and_restore, "RESTORE"),
        (share_with_a_colleague, "CUSTOM"),
    ],
    ids=lambda given: getattr(given, "__name__", given),
)
def test_every_change_is_told_and_found(
    api: Api, admin: Caller, owner: Caller, change: Callable[[Scene], dict[str, Any]], operation: str
) -> None:
    scene = make_scene(api, admin, owner)
    before = len(history_of(owner, scene.asset))
    criteria = change(scene)
    told = history_of(owner, scene.asset)
    assert len(told) > before
    assert told[-1][0] == operation
    drain_all(api)
    finder = scene.colleague if change is share_with_a_colleague else owner
    assert [hit["id"] for hit in find(finder, criteria)["objects"]] == [scene.asset]


def test_what_no_search_shows_is_told_and_changes_no_document(api: Api, admin: Caller, owner: Caller) -> None:
    scene = make_scene(api, admin, owner)
    drain_all(api)
    before = len(history_of(owner, scene.asset))
    share_outside(scene)
    told = history_of(owner, scene.asset)
    assert (len(told), told[-1][0]) == (before + 1, "CUSTOM")
    with api.sessions() as session:
        dirty = session.scalars(select(IndexMark.dirty_since).where(IndexMark.object_id == scene.asset)).one()
    assert dirty is None
