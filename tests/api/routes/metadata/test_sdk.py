"""Both clients of the contract against metadata: fields, views and values, through a view, directly and in bulk."""

import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from pythonik.friendly import Iconik
from pythonik.metadata import models as metadata

from tests.api.conftest import Api, Caller
from tests.api.describing import make_segment
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.test_sdk import ok

with warnings.catch_warnings():
    # Frozen code: its models are written for an older pydantic.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pythonik.client import PythonikClient
    from pythonik.models.metadata.fields import FieldCreate, FieldUpdate, IconikFieldType
    from pythonik.models.metadata.views import CreateViewRequest, UpdateViewRequest, ViewField, ViewMetadata


@pytest.fixture
def sdk(api: Api, admin: Caller) -> Iterator[Iconik]:
    """The friendly client of an administrator."""
    with closing(Iconik(admin.app_id, admin.token, base_url=f"{api.root}/API")) as client:
        yield client


def field_of(sdk: Iconik, kind: str, **settings: Any) -> str:
    given = {"name": f"f{uuid4().hex}", "label": "F", "field_type": kind, **settings}
    body = metadata.MetadataFieldCreateSchema.from_dict(given)
    return str(ok(sdk.post_fields_metadata(body=body), 201, metadata.MetadataFieldSchema).name)


def before(name: str) -> str:
    """What a client sends to read on: other tests make more fields than one page holds."""
    return name[:-1]


def values(**given: Any) -> metadata.MetadataValuesSchema:
    said = {name: {"field_values": [{"value": value}]} for name, value in given.items()}
    return metadata.MetadataValuesSchema.from_dict({"metadata_values": said})


def values_in(parsed: Any) -> dict[str, list[Any]]:
    return {
        name: [one["value"] for one in field["field_values"]]
        for name, field in parsed.to_dict()["metadata_values"].items()
    }


def test_fields_and_views(sdk: Iconik) -> None:
    name = field_of(sdk, "drop_down", options=[{"label": "A", "value": "a"}], use_as_facet=True)
    listed = ok(sdk.get_fields_metadata(per_page=500, last_field_name=before(name)), 200, metadata.MetadataFieldsSchema)
    assert name in [field.name for field in listed.objects]
    read = ok(sdk.get_fields_metadata_by_field_name(name), 200, metadata.MetadataFieldSchema)
    read.label = "Changed"
    put = sdk.put_fields_metadata_by_field_name(name, body=read)
    assert ok(put, 200, metadata.MetadataFieldSchema).label == "Changed"
    patch = sdk.patch_fields_metadata_by_field_name(name, body=read)
    assert ok(patch, 200, metadata.MetadataFieldSchema).options[0].value == "a"
    body = metadata.MetadataViewCreateSchema.from_dict({"name": "V", "view_fields": [{"name": name, "label": "Own"}]})
    view = ok(sdk.post_views_metadata(body=body), 201, metadata.MetadataViewSchema)
    assert (view.view_fields[0].label, view.view_fields[0].field_type) == ("Own", "drop_down")
    view_id = str(view.id)
    objects = ok(sdk.get_views_metadata(), 200, metadata.MetadataViewsSchema).objects
    assert view.id in [one.id for one in objects]
    for merges in (True, False):
        ok(sdk.get_view_metadata(view_id, merge_fields=merges), 200, metadata.MetadataViewSchema)
    again = metadata.MetadataViewInputSchema.from_dict({"name": "W", "view_fields": [{"name": name}]})
    assert ok(sdk.put_view_metadata(view_id, body=again), 200, metadata.MetadataViewSchema).name == "W"
    ok(sdk.patch_view_metadata(view_id, body=again), 200, metadata.MetadataViewSchema)
    category = metadata.MetadataCategorySchema.from_dict({"name": uuid4().hex, "label": "C", "view_ids": [view_id]})
    made = sdk.post_object_categories_metadata("assets", body=category)
    ok(made, 201, metadata.MetadataCategorySchema)
    ok(sdk.get_object_categories_metadata("assets"), 200, metadata.MetadataCategoriesSchema)
    views = sdk.get_object_categories_views_metadata_by_name("assets", category.name, writable_only=True)
    assert ok(views, 200, metadata.MetadataCategorySchema).views[0].id == view.id
    ok(sdk.delete_object_categories_metadata_by_name("assets", category.name), 204)
    ok(sdk.delete_view_metadata(view_id), 204)
    ok(sdk.delete_fields_metadata_by_field_name(name), 204)


def test_values_of_every_type(api: Api, admin: Caller, sdk: Iconik) -> None:
    said = {
        **{"string": "a", "string_exact": "B", "text": "c\nd", "integer": 5, "float": 2.5, "boolean": True},
        **{"date": "2024-01-31", "datetime": "2024-01-31T12:00:00.000000+00:00", "drop_down": "x"},
        **{"tag_cloud": "t", "email": "ada@example.org", "url": "https://example.org/"},
    }
    options = {"drop_down": {"options": [{"value": "x", "label": "X"}]}}
    names = {kind: field_of(sdk, kind, **options.get(kind, {})) for kind in said}
    body = metadata.MetadataViewCreateSchema.from_dict(
        {"name": "V", "view_fields": [{"name": name} for name in names.values()]}
    )
    view = str(ok(sdk.post_views_metadata(body=body), 201, metadata.MetadataViewSchema).id)
    asset = make_asset(admin)["id"]
    ok(sdk.get_asset_metadata(asset, view), 404)
    given = {name: said[kind] for kind, name in names.items()}
    put = sdk.put_asset_metadata(asset, view, body=values(**given), ignore_unchanged=True)
    wanted = {name: [value] for name, value in given.items()}
    assert values_in(ok(put, 200, metadata.MetadataValuesSchema)) == wanted
    assert values_in(ok(sdk.get_asset_metadata(asset, view), 200, metadata.MetadataValuesSchema)) == wanted
    version = sdk.get_asset_version_view_metadata(asset, asset, view, reencode_values_to_string=True)
    assert values_in(ok(version, 200, metadata.MetadataValuesSchema))[names["integer"]] == ["5"]
    direct = ok(sdk.get_object_metadata_direct("assets", asset), 200, metadata.GetByObjectTypeByObjectIdResponse200)
    assert direct.additional_properties[names["boolean"]].values[0].value is True
    directly = sdk.put_object_metadata_direct("assets", asset, body=values(**{names["integer"]: 6}))
    ok(directly, 200, metadata.MetadataValuesSchema)
    batch = metadata.MetadataValuesBatchSchema.from_dict(
        {"object_ids": [asset], "metadata_values": values(**{names["integer"]: 7}).to_dict()["metadata_values"]}
    )
    ok(sdk.put_asset_metadata_bulk(view, body=batch), 202)
    segment = make_segment(api, admin, asset)
    put = sdk.put_segment_metadata(segment, view, body=values(**{names["string"]: "on"}))
    ok(put, 200, metadata.MetadataValuesSchema)
    part = values(**{names["string"]: "off"})
    put = sdk.put_asset_object_view_metadata(asset, "segments", segment, view, body=part)
    ok(put, 200, metadata.MetadataValuesSchema)
    read = sdk.get_asset_object_view_metadata(asset, "segments", segment, view)
    assert values_in(ok(read, 200, metadata.MetadataValuesSchema))[names["string"]] == ["off"]


def test_the_older_client(api: Api, admin: Caller) -> None:
    client = PythonikClient(app_id=admin.app_id, auth_token=admin.token, timeout=10, base_url=api.root)
    spec, asset, name = client.metadata(), make_asset(admin)["id"], f"f{uuid4().hex}"

    def data(response: Any) -> Any:
        assert response.response.ok, response.response.text
        return response.data

    new = FieldCreate(name=name, label="F", field_type=IconikFieldType.INTEGER, min_value=1, max_value=9)
    assert data(spec.create_field(new)).name == name
    assert data(spec.update_field(name, FieldUpdate(label="G"))).label == "G"
    assert name in [field.name for field in data(spec.list_fields(last_field_name=before(name))).objects]
    view = data(spec.create_view(CreateViewRequest(name="V", view_fields=[ViewField(name=name)])))
    assert (view.view_fields[0].min_value, view.view_fields[0].max_value) == (1, 9)
    assert data(spec.update_view(view.id, UpdateViewRequest(name="W"))).name == "W"
    assert data(spec.get_view(view.id)).date_created
    assert view.id in [one.id for one in data(spec.get_views()).objects]
    nothing = ViewMetadata()
    for asked in (
        spec.get_asset_metadata(asset, view.id, intercept_404=nothing),
        spec.get_asset_metadata_direct(asset, intercept_404=nothing),
    ):
        assert asked.data is nothing
    sent = {"metadata_values": {name: {"field_values": [{"value": 5}]}}}
    assert data(spec.update_asset_metadata(asset, view.id, sent)).metadata_values[name]
    data(spec.put_metadata_direct("assets", asset, sent))
    for asked in (spec.get_asset_metadata(asset, view.id), spec.get_asset_metadata_direct(asset)):
        assert data(asked).metadata_values[name].field_values[0].value == 5
    assert spec.delete_view(view.id).response.status_code == 204
    assert spec.delete_field(name).response.status_code == 204
    client.session.close()
