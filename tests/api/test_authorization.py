"""The authorization matrix: every route of the app, called in every role, on own and on other users' objects."""

import json
from dataclasses import dataclass, field

import pytest

from api.registry import ROUTE_GROUPS
from asgi.routing import ApiRoute, sort_routes
from tests.api.conftest import Api, Caller, Client
from tests.api.policies.registry import POLICIES
from tests.api.policy import Policy
from tests.api.world.objects import World, make_world

ROUTES = {f"{route.method} {route.url.removeprefix('/API/')}": route for route in sort_routes(ROUTE_GROUPS)}
ROLES = ("administrator", "owner", "reader", "stranger", "nobody", "guest")
CLOSED = (403, 404)
"""Status codes for a guest without access."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The callers by role."""

    administrator: Caller
    owner: Caller
    reader: Caller
    stranger: Caller
    somebody: Caller
    """Owns the other objects."""

    def world(self, api: Api, *, is_own: bool) -> World:
        """Whether the objects belong to the owner, and are readable by the reader, or belong to another user."""
        owner, reader = (self.owner, self.reader.id) if is_own else (self.somebody, None)
        with api.sessions.begin() as session:
            return make_world(session, owner.id, reader)

    def client(self, api: Api, role: str, own: World) -> Client:
        """The client of a role; a guest has a share of the owner's object."""
        if role == "guest":
            return api.client(**{"App-ID": own.ids["share_id"], "Auth-Token": own.ids["guest_token"]})
        return api.client() if role == "nobody" else getattr(self, role).http


def cast_of(api: Api) -> Cast:
    return Cast(api.user(is_admin=True), *(api.user() for _ in range(4)))


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(POLICIES) == set(ROUTES)


def expected(policy: Policy, role: str, route: ApiRoute, *, is_own: bool) -> tuple[int, ...]:
    """Return the expected status code; on another user's object every role except administrators is a stranger."""
    if role == "nobody" or (role == "guest" and route.public):
        return (policy.nobody,)
    if role == "guest":
        return (policy.guest,) if policy.guest and (is_own or not policy.is_of_object) else CLOSED
    column = role if is_own or role == "administrator" else "stranger"
    return (int(policy.codes.split()[ROLES.index(column)]),)


@dataclass(slots=True)
class Shared:
    """Users and objects of all routes, because creating them is most of the work."""

    cast: Cast
    own: World
    other: World
    used: dict[bool, World] = field(default_factory=dict)
    """Objects that allowed requests have changed, of the owner and of another user."""

    def untouched(self, *, is_own: bool) -> World:
        """Objects that no request has changed: only for requests that read, or are refused."""
        return self.own if is_own else self.other


def shared_of(api: Api, cast: Cast) -> Shared:
    return Shared(cast, cast.world(api, is_own=True), cast.world(api, is_own=False))


@pytest.fixture(scope="module")
def shared_by_module(api: Api) -> list[Shared]:
    """One, which a test replaces whose request changes the objects of all."""
    return [shared_of(api, cast_of(api))]


@pytest.fixture
def shared(shared_by_module: list[Shared]) -> Shared:
    return shared_by_module[0]


def send(client: Client, route: ApiRoute, policy: Policy, world: World) -> int:
    """One request for the objects of a world."""
    ids = World({**world.ids, **{name: world.fill(value) for name, value in policy.names.items()}})
    body = json.loads(_filled(json.dumps(policy.body), ids)) if policy.body is not None else None
    params = {name: world.fill(value) for name, value in policy.params.items()}
    path = ids.fill(route.url.removeprefix("/API"))
    return client.request(route.method, path, json=body, params=params).status_code


def _filled(text: str, world: World) -> str:
    for name, value in world.ids.items():
        text = text.replace(f"{{{name}}}", value)
    return text


CHANGES_PEOPLE = ("/API/auth/", "/API/users/")


@pytest.mark.parametrize("is_own", [True, False], ids=["own", "other"])
@pytest.mark.parametrize("name", sorted(POLICIES))
def test_each_route_answers_everybody_as_the_policy_says(
    api: Api, shared: Shared, shared_by_module: list[Shared], name: str, is_own: bool
) -> None:
    policy, route = POLICIES[name], ROUTES[name]
    reads = route.method == "GET"
    if route.url.startswith(CHANGES_PEOPLE) and not reads:
        shared = shared_of(api, cast_of(api))
    heard, wanted = {}, {}
    for role in reversed(ROLES):
        may_hear = expected(policy, role, route, is_own=is_own)
        if reads or min(may_hear) >= 300:
            client = shared.cast.client(api, role, shared.own)
            heard[role] = send(client, route, policy, shared.untouched(is_own=is_own))
        else:
            heard[role] = send_allowed(api, shared, name, role, may_hear, is_own=is_own)
        wanted[role] = heard[role] if heard[role] in may_hear else may_hear
    assert heard == wanted
    if route.url.endswith("/all/"):
        shared_by_module[0] = shared_of(api, shared.cast)


def send_allowed(api: Api, shared: Shared, name: str, role: str, may_hear: tuple[int, ...], *, is_own: bool) -> int:
    """Send a request that changes something: on objects that earlier ones left, or else, as these may be gone, on new
    ones."""

    def heard() -> int:
        world = shared.used[is_own]
        client = shared.cast.client(api, role, world if is_own else shared.own)
        return send(client, ROUTES[name], POLICIES[name], world)

    if is_own in shared.used and (code := heard()) in may_hear:
        return code
    shared.used[is_own] = shared.cast.world(api, is_own=is_own)
    return heard()


OPEN_ELSEWHERE = {
    "DELETE assets/v1/assets/{asset_id}/segments/{segment_id}/",
    "GET assets/v1/collections/{collection_id}/",
    "GET assets/v1/collections/{collection_id}/contents/",
    "GET files/v1/assets/{asset_id}/files/{file_id}/download_url/",
    "GET files/v1/assets/{asset_id}/formats/{format_id}/download_url/",
    "GET metadata/v1/{object_type}/{object_id}/views/{view_id}/",
    "PATCH assets/v1/assets/{asset_id}/segments/{segment_id}/",
    "PUT assets/v1/assets/{asset_id}/segments/{segment_id}/",
}
"""Open to guests, but not of this asset's share, or without files on a disk: covered by other tests."""


def test_only_what_a_row_or_this_page_says_is_open_to_people_outside() -> None:
    open_routes = {name for name, route in ROUTES.items() if route.guests}
    assert open_routes == {name for name, policy in POLICIES.items() if policy.guest} | OPEN_ELSEWHERE


WORDS = {"object_type", "permission", "purpose"}
"""Names in URLs that are not secret."""
KNOWN_TO_ALL = WORDS | {
    *("field_name", "group_id", "me", "name", "relation_type", "spare_field", "spare_type", "template_id", "user_id"),
    "view_id",
}
"""Names that every authenticated user may list: users, and what administrators configure."""
KNOWN_TO_GUESTS = WORDS | {
    *("asset_id", "component_id", "file_id", "file_set_id", "format_id", "keyframe_id", "object_id", "object_key"),
    *("checksum", "described_segment_id", "described_text", "media_file_id", "proxy_id", "segment_id", "segment_text"),
    *("guest_session", "guest_token", "share_email", "share_id", "share_title", "share_user_id"),
    *("me", "one_title", "stored_file_id", "transcodable_format_id", "version_id"),
}
"""What a share that allows everything shows: its asset, and the authors of its comments."""


def told_of(client: Client, world: World, name: str, known: set[str]) -> set[str]:
    """Names in an answer that were not in the request and that the caller may not know."""
    policy, route = POLICIES[name], ROUTES[name]
    ids = World({**world.ids, **{name: world.fill(value) for name, value in policy.names.items()}})
    params = {key: world.fill(value) for key, value in policy.params.items()} | {"per_page": "1000"}
    answer = client.get(ids.fill(route.url.removeprefix("/API")), params=params)
    asked = str(answer.request.url)
    hidden = {key: text for key, text in world.ids.items() if key not in known and text not in asked}
    return {key for key, text in hidden.items() if text in answer.text}


LISTING = sorted(name for name in POLICIES if name.startswith("GET"))


@pytest.mark.parametrize("name", LISTING)
def test_no_list_or_error_tells_a_stranger_of_hidden_objects(shared: Shared, name: str) -> None:
    assert told_of(shared.cast.stranger.http, shared.own, name, KNOWN_TO_ALL) == set()


@pytest.mark.parametrize("name", LISTING)
def test_no_list_or_error_tells_a_guest_of_what_was_not_shared(api: Api, shared: Shared, name: str) -> None:
    guest = shared.cast.client(api, "guest", shared.own)
    assert told_of(guest, shared.own, name, KNOWN_TO_GUESTS) == set()


def test_whoever_reads_the_objects_is_told_of_them(api: Api) -> None:
    """Without this check the tests above might never find anything."""
    cast = cast_of(api)
    world, told = cast.world(api, is_own=True), set()
    for name in LISTING:
        asker = cast.administrator if POLICIES[name].codes.split()[1] == "403" else cast.owner
        told |= told_of(asker.http, world, name, KNOWN_TO_ALL)
    assert world.ids.keys() - told == KNOWN_TO_ALL | {"guest_session", "guest_token", "unique"}
