"""Fields, views and categories over HTTP: created by administrators, readable by every user."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from models.access.audit_log import AuditEntry
from tests.api.conftest import Api, Caller
from tests.api.describing import BASE, faults, make_field, make_view

TYPES = (
    *("string", "string_exact", "text", "integer", "float", "boolean"),
    *("date", "datetime", "drop_down", "tag_cloud", "email", "url"),
)


@pytest.mark.parametrize("field_type", TYPES)
def test_a_field_of_each_type_is_read_as_it_was_made(admin: Caller, owner: Caller, field_type: str) -> None:
    name = make_field(admin, field_type, label="Größe", required=True, use_as_facet=True, description="d")
    field = owner.http.get(f"{BASE}/fields/{name}/").json()
    wanted = {"name": name, "label": "Größe", "field_type": field_type, "required": True, "use_as_facet": True}
    assert {key: field[key] for key in wanted} == wanted
    assert (field["description"], field["multi"], field["read_only"], field["options"]) == ("d", False, False, [])


def test_a_field_that_was_read_can_be_written_back(admin: Caller) -> None:
    name = make_field(admin, "integer", min_value=1, max_value=10, external_id="x")
    field = admin.http.get(f"{BASE}/fields/{name}/").json()
    assert (field["min_value"], field["max_value"]) == (1, 10)
    again = admin.http.put(f"{BASE}/fields/{name}/", json=field)
    assert (again.status_code, again.json()) == (200, field)


def test_what_is_sent_changes_and_null_takes_away(admin: Caller) -> None:
    name = make_field(admin, "drop_down", options=[{"value": "a"}, {"value": "b", "label": "B"}], description="d")
    changed = admin.http.patch(f"{BASE}/fields/{name}/", json={"description": None, "multi": True}).json()
    assert (changed["description"], changed["multi"]) == (None, True)
    assert changed["options"] == [{"label": "a", "value": "a"}, {"label": "B", "value": "b"}]
    assert changed["date_modified"] > changed["date_created"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": " a"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"field_type": "colour"}, "field_type"),
        ({"label": ""}, "label"),
        ({"field_type": "string", "min_value": 1}, "min_value"),
        ({"field_type": "integer", "min_value": 2, "max_value": 1}, "max_value"),
        ({"field_type": "float", "max_value": "much"}, "max_value"),
        ({"field_type": "string", "options": [{"value": "a"}]}, "options"),
        ({"field_type": "drop_down", "options": [{"label": "a"}]}, "options.0.value"),
        ({"field_type": "drop_down", "options": [{"value": "a"}, {"value": "a"}]}, "options.1.value"),
        ({"field_type": "drop_down", "options": ["a"]}, "options.0"),
        ({"field_type": "drop_down", "source_url": "javascript:x"}, "source_url"),
        (
            {"field_type": "drop_down", "options": [{"value": "a"}], "source_url": "https://example.org/"},
            "source_url",
        ),
        ({"label": "a\0b"}, "body"),
    ],
)
def test_a_field_that_reads_wrong_is_refused(admin: Caller, body: dict[str, Any], field: str) -> None:
    whole = {"name": f"n{uuid4().hex}", "label": "x", "field_type": "string", **body}
    assert list(faults(admin.http.post(f"{BASE}/fields/", json=whole))) == [field]


def test_name_and_type_of_a_field_stay_for_good(admin: Caller) -> None:
    name = make_field(admin, "string")
    assert admin.http.post(f"{BASE}/fields/", json=_field(name)).status_code == 409
    for fixed in ({"field_type": "text"}, {"name": "other"}):
        assert list(faults(admin.http.patch(f"{BASE}/fields/{name}/", json=fixed))) == list(fixed)


def _field(name: str, field_type: str = "string") -> dict[str, str]:
    return {"name": name, "label": "x", "field_type": field_type}


def test_fields_are_listed_by_name_from_behind_the_last_one(admin: Caller, owner: Caller) -> None:
    prefix = f"p{uuid4().hex}"
    names = [make_field(admin, "string", name=f"{prefix}_{letter}") for letter in "Zaé"]
    seen, last = [], prefix
    while last:
        page = owner.http.get(f"{BASE}/fields/", params={"per_page": 2, "last_field_name": last}).json()
        seen += [field["name"] for field in page["objects"] if field["name"].startswith(prefix)]
        last = page["objects"][-1]["name"] if page["next_url"] else None
    assert seen == names
    facets = owner.http.get(f"{BASE}/fields/", params={"filter": f"name,eq,{names[0]};use_as_facet,eq,false"}).json()
    assert ([field["name"] for field in facets["objects"]], facets["total"]) == ([names[0]], 1)


def test_a_view_says_of_a_field_what_it_wants_otherwise(admin: Caller, owner: Caller) -> None:
    plain = make_field(admin, "integer", label="Number", min_value=1)
    choice = make_field(admin, "drop_down", options=[{"value": "a"}, {"value": "b"}])
    view = make_view(admin, {"name": choice, "options": [{"value": "b"}], "required": True, "label": "Choose"}, plain)
    merged = owner.http.get(f"{BASE}/views/{view}/").json()["view_fields"]
    assert [(one["name"], one["label"], one["required"]) for one in merged] == [
        (choice, "Choose", True),
        (plain, "Number", False),
    ]
    assert (merged[0]["options"], merged[1]["min_value"]) == ([{"label": "b", "value": "b"}], 1)
    alone = owner.http.get(f"{BASE}/views/{view}/", params={"merge_fields": False}).json()["view_fields"]
    assert [(one["required"], one["label"]) for one in alone] == [(True, "Choose"), (None, "Number")]
    assert owner.http.get(f"{BASE}/fields/{choice}/").json()["label"] == "Label"


def test_the_fields_of_a_view_are_set_as_one(admin: Caller) -> None:
    first, second = make_field(admin), make_field(admin)
    view = make_view(admin, first, second, description="d")
    turned = admin.http.patch(f"{BASE}/views/{view}/", json={"view_fields": [{"name": second}, {"name": first}]}).json()
    assert [one["name"] for one in turned["view_fields"]] == [second, first]
    renamed = admin.http.put(f"{BASE}/views/{view}/", json={"name": "Other", "description": None}).json()
    assert (renamed["name"], renamed["description"], len(renamed["view_fields"])) == ("Other", None, 2)
    written_back = admin.http.put(f"{BASE}/views/{view}/", json=renamed).json()
    assert written_back["view_fields"] == renamed["view_fields"]


def test_a_view_of_fields_that_are_not_there_is_not_made(admin: Caller) -> None:
    field = make_field(admin)
    body = {"name": "x", "view_fields": [{"name": field}, {"name": "none"}, {"name": field}]}
    before = len(admin.http.get(f"{BASE}/views/").json()["objects"])
    refused = admin.http.post(f"{BASE}/views/", json=body)
    assert list(faults(refused)) == ["view_fields.1.name", "view_fields.2.name"]
    assert len(admin.http.get(f"{BASE}/views/").json()["objects"]) == before


def test_views_are_listed_with_what_is_asked_for(admin: Caller, owner: Caller) -> None:
    view = make_view(admin, make_field(admin), description="d")

    def listed(**params: str) -> dict[str, Any]:
        objects = owner.http.get(f"{BASE}/views/", params=params).json()["objects"]
        return next(one for one in objects if one["id"] == view)

    assert listed()["description"] == "d"
    assert set(listed(include_fields="description")) == {"id", "name", "view_fields", "description"}
    assert "description" not in listed(exclude_fields="description,name")


def test_a_removed_field_leaves_its_views_and_a_removed_view_its_categories(admin: Caller, owner: Caller) -> None:
    gone, stays = make_field(admin), make_field(admin)
    view, other = make_view(admin, gone, stays), make_view(admin, stays)
    name = f"c{uuid4().hex}"
    made = admin.http.post(f"{BASE}/assets/categories/", json={"name": name, "label": "C", "view_ids": [view, other]})
    assert (made.status_code, made.json()["view_ids"]) == (201, [view, other])
    assert admin.http.delete(f"{BASE}/fields/{gone}/").status_code == 204
    assert owner.http.get(f"{BASE}/fields/{gone}/").status_code == 404
    assert [one["name"] for one in owner.http.get(f"{BASE}/views/{view}/").json()["view_fields"]] == [stays]
    assert admin.http.delete(f"{BASE}/views/{other}/").status_code == 204
    category = owner.http.get(f"{BASE}/assets/categories/{name}/views/").json()
    assert (category["view_ids"], [one["id"] for one in category["views"]]) == ([view], [view])


def test_categories_name_views_for_a_kind_of_object(admin: Caller, owner: Caller) -> None:
    field = make_field(admin)
    closed, opened = make_view(admin, field, write_access_for_everyone=False), make_view(admin, field)
    body = {"name": f"c{uuid4().hex}", "label": "C", "view_ids": [closed, opened]}
    address = f"{BASE}/collections/categories/{body['name']}/"
    assert admin.http.post(f"{BASE}/collections/categories/", json=body).status_code == 201
    assert admin.http.post(f"{BASE}/collections/categories/", json=body).status_code == 409
    assert owner.http.get(f"{BASE}/assets/categories/{body['name']}/").status_code == 404
    listed = owner.http.get(f"{BASE}/collections/categories/").json()["objects"]
    assert body["name"] in [one["name"] for one in listed]
    writable = owner.http.get(f"{address}views/", params={"writable_only": True}).json()["views"]
    assert [view["id"] for view in writable] == [opened]
    changed = admin.http.put(address, json={"label": "D"}).json()
    assert (changed["label"], changed["view_ids"]) == ("D", [closed, opened])
    unknown = admin.http.put(address, json={"label": "D", "view_ids": [str(uuid4())]})
    assert list(faults(unknown)) == ["view_ids.0"]
    assert admin.http.delete(address).status_code == 204
    assert list(faults(owner.http.get(f"{BASE}/planets/categories/"))) == ["object_type"]


def test_changes_of_fields_and_views_are_in_the_audit_log(api: Api, admin: Caller) -> None:
    name = make_field(admin, "drop_down", options=[{"value": "a"}])
    admin.http.patch(f"{BASE}/fields/{name}/", json={"label": "New", "options": [{"value": "a"}, {"value": "b"}]})
    view = make_view(admin, name)
    admin.http.delete(f"{BASE}/views/{view}/")
    admin.http.delete(f"{BASE}/fields/{name}/")
    with api.sessions() as session:
        told = session.scalars(
            select(AuditEntry.description)
            .where(AuditEntry.object_id.in_([name, view]), AuditEntry.user_id == admin.id)
            .order_by(AuditEntry.id)
        ).all()
    assert told == [
        f'metadata field "{name}" (drop_down) was created',
        f'metadata field "{name}": label changed from "Label" to "New"; 1 options became 2',
        'metadata view "View" was created',
        'metadata view "View" was removed',
        f'metadata field "{name}" was removed; its values are kept',
    ]
