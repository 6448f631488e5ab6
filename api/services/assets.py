"""Assets: create, read, list, change, delete and restore."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from api.call import Call
from api.pages import Filter, Page, PerPage, Sort, filtered, matching, ordered, paged
from api.routing import Service
from api.services.asset_bodies import AssetBody, NewAssetBody, asset_body, guest_asset_body, in_list
from api.services.collections import favorites_of
from models.acl import readable_by
from models.asset import Asset, AssetStatus
from tasks.acl_templates import apply_template
from tasks.assets import KIND, change_asset, create_asset, delete_asset, find_asset, restore_asset
from tasks.collection_contents import place_asset
from tasks.collection_facts import favorites_among, places_of
from tasks.collection_rights import inherit_rights
from tasks.collections import find_for_change
from tasks.refusals import Invalid

routes = Service("assets")
COLUMNS = {
    "id": Asset.id,
    "title": Asset.title,
    "type": Asset.type,
    "external_id": Asset.external_id,
    "is_online": Asset.is_online,
    "created_by_user": Asset.created_by_user,
    "date_created": Asset.date_created,
    "date_modified": Asset.date_modified,
    "date_deleted": Asset.date_deleted,
}


def readable(call: Call, status: AssetStatus) -> Select[Any]:
    """Select the assets of a status that the caller may read, without those merged into another."""
    return select(Asset).where(
        Asset.status == status, Asset.merged_into.is_(None), readable_by(call.actor, KIND, Asset.id)
    )


@routes.post("/assets/")
def post_asset(
    call: Call,
    body: NewAssetBody,
    apply_acl_template_id: UUID | None = None,
    assign_to_collection: bool = True,
    apply_collection_acls: bool = False,
) -> dict[str, Any]:
    """Create an asset, in the collection `collection_id` if given; `apply_collection_acls` copies its rights."""
    asset = create_asset(call.session, body.new_asset(), call.actor)
    if apply_acl_template_id is not None:
        apply_template(call.session, apply_acl_template_id, KIND, [asset.id], call.actor)
    if body.collection_id is None or not (assign_to_collection or apply_collection_acls):
        return asset_body(asset)
    collection = find_for_change(call.session, call.actor, body.collection_id)
    if assign_to_collection:
        place_asset(call.session, collection, asset, call.actor)
    if apply_collection_acls:
        inherit_rights(call.session, KIND, asset.id, collection.id)
    return asset_body(asset, [collection.id] if assign_to_collection else [])


@routes.get("/assets/")
def get_assets(
    call: Call,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
    filter: Filter = "",
    types: str = "",
    favoured_by: UUID | None = None,
) -> dict[str, Any]:
    """List the assets that the caller may read, newest first."""
    query = matching(filtered(readable(call, AssetStatus.ACTIVE), filter, COLUMNS), COLUMNS, {"type": types})
    if favoured_by is not None:
        query = query.where(Asset.id.in_(favorites_of(call, favoured_by, KIND)))
    return paged(call, ordered(query, sort, COLUMNS, Asset.id.desc()), page, per_page, in_list(call))


@routes.get("/assets/{asset_id}/", guests=True)
def get_asset(call: Call, asset_id: UUID, include_collections: bool = False) -> dict[str, Any]:
    """Return one asset; the id of a merged asset returns the asset that it was merged into."""
    asset = find_asset(call.session, call.actor, asset_id)
    if call.actor.guest is not None:
        return guest_asset_body(asset, call.actor.guest)
    if not include_collections:
        return asset_body(asset)
    places = places_of(call.session, call.actor, [asset.id])
    favorites = favorites_among(call.session, call.actor, KIND, [asset.id])
    return asset_body(asset, places.direct.get(asset.id, ()), favoured=bool(favorites))


@routes.patch("/assets/{asset_id}/")
def patch_asset(call: Call, asset_id: UUID, body: AssetBody) -> dict[str, Any]:
    """Change the fields that were sent."""
    return asset_body(change_asset(call.session, asset_id, body.changes(), call.actor))


@routes.put("/assets/{asset_id}/")
def put_asset(call: Call, asset_id: UUID, body: AssetBody) -> dict[str, Any]:
    """Change the fields that were sent; absent fields stay, as clients write back the object that they read."""
    if body.title is None:
        raise Invalid("title", "an asset needs a title")
    return patch_asset(call, asset_id, body)


@routes.delete("/assets/{asset_id}/")
def delete_one_asset(call: Call, asset_id: UUID) -> None:
    """Move an asset to the delete queue."""
    delete_asset(call.session, asset_id, call.actor)


@routes.put("/assets/{asset_id}/restore/", status=204)
def put_asset_restore(call: Call, asset_id: UUID) -> None:
    """Restore an asset from the delete queue."""
    restore_asset(call.session, asset_id, call.actor)


@routes.get("/assets/recent/")
def get_recent_assets(call: Call, page: Page = 1, per_page: PerPage = 50) -> dict[str, Any]:
    """List the assets that the caller may read, most recently changed first."""
    query = readable(call, AssetStatus.ACTIVE).order_by(Asset.date_modified.desc(), Asset.id.desc())
    return paged(call, query, page, per_page, in_list(call))
