"""Policies of the routes of `acls`."""

from tests.api.policy import Policy, administrators_may, all_may, readers_may, writers_may

KEYS = {"object_keys": ["{asset_id}"], "permissions": ["read"], "user_ids": ["{user_id}"]}
CONTENT = {"include_assets": True, "include_collections": True, "object_ids": ["{collection_id}"]}
COLLECTION = {"object_type": "collections", "object_key": "{collection_id}"}

POLICIES: dict[str, Policy] = {
    "POST acls/v1/acl/": all_may(
        200, {"objects": [{"object_keys": ["{asset_id}"], "object_type": "assets", "permissions": ["read"]}]}
    ),
    "GET acls/v1/acl/templates/": all_may(200),
    "POST acls/v1/acl/templates/": administrators_may(201, {"name": "t{unique}"}),
    "GET acls/v1/acl/templates/{template_id}/": all_may(200),
    "PATCH acls/v1/acl/templates/{template_id}/": administrators_may(200, {"name": "t{unique}"}),
    "PUT acls/v1/acl/templates/{template_id}/": administrators_may(200, {"name": "t{unique}"}),
    "DELETE acls/v1/acl/templates/{template_id}/": administrators_may(204),
    "POST acls/v1/acl/templates/{template_id}/{object_type}/{object_key}/": writers_may(200),
    "PUT acls/v1/acl/{object_type}/": all_may(200, KEYS),
    "DELETE acls/v1/acl/{object_type}/": all_may(204, {"object_keys": ["{asset_id}"], "user_ids": ["{user_id}"]}),
    "PUT acls/v1/acl/{object_type}/bulk/": all_may(200, {"objects": [KEYS]}),
    "PUT acls/v1/acl/{object_type}/content/": readers_may(
        202, {**CONTENT, "permissions": ["read"], "user_ids": ["{user_id}"]}, names=COLLECTION
    ),
    "DELETE acls/v1/acl/{object_type}/content/": readers_may(
        200, {**CONTENT, "user_ids": ["{user_id}"]}, names=COLLECTION
    ),
    "GET acls/v1/acl/{object_type}/{object_key}/": readers_may(200),
    "POST acls/v1/acl/{object_type}/{permission}/": all_may(200, {"object_keys": ["{asset_id}"]}),
    "GET acls/v1/acl/{object_type}/{object_key}/permissions/": readers_may(200),
    "GET acls/v1/acl/{object_type}/{object_key}/{permission}/": Policy("200 200 200 403"),
    "GET acls/v1/groups/{group_id}/acl/{object_type}/{object_key}/": readers_may(200),
    "PUT acls/v1/groups/{group_id}/acl/{object_type}/{object_key}/": writers_may(200, {"permissions": ["read"]}),
    "DELETE acls/v1/groups/{group_id}/acl/{object_type}/{object_key}/": writers_may(204),
    "GET acls/v1/users/{user_id}/acl/{object_type}/{object_key}/": readers_may(200),
    "PUT acls/v1/users/{user_id}/acl/{object_type}/{object_key}/": writers_may(200, {"permissions": ["read"]}),
    "DELETE acls/v1/users/{user_id}/acl/{object_type}/{object_key}/": writers_may(204),
}
