"""Manual grouping over HTTP reveals and changes only objects that the caller may change."""

from uuid import uuid4

import pytest

from tests.api.conftest import Api, Caller
from tests.api.world.objects import World, make_world


@pytest.fixture
def owner(api: Api) -> Caller:
    return api.user()


@pytest.fixture
def world(api: Api, owner: Caller) -> World:
    with api.sessions.begin() as session:
        return make_world(session, owner.id, None)


def act(caller: Caller, world: World, verb: str, body: dict | None = None) -> tuple[int, dict]:
    answer = caller.http.post(f"/assets/v1/assets/{world.ids['asset_id']}/grouping/{verb}/", json=body)
    return answer.status_code, answer.json()


def test_a_split_and_its_undo_come_back_as_assets(owner: Caller, world: World) -> None:
    status, made = act(owner, world, "split", {"file_ids": [world.ids["stored_file_id"]], "title": "the other half"})
    assert (status, made["title"]) == (201, "the other half")
    assert owner.http.get(f"/assets/v1/assets/{made['id']}/").status_code == 200
    status, restored = act(owner, world, "undo")
    assert (status, restored["id"]) == (200, world.ids["asset_id"])
    assert act(owner, world, "undo")[0] == 409


def test_a_merged_asset_answers_with_the_survivor(owner: Caller, world: World) -> None:
    other = world.ids["related_to_asset_id"]
    status, survivor = act(owner, world, "merge", {"asset_ids": [other]})
    assert (status, survivor["id"]) == (200, world.ids["asset_id"])
    assert owner.http.get(f"/assets/v1/assets/{other}/").json()["id"] == survivor["id"]


def test_files_of_an_asset_that_is_hidden_are_no_files_at_all(api: Api, owner: Caller, world: World) -> None:
    with api.sessions.begin() as session:
        hidden = make_world(session, api.user().id, None)
    unknown = str(uuid4())
    status, said = act(owner, world, "move", {"file_ids": [hidden.ids["stored_file_id"]]})
    status_of_unknown, said_of_unknown = act(owner, world, "move", {"file_ids": [unknown]})
    assert status == status_of_unknown == 404
    said["errors"][0] = said["errors"][0].replace(hidden.ids["stored_file_id"], unknown)
    assert said["errors"] == said_of_unknown["errors"]
    assert act(owner, world, "merge", {"asset_ids": [hidden.ids["asset_id"]]})[0] == 404


def test_wrong_bodies_name_the_field(owner: Caller, world: World) -> None:
    for body in ({}, {"file_ids": []}, {"file_ids": ["x"]}, {"file_ids": [world.ids["other_stored_file_id"]]}):
        status, said = act(owner, world, "split", body)
        assert (status, {field.split(".")[0] for field in said["errors"]}) == (400, {"file_ids"})
