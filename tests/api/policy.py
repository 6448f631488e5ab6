"""Who may do what over HTTP: one row a route, in one table. A route without a row fails a test.

The four codes are what an administrator, the owner of the object, somebody who may read it, and a stranger hear.
Nobody (no token) hears 401 everywhere but where `nobody` says otherwise. On an object of somebody else, owner and
reader are strangers.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Policy:
    """One row: what each caller hears, with a body and an address that would succeed for the first of them."""

    codes: str
    body: Any = None
    params: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Other ids for names in the address."""
    nobody: int = 401


ALL_MAY, READ, WRITE = "{0} {0} {0} {0}", "{0} {0} {0} 404", "{0} {0} 403 404"


def all_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Everybody who is signed in."""
    return Policy(ALL_MAY.format(code), body, **more)


def readers_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Whoever reads the object."""
    return Policy(READ.format(code), body, **more)


def writers_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Whoever writes (or deletes, or gives rights on) the object."""
    return Policy(WRITE.format(code), body, **more)


def administrators_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Administrators, and nobody else."""
    return Policy(f"{code} 403 403 403", body, **more)


KEYS = {"object_keys": ["{asset_id}"], "permissions": ["read"], "user_ids": ["{user_id}"]}
CONTENT = {"include_assets": True, "include_collections": True, "object_ids": ["{asset_id}"]}
RELATION = {"related_to_asset_id": "{related_to_asset_id}", "relation_type": "{spare_type}"}
TYPE = {"name": "k{unique}", "source_label": "s", "destination_label": "d"}
SPARE = {"relation_type": "{spare_type}"}
COMPONENT = {"name": "v", "type": "VIDEO"}
STEP = {"id": "{job_step_id}", "label": "a", "status": "DONE"}
JOB = {"title": "j", "type": "CUSTOM", "status": "STARTED"}
STORAGE = {"name": "s{unique}", "method": "FILE", "purpose": "FILES"}
DELETED_IDS = {"ids": ["{deleted_id}"]}

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
    "PUT acls/v1/acl/{object_type}/content/": all_may(501, {**CONTENT, "permissions": ["read"]}),
    "DELETE acls/v1/acl/{object_type}/content/": all_may(501, CONTENT),
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
    "POST assets/v1/assets/": all_may(201, {"title": "x"}),
    "GET assets/v1/assets/": all_may(200),
    "POST assets/v1/assets/relation_types/": administrators_may(201, TYPE),
    "GET assets/v1/assets/relation_types/": all_may(200),
    "GET assets/v1/assets/relation_types/{relation_type}/": all_may(200),
    "PUT assets/v1/assets/relation_types/{relation_type}/": administrators_may(200, TYPE),
    "DELETE assets/v1/assets/relation_types/{relation_type}/": administrators_may(204, names=SPARE),
    "GET assets/v1/assets/{asset_id}/": readers_may(200),
    "PATCH assets/v1/assets/{asset_id}/": writers_may(200, {"title": "x"}),
    "PUT assets/v1/assets/{asset_id}/": writers_may(200, {"title": "x"}),
    "DELETE assets/v1/assets/{asset_id}/": writers_may(204),
    "GET assets/v1/assets/{asset_id}/history/": readers_may(200),
    "POST assets/v1/assets/{asset_id}/history/": writers_may(201, {"operation_type": "CUSTOM"}),
    "GET assets/v1/assets/{asset_id}/history/{history_entity_id}/": readers_may(200),
    "DELETE assets/v1/assets/{asset_id}/history/{history_entity_id}/": Policy("403 403 403 404"),
    "POST assets/v1/assets/{asset_id}/reindex/": writers_may(201, {}),
    "POST assets/v1/assets/{asset_id}/grouping/split/": writers_may(201, {"file_ids": ["{stored_file_id}"]}),
    "POST assets/v1/assets/{asset_id}/grouping/merge/": writers_may(200, {"asset_ids": ["{related_to_asset_id}"]}),
    "POST assets/v1/assets/{asset_id}/grouping/move/": writers_may(200, {"file_ids": ["{other_stored_file_id}"]}),
    "POST assets/v1/assets/{asset_id}/grouping/undo/": Policy("409 409 403 404"),
    "POST assets/v1/assets/{asset_id}/relations/": writers_may(201, RELATION),
    "GET assets/v1/assets/{asset_id}/relations/": readers_may(200),
    "GET assets/v1/assets/{asset_id}/relations/{relation_type}/": readers_may(200),
    "POST assets/v1/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/": writers_may(
        201, {}, names=SPARE
    ),
    "DELETE assets/v1/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/": writers_may(204),
    "POST assets/v1/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/reverse/": writers_may(200),
    "PUT assets/v1/assets/{asset_id}/restore/": writers_may(204, names={"asset_id": "{deleted_id}"}),
    "GET assets/v1/assets/recent/": all_may(200),
    "POST assets/v1/assets/reindex/": administrators_may(201, {}),
    "GET assets/v1/delete_queue/assets/": all_may(200),
    "POST assets/v1/delete_queue/assets/": writers_may(204, {"ids": ["{asset_id}"]}),
    "DELETE assets/v1/delete_queue/assets/": writers_may(204, DELETED_IDS),
    "POST assets/v1/delete_queue/assets/purge/": writers_may(204, DELETED_IDS),
    "POST assets/v1/delete_queue/assets/purge/all/": administrators_may(204),
    "POST assets/v1/delete_queue/assets/restore/all/": administrators_may(204),
    "POST assets/v1/delete_queue/bulk/": writers_may(202, {"object_ids": ["{asset_id}"], "object_type": "assets"}),
    "POST assets/v1/delete_queue/purge/all/": administrators_may(204),
    "POST auth/v1/apps/": all_may(201, {"name": "a"}),
    "GET auth/v1/apps/": all_may(200),
    "POST auth/v1/apps/{app_id}/token/": Policy("404 201 404 404"),
    "POST auth/v1/auth/simple/login/": Policy(
        "401 401 401 401", {"email": "{unique}@example.org", "password": "wrong"}, nobody=401
    ),
    "POST auth/v1/auth/token/": all_may(201),
    "PUT auth/v1/auth/token/": all_may(200),
    "GET auth/v1/auth/token/": all_may(200),
    "DELETE auth/v1/auth/token/": all_may(204),
    "GET auth/v1/auth/token/{token_id}/": Policy("200 200 404 404"),
    "DELETE auth/v1/auth/token/{token_id}/": Policy("204 204 404 404"),
    "GET auth/v1/auth/tokens/": all_may(200),
    "POST files/v1/assets/{asset_id}/file_sets/": writers_may(201, {"name": "x", "format_id": "{format_id}"}),
    "GET files/v1/assets/{asset_id}/file_sets/": readers_may(200),
    "DELETE files/v1/assets/{asset_id}/file_sets/{file_set_id}/": writers_may(204),
    "GET files/v1/assets/{asset_id}/file_sets/{file_set_id}/files/": readers_may(200),
    "POST files/v1/assets/{asset_id}/files/": writers_may(
        201, {"original_name": "y", "file_set_id": "{file_set_id}", "type": "FILE"}
    ),
    "GET files/v1/assets/{asset_id}/files/": readers_may(200),
    "GET files/v1/assets/{asset_id}/files/{file_id}/": readers_may(200),
    "PATCH files/v1/assets/{asset_id}/files/{file_id}/": writers_may(200, {"status": "CLOSED"}),
    "DELETE files/v1/assets/{asset_id}/files/{file_id}/": writers_may(204),
    # Declared files are on no disk of ours, so whoever reads hears the same as strangers.
    "GET files/v1/assets/{asset_id}/files/{file_id}/download_url/": Policy("404 404 404 404"),
    "GET files/v1/downloads/{token_id}/{asset_id}/{file_id}/{until}/{signature}/": Policy(
        "404 404 404 404", names={"until": "9999999999", "signature": "0"}, nobody=404
    ),
    "POST files/v1/assets/{asset_id}/formats/": writers_may(201, {"name": "x"}),
    "GET files/v1/assets/{asset_id}/formats/": readers_may(200),
    "GET files/v1/assets/{asset_id}/formats/{format_id}/": readers_may(200),
    "PATCH files/v1/assets/{asset_id}/formats/{format_id}/": writers_may(200, {"name": "x"}),
    "DELETE files/v1/assets/{asset_id}/formats/{format_id}/": writers_may(204),
    "POST files/v1/assets/{asset_id}/formats/{format_id}/components/": writers_may(200, COMPONENT),
    "GET files/v1/assets/{asset_id}/formats/{format_id}/components/": readers_may(200),
    "PUT files/v1/assets/{asset_id}/formats/{format_id}/components/{component_id}/": writers_may(200, COMPONENT),
    "GET files/v1/files/checksum/{checksum}/": all_may(200),
    "POST files/v1/files/storages/{storage_id}/": Policy("404 404 404 404", {"directory_path": "a", "file_name": "b"}),
    "POST files/v1/storages/": Policy("400 403 403 403", STORAGE),
    "GET files/v1/storages/": all_may(200),
    "GET files/v1/storages/matching/{purpose}/": readers_may(200, params={"storage_id": "{storage_id}"}),
    "GET files/v1/storages/{storage_id}/": readers_may(200),
    "PATCH files/v1/storages/{storage_id}/": Policy("200 403 403 404", STORAGE),
    "PUT files/v1/storages/{storage_id}/": Policy("200 403 403 404", STORAGE),
    "DELETE files/v1/storages/{storage_id}/": Policy("204 403 403 404", names={"storage_id": "{empty_storage_id}"}),
    "GET files/v1/storages/{storage_id}/files/": readers_may(200),
    "POST files/v1/storages/{storage_id}/files/": writers_may(201, {"original_name": "y", "type": "FILE"}),
    "POST files/v1/storages/{storage_id}/scan/": Policy("201 403 403 404", {}),
    "POST jobs/v1/jobs/": Policy("201 201 201 404", {**JOB, "object_type": "assets", "object_id": "{asset_id}"}),
    "GET jobs/v1/jobs/": all_may(200),
    "PATCH jobs/v1/jobs/": Policy("202 202 403 202", {"message": "x"}, params={"ids": "{job_id}"}),
    "DELETE jobs/v1/jobs/": writers_may(204, {"job_ids": ["{job_id}"]}),
    "PUT jobs/v1/jobs/priority/": writers_may(200, {"job_ids": ["{job_id}"], "priority": 1}),
    "PUT jobs/v1/jobs/state/": writers_may(200, {"job_ids": ["{job_id}"], "action": "ABORT"}),
    "GET jobs/v1/jobs/{job_id}/": readers_may(200),
    "PATCH jobs/v1/jobs/{job_id}/": writers_may(200, JOB),
    "PUT jobs/v1/jobs/{job_id}/": writers_may(200, JOB),
    "DELETE jobs/v1/jobs/{job_id}/": writers_may(204),
    "PUT jobs/v1/jobs/{job_id}/steps/": writers_may(200, {"steps": [STEP]}),
    "PATCH jobs/v1/jobs/{job_id}/steps/": writers_may(200, {"steps": [STEP]}),
    "PATCH jobs/v1/jobs/{job_id}/steps/{job_step_id}/": writers_may(200, {"status": "DONE"}),
    "POST search/v1/search/": all_may(200, {}),
    "GET search/v1/search/history/": all_may(200),
    "GET search/v1/search/saved/": all_may(200),
    "POST search/v1/search/saved/": all_may(201, {"name": "x", "criteria": {}}),
    "POST search/v1/search/suggest/": all_may(200, {"field_name": "title", "query": "x"}),
    "POST search/v2/search/": all_may(200, {}),
    "GET users/v1/groups/": all_may(200),
    "POST users/v1/groups/": administrators_may(201, {"name": "g{unique}"}),
    "GET users/v1/groups/{group_id}/": all_may(200),
    "PATCH users/v1/groups/{group_id}/": administrators_may(200, {"name": "g{unique}"}),
    "POST users/v1/groups/{group_id}/users/{user_id}/": administrators_may(201),
    "DELETE users/v1/groups/{group_id}/users/{user_id}/": administrators_may(204),
    "GET users/v1/users/": all_may(200),
    "POST users/v1/users/": administrators_may(201, {"email": "{unique}@example.org", "type": "STANDARD"}),
    "GET users/v1/users/current/": all_may(200),
    "PATCH users/v1/users/current/": all_may(200, {"first_name": "x"}),
    "GET users/v1/users/current/roles/": all_may(200),
    "GET users/v1/users/{user_id}/": all_may(200),
    "PATCH users/v1/users/{user_id}/": Policy(
        "200 200 403 403", {"first_name": "n{unique}"}, names={"user_id": "{me}"}
    ),
    "PUT users/v1/users/{user_id}/": Policy("200 200 403 403", {"first_name": "n{unique}"}, names={"user_id": "{me}"}),
    "DELETE users/v1/users/{user_id}/": administrators_may(204),
}
