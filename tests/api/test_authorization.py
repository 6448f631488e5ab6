"""The authorization matrix: every route of the app, asked by everybody, on their own and on somebody else's objects."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from api.routing import Route, in_order
from api.services.everything import SERVICES
from tests.api.conftest import Api, Caller, Client
from tests.api.policies.everything import POLICIES
from tests.api.policy import Policy
from tests.api.world import World, make_world

ROUTES = {f"{route.method} {route.url.removeprefix('/API/')}": route for route in in_order(SERVICES)}
ROLES = ("administrator", "owner", "reader", "stranger", "nobody")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who asks."""

    administrator: Caller
    owner: Caller
    reader: Caller
    stranger: Caller
    somebody: Caller
    """Owns the other objects."""

    def client(self, api: Api, role: str) -> Client:
        return api.client() if role == "nobody" else getattr(self, role).http


def cast_of(api: Api) -> Cast:
    return Cast(api.user(is_admin=True), *(api.user() for _ in range(4)))


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(POLICIES) == set(ROUTES)


def expected(policy: Policy, role: str, *, is_own: bool) -> int:
    """What somebody hears; on somebody else's object only administrators are more than strangers."""
    if role == "nobody":
        return policy.nobody
    column = role if is_own or role == "administrator" else "stranger"
    return int(policy.codes.split()[ROLES.index(column)])


def worlds(api: Api, cast: Cast, *, is_own: bool) -> Iterator[World]:
    """Fresh objects, as many as are asked for."""
    while True:
        with api.sessions.begin() as session:
            owner, reader = (cast.owner, cast.reader.id) if is_own else (cast.somebody, None)
            world = make_world(session, owner.id, reader)
        yield world


def send(client: Client, route: Route, policy: Policy, world: World) -> int:
    """One request, pointed at the objects of a world."""
    ids = World({**world.ids, **{name: world.fill(value) for name, value in policy.names.items()}})
    body = json.loads(_filled(json.dumps(policy.body), ids)) if policy.body is not None else None
    params = {name: world.fill(value) for name, value in policy.params.items()}
    path = ids.fill(route.url.removeprefix("/API"))
    return client.request(route.method, path, json=body, params=params).status_code


def _filled(text: str, world: World) -> str:
    for name, value in world.ids.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@pytest.mark.parametrize("is_own", [True, False], ids=["own", "other"])
@pytest.mark.parametrize("name", sorted(POLICIES))
def test_each_route_answers_everybody_as_the_policy_says(api: Api, name: str, is_own: bool) -> None:
    policy, route, cast = POLICIES[name], ROUTES[name], cast_of(api)
    fresh = worlds(api, cast, is_own=is_own)
    world, heard, wanted = next(fresh), {}, {}
    for role in reversed(ROLES):
        wanted[role] = expected(policy, role, is_own=is_own)
        heard[role] = send(cast.client(api, role), route, policy, world)
        if heard[role] < 300 and route.method != "GET":
            world = next(fresh)
    assert heard == wanted


def hidden_texts(world: World) -> list[Any]:
    """What a stranger must not find in any answer about these objects."""
    return [world.ids["deleted_id"], world.ids["related_to_asset_id"], world.ids["checksum"]]


@pytest.mark.parametrize("name", sorted(name for name in POLICIES if name.startswith("GET")))
def test_no_list_or_error_tells_a_stranger_of_hidden_objects(api: Api, name: str) -> None:
    policy, route, cast = POLICIES[name], ROUTES[name], cast_of(api)
    world = next(worlds(api, cast, is_own=True))
    ids = World({**world.ids, **{name: world.fill(value) for name, value in policy.names.items()}})
    params = {key: world.fill(value) for key, value in policy.params.items()} | {"per_page": "1000"}
    answer = cast.stranger.http.get(ids.fill(route.url.removeprefix("/API")), params=params)
    asked = str(answer.request.url)
    told = [text for text in hidden_texts(world) if text in answer.text and text not in asked]
    assert told == []
