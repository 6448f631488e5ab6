"""The SDK of iconik's own contract against the real process: exact codes, and bodies that its strict models take."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from uuid import uuid4

import pytest
from pythonik.acls import models as acls
from pythonik.assets import models as assets
from pythonik.auth import models as auth
from pythonik.files import models as files
from pythonik.friendly import Iconik
from pythonik.jobs import models as jobs
from pythonik.search import models as search
from pythonik.users import models as users

from tests.api.conftest import Api, Caller
from tests.api.routes.files.test_files import watch
from tests.api.routes.search.test_search import drain_all

Connect = Callable[[str, str], Iconik]


@pytest.fixture
def connect(api: Api) -> Iterator[Connect]:
    """Makes friendly clients from an app and a token."""
    with ExitStack() as clients:

        def make(app_id: str, token: str) -> Iconik:
            return clients.enter_context(closing(Iconik(app_id, token, base_url=f"{api.root}/API")))

        yield make


@pytest.fixture
def sdk(connect: Connect, admin: Caller) -> Iconik:
    """The friendly client of an administrator."""
    return connect(admin.app_id, admin.token)


def ok(response: Any, status: int, model: type | None = None) -> Any:
    """The parsed body: a wrong code or a body that the model refuses would be another type, or dicts in a list."""
    assert response.status_code == status, response.content
    if model is not None:
        assert type(response.parsed) is model, response.content
        objects = getattr(response.parsed, "objects", None) or []
        assert not any(isinstance(one, dict) for one in objects), "a list fell back to plain dicts"
    return response.parsed


def test_assets_and_their_history(sdk: Iconik) -> None:
    made = ok(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": "sdk"})), 201, assets.AssetSchema)
    asset_id = str(made.id)
    read = ok(sdk.get_asset(asset_id, include_collections=True), 200, assets.AssetSchema)
    assert read.versions[0].version_number == 1
    read.title = "renamed"
    assert ok(sdk.put_asset(asset_id, body=read), 200, assets.AssetSchema).title == "renamed"
    patch = assets.AssetSchema.from_dict({"title": "patched"})
    assert ok(sdk.patch_asset(asset_id, body=patch), 200, assets.AssetSchema).title == "patched"
    page, seen = 1, []
    while True:
        listed = ok(sdk.get_assets(page=page, per_page=100, sort="date_created,desc"), 200, assets.AssetsSchema)
        seen += [one.id for one in listed.objects]
        if page >= listed.pages:
            break
        page += 1
    assert made.id in seen
    history = ok(sdk.get_asset_history(asset_id), 200, assets.AssetHistoryEntitiesSchema)
    assert [one.operation_type for one in history.objects] == ["CUSTOM", "CUSTOM", "VERSION_CREATE"]
    entry = assets.AssetHistorySchema.from_dict({"operation_type": "CUSTOM", "operation_description": "x"})
    written = ok(sdk.post_asset_history(asset_id, body=entry), 201, assets.AssetHistorySchema)
    one = sdk.get_asset_history_by_history_entity(asset_id, str(written.id))
    assert ok(one, 200, assets.AssetHistorySchema).user_id == made.created_by_user
    ok(sdk.post_asset_reindex(asset_id, body=assets.ReindexAssetSchema.from_dict({})), 201)
    ok(sdk.delete_asset(asset_id), 204)
    ok(sdk.put_asset_restore(asset_id), 204)


def test_relations(sdk: Iconik) -> None:
    ids = [str(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": t})).parsed.id) for t in "ab"]
    kind = {"name": f"k{uuid4().hex}", "source_label": "s", "destination_label": "d"}
    body = assets.RelationTypeSchema.from_dict(kind)
    ok(sdk.post_assets_relation_types(body=body), 201, assets.RelationTypeSchema)
    ok(sdk.get_assets_relation_types(), 200, assets.RelationTypesSchema)
    ok(sdk.get_assets_relation_types_by_relation_type(kind["name"]), 200, assets.RelationTypeSchema)
    ok(sdk.put_assets_relation_types_by_relation_type(kind["name"], body=body), 200, assets.RelationTypeSchema)
    relation = assets.RelationSchema.from_dict({"related_to_asset_id": ids[1], "relation_type": kind["name"]})
    ok(sdk.post_asset_relations(ids[0], body=relation), 201, assets.RelationSchema)
    ok(sdk.post_asset_relations(ids[0], body=relation), 200, assets.RelationSchema)
    by_address = sdk.post_asset_relations_by_relation_type_by_related_to_asset
    ok(by_address(ids[0], kind["name"], ids[1], body=relation), 200, assets.RelationSchema)
    listed = ok(sdk.get_asset_relations(ids[0]), 200, assets.AssetsSchema)
    assert [str(one.id) for one in listed.objects] == [ids[1]]
    ok(sdk.get_asset_relations_by_relation_type(ids[0], kind["name"]), 200, assets.AssetsSchema)
    turn = sdk.post_asset_relations_reverse_by_relation_type_by_related_to_asset
    ok(turn(ids[0], kind["name"], ids[1]), 200, assets.RelationSchema)
    ok(sdk.delete_asset_relations_by_relation_type_by_related_to_asset(ids[1], kind["name"], ids[0]), 204)
    ok(sdk.delete_assets_relation_types_by_relation_type(kind["name"]), 204)


def test_formats_file_sets_and_files(api: Api, admin: Caller, sdk: Iconik) -> None:
    asset_id = str(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": "f"})).parsed.id)
    body = files.FormatSchema.from_dict({"name": "ORIGINAL"})
    one = ok(sdk.post_asset_formats(asset_id, body=body), 201, files.FormatSchema)
    format_id = str(one.id)
    ok(sdk.get_asset_formats(asset_id), 200, files.FormatsSchema)
    ok(sdk.get_asset_format(asset_id, format_id), 200, files.FormatSchema)
    ok(sdk.patch_asset_format(asset_id, format_id, body=one), 200, files.FormatSchema)
    part = files.ComponentSchema.from_dict({"name": "v", "type": "VIDEO"})
    component = ok(sdk.post_asset_format_components(asset_id, format_id, body=part), 200, files.ComponentSchema)
    ok(sdk.get_asset_format_components(asset_id, format_id), 200, files.ComponentsSchema)
    group = {"name": "x", "base_dir": "", "component_ids": [str(component.id)], "format_id": format_id}
    made = ok(sdk.post_asset_file_sets(asset_id, body=files.FileSetSchema.from_dict(group)), 201, files.FileSetSchema)
    ok(sdk.get_asset_file_sets(asset_id), 200, files.FileSetsSchema)
    given = {"directory_path": "", "original_name": "x.mov", "file_set_id": str(made.id), "type": "FILE", "size": 1}
    file = ok(sdk.post_asset_files(asset_id, body=files.FileCreateSchema.from_dict(given)), 201, files.FileSchema)
    ok(sdk.get_asset_files(asset_id), 200, files.FilesSchema)
    ok(sdk.get_asset_file(asset_id, str(file.id)), 200, files.FileSchema)
    ok(sdk.get_asset_file_set_files(asset_id, str(made.id)), 200, files.FilesSchema)
    closed = files.FileSchema.from_dict({**given, "status": "CLOSED", "checksum": f"c{uuid4().hex}"})
    file = ok(sdk.patch_asset_file(asset_id, str(file.id), body=closed), 200, files.FileSchema)
    ok(sdk.get_files_checksum_by_checksum(file.checksum), 200, files.FilesSchema)
    ok(sdk.delete_asset_file(asset_id, str(file.id)), 204)
    ok(sdk.delete_asset_file_set(asset_id, str(made.id)), 204)
    ok(sdk.delete_asset_format(asset_id, format_id), 204)
    seen = watch(api, admin)
    ok(sdk.get_asset_formats(seen.asset_id), 200, files.FormatsSchema)
    ok(sdk.get_asset_file_sets(seen.asset_id), 200, files.FileSetsSchema)
    ok(sdk.get_asset_files(seen.asset_id), 200, files.FilesSchema)


def test_storages(api: Api, sdk: Iconik) -> None:
    folder = api.log.parent / uuid4().hex
    folder.mkdir()
    given = {"name": folder.name, "method": "FILE", "purpose": "FILES", "settings": {"mount_point": str(folder)}}
    body = files.StorageSchema.from_dict(given)
    made = ok(sdk.post_storages(body=body), 201, files.StorageSchema)
    storage_id = str(made.id)
    ok(sdk.get_storages(name=folder.name), 200, files.StoragesReadSchema)
    ok(sdk.get_storage(storage_id), 200, files.StorageSchema)
    ok(sdk.put_storage(storage_id, body=made), 200, files.StorageSchema)
    ok(sdk.patch_storage(storage_id, body=made), 200, files.StorageSchema)
    ok(sdk.get_storages_matching_by_purpose("FILES"), 200, files.StorageSchema)
    ok(sdk.post_storage_scan(storage_id, body=files.StorageScanSchema.from_dict({})), 201)
    ok(sdk.get_storage_files(storage_id, path="nothing.mov"), 200, files.FilesElasticSchema)
    told = {"directory_path": "reel", "original_name": "x.mov", "type": "FILE", "status": "CLOSED", "size": 7}
    file = ok(sdk.post_storage_files(storage_id, body=files.FileBaseSchema.from_dict(told)), 201, files.FileBaseSchema)
    found = ok(sdk.get_storage_files(storage_id, path="reel/x.mov"), 200, files.FilesElasticSchema)
    assert [one.id for one in found.objects] == [file.id]
    ok(sdk.delete_storage(storage_id), 204)


def test_rights(sdk: Iconik, owner: Caller) -> None:
    asset_id = str(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": "r"})).parsed.id)
    where = ("assets", asset_id)
    group = ok(sdk.post_groups(body=users.GroupSchema.from_dict({"name": uuid4().hex})), 201, users.GroupSchema)
    entry = acls.UserACLSchema.from_dict({"permissions": ["read"]})
    who = str(owner.id)
    ok(sdk.put_user_acl_object_by_object_key(who, *where, body=entry), 201, acls.UserACLSchema)
    ok(sdk.put_user_acl_object_by_object_key(who, *where, body=entry), 200, acls.UserACLSchema)
    ok(sdk.get_user_acl_object_by_object_key(who, *where), 200, acls.UserACLSchema)
    theirs = acls.GroupACLSchema.from_dict({"permissions": ["read", "write"]})
    ok(sdk.put_group_acl_object_by_object_key(str(group.id), *where, body=theirs), 201, acls.GroupACLSchema)
    ok(sdk.get_group_acl_object_by_object_key(str(group.id), *where), 200, acls.GroupACLSchema)
    ok(sdk.get_acl_object_by_object_key(*where), 200, acls.ACLSchema)
    ok(sdk.get_acl_object_permissions_by_object_key(*where), 200, acls.CombinedPermissionsSchema)
    ok(sdk.get_acl_object_by_object_key_by_permission(*where, "write"), 200)
    question = {"objects": [{"object_keys": [asset_id], "object_type": "assets", "permissions": ["read"]}]}
    ok(sdk.post_acl(body=acls.CheckBulkACLsSchema.from_dict(question)), 200, acls.BulkACLSchema)
    keys = acls.ACLsSchema.from_dict({"object_keys": [asset_id]})
    ok(sdk.post_acl_object_by_permission("assets", "read", body=keys), 200, acls.BulkACLSchema)
    gift = {"object_keys": [asset_id], "permissions": ["read"], "user_ids": [who], "group_ids": [], "mode": "APPEND"}
    ok(sdk.put_acl_object("assets", body=acls.CreateACLsSchema.from_dict(gift)), 200, acls.CreateACLsResultSchema)
    gifts = acls.CreateMultipleACLsSchema.from_dict({"objects": [gift]})
    results = ok(sdk.put_acl_object_bulk("assets", body=gifts), 200)
    assert [type(result) for result in results] == [acls.CreateACLsResultSchema]
    taken = acls.DeleteACLsSchema.from_dict({"object_keys": [asset_id], "user_ids": [who]})
    ok(sdk.delete_acl_object("assets", body=taken), 204)
    ok(sdk.delete_group_acl_object_by_object_key(str(group.id), *where), 204)
    ok(sdk.get_acl_templates(), 200, acls.ACLTemplatesSchema)
    reel = sdk.post_collections(body=assets.CollectionInputSchema.from_dict({"title": "reel"})).parsed
    inside = {"include_assets": True, "include_collections": False, "object_ids": [str(reel.id)], "user_ids": [who]}
    more = acls.CreateBulkACLsSchema.from_dict({**inside, "permissions": ["read"]})
    ok(sdk.put_acl_object_content("collections", body=more), 202)
    ok(sdk.delete_acl_object_content("collections", body=acls.DeleteBulkACLsSchema.from_dict(inside)), 200)


def test_users_groups_and_tokens(sdk: Iconik, connect: Connect) -> None:
    me = ok(sdk.get_users_current(), 200, users.UserSchema)
    ok(sdk.get_users_current_roles(), 200, users.UserRolesSchema)
    given = {"email": f"{uuid4().hex}@example.org", "type": "STANDARD", "password": "long enough for us"}
    made = ok(sdk.post_users(body=users.UserCreateSchema.from_dict(given)), 201, users.UserSchema)
    user_id = str(made.id)
    ok(sdk.get_users(ids=user_id), 200, users.UsersSchema)
    ok(sdk.get_user(user_id), 200, users.UserWithSeparatedGroupsSchema)
    body = users.UserSchema.from_dict({"type": "POWER", "first_name": "P"})
    assert ok(sdk.patch_user(user_id, body=body), 200, users.UserSchema).first_name == "P"
    group = ok(sdk.post_groups(body=users.GroupSchema.from_dict({"name": uuid4().hex})), 201, users.GroupSchema)
    ok(sdk.get_groups(), 200, users.GroupsSchema)
    ok(sdk.get_group_users(str(group.id)), 200, users.GroupSchema)
    ok(sdk.patch_group_users(str(group.id), body=group), 200, users.GroupSchema)
    ok(sdk.post_group_user(str(group.id), user_id), 201, users.UserSchema)
    ok(sdk.delete_group_user(str(group.id), user_id), 204)
    credentials = auth.SimpleLoginSchema.from_dict({"email": given["email"], "password": given["password"]})
    token = ok(sdk.post_auth_simple_login(body=credentials), 201, auth.TokenMultiplatformLoginSchema)
    theirs = connect(str(token.app_id), token.token)
    assert ok(theirs.get_users_current(), 200, users.UserSchema).id == made.id
    ok(theirs.post_auth_token(expires_in=60), 201, auth.TokenSchema)
    ok(theirs.put_auth_token(), 200, auth.TokenSchema)
    ok(theirs.get_current_auth_token(), 200)
    ok(theirs.get_auth_tokens(), 200, auth.TokensSchema)
    app = ok(theirs.post_apps(body=auth.AppCreateSchema.from_dict({"name": "a"})), 201, auth.AppCreateSchema)
    ok(theirs.get_apps(), 200, auth.AppsSchema)
    ok(theirs.post_app_token(str(app.id)), 201, auth.TokenSchema)
    ok(theirs.delete_current_auth_token(), 204)
    assert theirs.get_users_current().status_code == 401
    ok(sdk.delete_user(user_id), 204)
    assert me.is_admin


def test_jobs(sdk: Iconik) -> None:
    given = {"title": "j", "type": "CUSTOM", "status": "STARTED", "steps": [{"label": "a", "status": "WAITING"}]}
    body = jobs.JobSchema.from_dict(given)
    made = ok(sdk.post_jobs(body=body), 201, jobs.JobSchema)
    job_id, step = str(made.id), made.steps[0]
    ok(sdk.get_jobs(ids=job_id), 200, jobs.JobsSchema)
    ok(sdk.get_job(job_id), 200, jobs.JobSchema)
    ok(sdk.patch_job(job_id, body=body), 200, jobs.JobSchema)
    ok(sdk.put_job(job_id, body=body), 200, jobs.JobSchema)
    step = ok(sdk.get_job(job_id), 200, jobs.JobSchema).steps[0]
    done = {"id": str(step.id), "label": "a", "status": "DONE"}
    ok(sdk.patch_job_steps(job_id, body=jobs.JobStepsUpdateSchema.from_dict({"steps": [done]})), 200, jobs.JobSchema)
    one = jobs.JobStepSchema.from_dict(done)
    patched = ok(sdk.patch_job_steps_by_job_step(job_id, str(step.id), body=one), 200, jobs.JobSchema)
    assert patched.steps[0].status == "DONE"
    ok(sdk.put_job_steps(job_id, body=jobs.JobStepsUpdateSchema.from_dict({"steps": [done]})), 200, jobs.JobSchema)
    ranked = jobs.JobsPrioritySchema.from_dict({"job_ids": [job_id], "priority": 3})
    ok(sdk.put_jobs_priority(body=ranked), 200, jobs.JobsPrioritySchema)
    ok(sdk.put_jobs_state(body=jobs.JobsStateSchema.from_dict({"job_ids": [job_id], "action": "ABORT"})), 200)
    edit = jobs.JobsBulkEditSchema.from_dict({"message": "m"})
    ok(sdk.patch_jobs(body=edit, ids=job_id), 202, jobs.BulkJobCreatedSchema)
    ok(sdk.delete_job(job_id), 204)


def test_search(api: Api, sdk: Iconik) -> None:
    ok(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": f"s {uuid4()}"})), 201)
    drain_all(api)
    criteria = {
        "doc_types": ["assets"],
        "query": "",
        "search_after": [],
        "facets": ["media_type"],
        "filter": {"operator": "AND", "terms": [{"name": "status", "value_in": ["ACTIVE"]}]},
        "sort": [{"name": "date_created", "order": "desc"}],
    }
    body = search.SearchCriteriaSchema.from_dict(criteria)
    found = ok(sdk.post_search(body=body, per_page=5), 200, search.SearchDocumentsSchema)
    assert found.objects[0].object_type == "assets"
    assert found.objects[0].additional_properties["_sort"]
    assert "buckets" in found.facets.additional_properties["media_type"]
    saved = {"name": f"s {uuid4()}", "criteria": {**criteria, "search_after": None}, "favoured": True}
    made = ok(sdk.post_search_saved(body=search.SavedSearchSchema.from_dict(saved)), 201, search.SavedSearchSchema)
    assert made.criteria.filter_.terms[0].value_in == ["ACTIVE"]
    listed = ok(sdk.get_search_saved(ids=str(made.id), favorites=True), 200, search.SavedSearchesSchema)
    assert [(one.id, one.criteria) for one in listed.objects] == [(made.id, made.criteria)]
    ok(sdk.post_search(body=body, save_search_history=True), 200, search.SearchDocumentsSchema)
    remembered = ok(sdk.get_search_history(), 200, search.SearchHistoryListSchema)
    assert remembered.objects[0].criteria.additional_properties["facets"] == ["media_type"]
    typed = search.SearchSuggestSchema.from_dict({"field_name": "title", "query": "s", "doc_types": ["assets"]})
    suggested = ok(sdk.post_search_suggest(body=typed), 200, search.SearchSuggestsResponseSchema)
    assert any(word.startswith("s") for word in suggested.objects[0].value.lower().split())


def test_errors_are_objects_that_the_sdk_reads(sdk: Iconik, connect: Connect, stranger: Caller) -> None:
    asset_id = str(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": "e"})).parsed.id)
    theirs = connect(stranger.app_id, stranger.token)
    assert theirs.get_asset(asset_id).status_code == 404
    assert theirs.post_groups(body=users.GroupSchema.from_dict({"name": "x"})).status_code == 403
    wrong = connect(stranger.app_id, "wrong")
    assert wrong.get_assets().status_code == 401
