"""Manual grouping over HTTP reveals and changes only objects that the caller may change."""

from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.catalog.asset import FileSet, FileSetFile
from services.renditions.registry import IS_RENDITION
from tests.api.conftest import Api, Caller
from tests.api.routes.segments.test_segments import let
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


@dataclass(frozen=True, slots=True)
class ThreeUsers:
    """Alice and bob, each with an asset of two files; carol reads what is bob's."""

    alice: Caller
    bob: Caller
    carol: Caller
    of_alice: World
    of_bob: World
    files: list[str]
    """All of alice's asset."""

    def take(self, verb: str) -> tuple[int, str]:
        """Bob takes files of alice's asset into his own."""
        bodies = {
            "merge": {"asset_ids": [self.of_alice.ids["asset_id"]]},
            "move": {"file_ids": self.files},
            "move one": {"file_ids": [self.of_alice.ids["stored_file_id"]]},
        }
        path = f"/assets/v1/assets/{self.of_bob.ids['asset_id']}/grouping/{verb.partition(' ')[0]}/"
        answer = self.bob.http.post(path, json=bodies[verb])
        return answer.status_code, answer.text

    def reads(self, who: Caller) -> bool:
        """Whether one reads alice's asset by its own id, with its files."""
        shown = who.http.get(f"/files/v1/assets/{self.of_alice.ids['asset_id']}/files/")
        return shown.status_code == 200 and self.of_alice.ids["stored_file_id"] in shown.text


@pytest.fixture
def three(api: Api) -> ThreeUsers:
    alice, bob, carol = (api.user() for _ in range(3))
    with api.sessions.begin() as session:
        mine, other = make_world(session, alice.id, None), make_world(session, bob.id, carol.id)
        query = select(FileSetFile.file_id).join(FileSet).where(FileSet.asset_id == mine.ids["asset_id"], ~IS_RENDITION)
        return ThreeUsers(alice, bob, carol, mine, other, [str(key) for key in session.scalars(query)])


@pytest.mark.parametrize(
    ("verb", "rights", "missing"),
    [
        ("merge", "read", "write"),
        ("merge", "read write", "delete"),
        ("merge", "read write delete", "change-acl"),
        ("merge", "read write delete change-acl", None),
        ("move", "read write", "delete"),
        ("move", "read write delete", "change-acl"),
        ("move one", "read write", "change-acl"),
        ("move one", "read write change-acl", None),
    ],
)
def test_nobody_takes_an_asset_away_or_opens_it_without_the_right_to(
    three: ThreeUsers, verb: str, rights: str, missing: str | None
) -> None:
    let(three.alice, three.bob, three.of_alice.ids["asset_id"], *rights.split())
    status, said = three.take(verb)
    if missing is not None:
        assert (status, missing in said) == (403, True), said
        assert (three.reads(three.alice), three.reads(three.carol)) == (True, False)
    else:
        assert status == 200, said


def test_assets_with_the_same_rights_are_merged_without_the_right_to_change_these(three: ThreeUsers) -> None:
    source = three.of_alice.ids["asset_id"]
    let(three.alice, three.bob, source, "read", "write", "delete")
    status, made = act(three.alice, three.of_alice, "split", {"file_ids": [three.of_alice.ids["stored_file_id"]]})
    assert status == 201
    assert act(three.bob, three.of_alice, "merge", {"asset_ids": [made["id"]]})[0] == 200
    assert (three.reads(three.alice), three.reads(three.bob), three.reads(three.carol)) == (True, True, False)


def test_what_was_split_off_and_closed_does_not_come_back_by_an_undo(three: ThreeUsers) -> None:
    source = three.of_alice.ids["asset_id"]
    let(three.alice, three.bob, source, "read", "write", "delete")
    status, made = act(three.alice, three.of_alice, "split", {"file_ids": [three.of_alice.ids["stored_file_id"]]})
    assert status == 201
    let(three.alice, three.bob, made["id"], "read")
    assert act(three.bob, three.of_alice, "undo")[0] == 403
    let(three.alice, three.bob, made["id"], "read", "write", "delete")
    assert act(three.bob, three.of_alice, "undo")[0] == 200


def test_what_is_split_off_is_open_to_those_who_read_its_source_through_a_collection(three: ThreeUsers) -> None:
    source = three.of_alice.ids["asset_id"]
    collection = three.alice.http.post("/assets/v1/collections/", json={"title": "dailies"}).json()["id"]
    body = {"object_id": source, "object_type": "assets"}
    three.alice.http.post(f"/assets/v1/collections/{collection}/contents/", json=body)
    rights = f"/acls/v1/users/{three.carol.id}/acl/collections/{collection}/"
    three.alice.http.put(rights, json={"permissions": ["read"]}, params={"propagating": "true"})
    let(three.alice, three.bob, source, "read", "write", "delete")
    status, made = act(three.bob, three.of_alice, "split", {"file_ids": [three.of_alice.ids["stored_file_id"]]})
    assert status == 201
    for who in (three.alice, three.bob, three.carol):
        assert who.http.get(f"/assets/v1/assets/{made['id']}/").status_code == 200
    assert three.take("merge")[0] == 403, "bob's asset is not in that collection"
