"""Helpers to create fields and views, and to write an object's metadata through them."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from models.catalog.segment import SegmentType
from services.catalog.segments.segments import NewSegment, add_segments
from tests.api.conftest import Api, Caller

BASE = "/metadata/v1"


def make_field(admin: Caller, field_type: str = "string", **settings: Any) -> str:
    """Create a field with a unique name; its label is `Label` by default."""
    name = settings.pop("name", f"f_{uuid4().hex}")
    body = {"name": name, "label": "Label", "field_type": field_type, **settings}
    answer = admin.http.post(f"{BASE}/fields/", json=body)
    assert answer.status_code == 201, answer.text
    return name


def make_view(admin: Caller, *fields: str | dict[str, Any], **settings: Any) -> str:
    """A view of fields, each by its name or with what the view says otherwise."""
    shown = [{"name": one} if isinstance(one, str) else one for one in fields]
    answer = admin.http.post(f"{BASE}/views/", json={"name": "View", "view_fields": shown, **settings})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def make_segment(api: Api, caller: Caller, asset: str) -> str:
    """A comment of the caller's on an asset."""
    new = NewSegment(SegmentType.COMMENT, {"segment_text": "dark"})
    with api.sessions.begin() as session:
        return str(add_segments(session, caller.actor, UUID(asset), [new])[0].id)


def said(values: Any, mode: str | None = None) -> dict[str, Any]:
    """One field as a client sends it: a value or a list of them."""
    many = values if isinstance(values, list) else [values]
    return {"field_values": [{"value": value} for value in many]} | ({"mode": mode} if mode else {})


def put(caller: Caller, object_id: str, view: str | None, values: dict[str, Any], **params: Any) -> httpx.Response:
    """Write an object's values, through a view or directly; values by field, plain or as `said`."""
    sent = {name: one if isinstance(one, dict) else said(one) for name, one in values.items()}
    place = f"{BASE}/assets/{object_id}/" + (f"views/{view}/" if view else "")
    return caller.http.put(place, json={"metadata_values": sent}, params=params)


def put_well(caller: Caller, object_id: str, view: str | None, values: dict[str, Any], **params: Any) -> dict[str, Any]:
    """Write values and require success."""
    answer = put(caller, object_id, view, values, **params)
    assert answer.status_code == 200, answer.text
    return plain(answer.json())


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """Lists of values by field."""
    return {name: [one["value"] for one in field["field_values"]] for name, field in body["metadata_values"].items()}


def values_of(caller: Caller, object_id: str, view: str, **params: Any) -> dict[str, Any]:
    """Return an asset's values, through a view."""
    answer = caller.http.get(f"{BASE}/assets/{object_id}/views/{view}/", params=params)
    assert answer.status_code == 200, answer.text
    return plain(answer.json())


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the messages of a rejected write, by field."""
    assert answer.status_code == 400, answer.text
    errors: dict[str, str] = answer.json()["errors"]
    return errors
