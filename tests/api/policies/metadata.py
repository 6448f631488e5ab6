"""Policies of `metadata`: every user reads fields and views, values follow the permissions on their object."""

from tests.api.policy import Policy, administrators_may, all_may, readers_may, writers_may

FIELD = {"name": "{unique}", "label": "x", "field_type": "string"}
SPARE = {"field_name": "{spare_field}"}
VIEW = {"name": "x", "view_fields": [{"name": "{field_name}"}]}
CATEGORY = {"name": "{unique}", "label": "x", "view_ids": ["{view_id}"]}
VALUES = {"metadata_values": {"{field_name}": {"field_values": [{"value": "y"}]}}}
SEGMENT = {"object_type": "segments", "object_id": "{described_segment_id}"}
ON_SEGMENT = "metadata/v1/assets/{asset_id}/{object_type}/{object_id}"

POLICIES: dict[str, Policy] = {
    "POST metadata/v1/fields/": administrators_may(201, FIELD),
    "GET metadata/v1/fields/": all_may(200),
    "GET metadata/v1/fields/{field_name}/": all_may(200),
    "PUT metadata/v1/fields/{field_name}/": administrators_may(200, {"label": "y"}),
    "PATCH metadata/v1/fields/{field_name}/": administrators_may(200, {"label": "y"}),
    "DELETE metadata/v1/fields/{field_name}/": administrators_may(204, names=SPARE),
    "POST metadata/v1/views/": administrators_may(201, VIEW),
    "GET metadata/v1/views/": all_may(200),
    "POST metadata/v1/views/reindex/": administrators_may(201, {}),
    "GET metadata/v1/views/{view_id}/": all_may(200),
    "PUT metadata/v1/views/{view_id}/": administrators_may(200, VIEW),
    "PATCH metadata/v1/views/{view_id}/": administrators_may(200, VIEW),
    "DELETE metadata/v1/views/{view_id}/": administrators_may(204),
    "POST metadata/v1/views/{view_id}/reindex/": administrators_may(201, {}),
    "GET metadata/v1/{object_type}/categories/": all_may(200),
    "POST metadata/v1/{object_type}/categories/": administrators_may(201, CATEGORY),
    "GET metadata/v1/{object_type}/categories/{name}/": all_may(200),
    "PUT metadata/v1/{object_type}/categories/{name}/": administrators_may(200, {"label": "y"}),
    "DELETE metadata/v1/{object_type}/categories/{name}/": administrators_may(204),
    "GET metadata/v1/{object_type}/categories/{name}/views/": all_may(200),
    "GET metadata/v1/{object_type}/{object_id}/": readers_may(200),
    "PUT metadata/v1/{object_type}/{object_id}/": Policy("200 403 403 404", VALUES),
    "GET metadata/v1/{object_type}/{object_id}/views/{view_id}/": readers_may(200),
    "PUT metadata/v1/{object_type}/{object_id}/views/{view_id}/": writers_may(200, VALUES),
    # The job reports for each object whether its creator may write it.
    "PUT metadata/v1/{object_type}/views/{view_id}/": all_may(202, {**VALUES, "object_ids": ["{asset_id}"]}),
    "GET metadata/v1/assets/{asset_id}/versions/{version_id}/views/{view_id}/": readers_may(200),
    f"GET {ON_SEGMENT}/views/{{view_id}}/": readers_may(200, names=SEGMENT),
    f"PUT {ON_SEGMENT}/views/{{view_id}}/": writers_may(200, VALUES, names=SEGMENT),
    f"GET {ON_SEGMENT}/versions/{{version_id}}/views/{{view_id}}/": readers_may(200, names=SEGMENT),
}
