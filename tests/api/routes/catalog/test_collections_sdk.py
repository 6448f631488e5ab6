"""Collections through both of iconik's own clients: exact codes, and bodies that their strict models accept."""

import warnings
from collections.abc import Iterator
from contextlib import closing

import pytest
from pythonik.acls import models as acls
from pythonik.assets import models as assets
from pythonik.friendly import Iconik

from tests.api.conftest import Api, Caller
from tests.api.test_sdk import ok
from tests.api.test_sdk_1x import data

with warnings.catch_warnings():
    # Frozen code: its models are written for an older pydantic.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pythonik.client import PythonikClient
    from pythonik.models.assets.collections import Collection, Content


@pytest.fixture
def sdk(api: Api, admin: Caller) -> Iterator[Iconik]:
    with closing(Iconik(admin.app_id, admin.token, base_url=f"{api.root}/API")) as client:
        yield client


@pytest.fixture
def old(api: Api, owner: Caller) -> Iterator[PythonikClient]:
    client = PythonikClient(app_id=owner.app_id, auth_token=owner.token, timeout=10, base_url=api.root)
    yield client
    client.session.close()


def new(sdk: Iconik, title: str, **more: object) -> str:
    body = assets.CollectionInputSchema.from_dict({"title": title, **more})
    return str(ok(sdk.post_collections(body=body), 201, assets.CollectionSchema).id)


def content(key: str, kind: str) -> assets.CollectionContentSchema:
    return assets.CollectionContentSchema.from_dict({"object_id": key, "object_type": kind})


def test_a_tree_is_made_read_filled_ordered_and_emptied(sdk: Iconik) -> None:
    root = new(sdk, "root", category="c")
    leaf = new(sdk, "leaf", parent_id=root)
    asset = str(ok(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": "clip"})), 201).id)
    ok(sdk.post_collection_contents(root, body=content(asset, "assets")), 201)
    listed = ok(sdk.get_collection_contents(root), 200, assets.CollectionContentsSchema)
    kinds = [type(one) for one in listed.objects]
    assert [one.title for one in listed.objects] == ["leaf", "clip"], kinds
    ok(sdk.get_collections(is_root=True), 200, assets.CollectionsSchema)
    ok(sdk.get_collections_recent(), 200, assets.RecentCollectionsSchema)
    ok(sdk.get_collection_ancestors(leaf), 200, assets.CollectionsSchema)
    assert ok(sdk.get_collection_full_path(leaf), 200) == "root/leaf"
    info = ok(sdk.get_collection_content_info(root), 200, assets.CollectionContentInfoSchema)
    assert (info.assets_count, info.collections_count) == (1, 1)
    position = assets.CollectionContentOrderingSchema.from_dict({"position": 3})
    ok(sdk.put_collection_contents_object(root, "assets", asset, body=position), 200)
    changed = assets.CollectionInputSchema.from_dict({"title": "branch", "parent_id": root})
    assert ok(sdk.patch_collection(leaf, body=changed), 200, assets.CollectionSchema).title == "branch"
    copied = ok(sdk.post_collection_subcollections(root, body=content(leaf, "collections")), 201)
    assert type(copied) is assets.CollectionSchema
    read = ok(sdk.get_asset(asset, include_collections=True), 200, assets.AssetSchema)
    assert [str(one) for one in read.in_collections] == [root]
    ok(sdk.delete_collection_contents_object(root, "assets", asset), 204)
    ok(sdk.delete_collection(root), 204)
    ok(sdk.put_collection_restore(root), 202)


def test_favorites_and_rights_on_content(sdk: Iconik, owner: Caller) -> None:
    root = new(sdk, "root")
    marked = assets.BulkAddToFavoritesSchema.from_dict({"object_ids": [root], "object_type": "collections"})
    ok(sdk.post_favorites_assets(body=marked), 200, assets.BulkAddToFavoritesSchema)
    assert ok(sdk.get_favorites(), 200, assets.FavoritesSchema).total == 1
    given = {"include_assets": True, "include_collections": True, "object_ids": [root], "permissions": ["read"]}
    given["user_ids"] = [str(owner.id)]
    ok(sdk.put_acl_object_content("collections", body=acls.CreateBulkACLsSchema.from_dict(given)), 202)
    del given["permissions"]
    ok(sdk.delete_acl_object_content("collections", body=acls.DeleteBulkACLsSchema.from_dict(given)), 200)
    ok(sdk.get_acl_object_by_object_key("collections", root), 200, acls.ACLSchema)


def test_the_older_client_makes_reads_fills_and_deletes(old: PythonikClient) -> None:
    made = data(old.collections().create(Collection(title="old")))
    inside = data(old.collections().create({"title": "inside", "parent_id": made.id}))
    read = data(old.collections().get(inside.id))
    assert (read.title, read.parents, read.parent_id) == ("inside", [made.id], made.id)
    asset = data(old.assets().create({"title": "clip"}))
    data(old.collections().add_content(made.id, Content(object_id=asset.id, object_type="assets")))
    info = data(old.collections().get_info(made.id))
    assert (info.assets_count, info.collections_count) == (1, 1)
    assert len(data(old.collections().get_contents(made.id)).objects) == 2
    assert old.collections().delete(made.id).response.status_code == 204
