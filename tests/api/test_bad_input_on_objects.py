"""Invalid values for existing objects: a clear 4xx that names the field, and no partial writes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Api, Caller
from tests.api.describing import make_field, make_view
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.catalog.test_collections import make as make_collection
from tests.api.routes.shares.sharing import FLAGS

OPTIONS = [{"label": "Day", "value": "day"}]
NOW = datetime.now(UTC)
A, C = "/assets/v1/assets/{asset}", "/assets/v1/collections"
SEGMENTS, VALUES = A + "/segments/", "/metadata/v1/assets/{asset}/views/{view}/"


def set_to(field: str, *values: Any, mode: str = "overwrite") -> dict[str, Any]:
    return {"metadata_values": {field: {"field_values": [{"value": value} for value in values], "mode": mode}}}


def ending(**after: float) -> dict[str, Any]:
    return {**FLAGS, "expires": (NOW + timedelta(**after)).isoformat()}


@dataclass(frozen=True, slots=True)
class Scene:
    """An asset, fields in a view, and a collection in a collection, all of one owner."""

    owner: Caller
    names: dict[str, str]

    def fill(self, given: Any) -> Any:
        """Replace `{name}` by ids, in texts and in their containers."""
        if isinstance(given, dict):
            return {self.fill(key): self.fill(value) for key, value in given.items()}
        if isinstance(given, list):
            return [self.fill(value) for value in given]
        return given.format_map(self.names) if isinstance(given, str) else given


@pytest.fixture(scope="module")
def scene(api: Api) -> Scene:
    admin, owner = api.user(is_admin=True), api.user()
    number = make_field(admin, "integer", min_value=1, max_value=9)
    choice, tag = make_field(admin, "drop_down", options=OPTIONS), make_field(admin, "date")
    top = make_collection(owner, "top")
    names = {
        "asset": str(make_asset(owner, "plate")["id"]),
        "view": make_view(admin, number, {"name": choice, "required": False}, tag),
        "number": number,
        "choice": choice,
        "date": tag,
        "top": top,
        "below": make_collection(owner, "below", top),
        "nothing": str(uuid4()),
    }
    return Scene(owner, names)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("PUT", VALUES, set_to("{number}", 10), 400, "{number}"),
        ("PUT", VALUES, set_to("{number}", "many"), 400, "{number}"),
        ("PUT", VALUES, set_to("{number}", 1, 2), 400, "{number}"),
        ("PUT", VALUES, set_to("{choice}", "night"), 400, "{choice}"),
        ("PUT", VALUES, set_to("{date}", "31 January"), 400, "{date}"),
        ("PUT", VALUES, set_to("nowhere", "x"), 400, "nowhere"),
        ("PUT", VALUES, set_to("{number}", 1, mode="replace"), 400, "{number}"),
        ("PUT", "/metadata/v1/assets/{asset}/views/{nothing}/", set_to("{number}", 1), 404, None),
        (
            "POST",
            SEGMENTS,
            {"segment_type": "COMMENT", "time_end_milliseconds": 5},
            400,
            "time_end_milliseconds",
        ),
        (
            "POST",
            SEGMENTS,
            {"segment_type": "MARKER", "time_start_milliseconds": 9, "time_end_milliseconds": 5},
            400,
            "time_end_milliseconds",
        ),
        ("POST", SEGMENTS, {"segment_type": "SHOUT"}, 400, "segment_type"),
        ("POST", SEGMENTS, {"segment_type": "COMMENT", "parent_id": "{nothing}"}, 400, "parent_id"),
        ("PUT", A + "/approvals/", {"status": "APPROVED"}, 409, None),
        ("PUT", A + "/approvals/", {"status": "MIXED"}, 400, "status"),
        ("POST", A + "/approvals/request/", {"users": ["{nothing}"]}, 400, "users"),
        ("POST", A + "/approvals/request/", {"min_number": 0}, 400, "min_number"),
        ("POST", A + "/approvals/request/", {"externals": ["nobody"]}, 400, "externals"),
        ("POST", A + "/shares/url/", ending(hours=-1), 400, "expires"),
        ("POST", A + "/shares/url/", ending(days=366 * 5 + 2), 400, "expires"),
        ("POST", A + "/shares/", {**FLAGS, "emails": []}, 400, "emails"),
        ("POST", A + "/shares/", {**FLAGS, "emails": ["nobody"]}, 400, "emails"),
        ("POST", A + "/shares/url/", {**FLAGS, "format_ids": ["{nothing}"]}, 400, "format_ids"),
        ("POST", A + "/shares/url/", {**FLAGS, "metadata_views": ["{nothing}"]}, 400, "metadata_views"),
        ("PATCH", C + "/{top}/", {"parent_id": "{below}"}, 409, None),
        ("PATCH", C + "/{top}/", {"parent_id": "{top}"}, 409, None),
        ("POST", C + "/{below}/contents/", {"object_id": "{top}", "object_type": "collections"}, 409, None),
        ("POST", C + "/{top}/contents/", {"object_id": "{nothing}", "object_type": "assets"}, 404, None),
        ("POST", C + "/{top}/contents/", {"object_id": "{asset}", "object_type": "segments"}, 400, "object_type"),
        ("POST", C + "/", {"title": "x", "parent_id": "{nothing}"}, 404, None),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_trace(
    scene: Scene, method: str, path: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    before = state_of(scene)
    answer = scene.owner.http.request(method, scene.fill(path), json=scene.fill(body))
    assert answer.status_code == status, answer.text
    errors = answer.json()["errors"]
    assert list(errors) == [scene.fill(field)] if field is not None else isinstance(errors, list)
    assert state_of(scene) == before


def state_of(scene: Scene) -> list[Any]:
    """The part of it that a client can see."""
    get = scene.owner.http.get
    lists = ("segments/", "shares/", "approvals/request/")
    told = [get(scene.fill(f"{A}/{rest}")).json() for rest in lists]
    values = get(scene.fill(VALUES))
    tree = get(f"{C}/", params={"sort": "title"}).json()["objects"]
    return [told, values.status_code, tree, history_of(scene.owner, scene.names["asset"])]
