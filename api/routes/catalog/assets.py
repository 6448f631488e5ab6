"""Assets: create, read, list, change, delete and restore."""

from uuid import UUID

from sqlalchemy import select

from api.routes.catalog.answers import AssetAnswer, GuestObjectAnswer, ListedAssetAnswer
from api.routes.catalog.bodies import (
    AssetBody,
    NewAssetBody,
    serialize_asset,
    serialize_asset_for_guest,
    serialize_assets,
)
from api.routes.catalog.collections import select_favorite_ids
from asgi.answers import PageAnswer
from asgi.pagination import (
    FilterParam,
    PageNumber,
    PerPage,
    SortParam,
    apply_filter,
    apply_sort,
    filter_by_values,
    paginate,
    query_columns,
)
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.core.statements import AnySelect
from services.access.acl_templates import apply_acl_template
from services.catalog.assets.assets import create_empty_asset, delete_asset, find_asset, restore_asset, update_asset
from services.catalog.collections.collections import get_collection_for_update
from services.catalog.collections.contents import add_collection_member
from services.catalog.collections.permissions import copy_inherited_permissions
from services.catalog.collections.queries import favorite_ids, load_memberships
from services.core.errors import ValidationFailed

routes = RouteGroup("assets")
ASSET_QUERY_COLUMNS = query_columns(
    Asset.id,
    Asset.title,
    Asset.type,
    Asset.external_id,
    Asset.is_online,
    Asset.created_by_user,
    Asset.date_created,
    Asset.date_modified,
    Asset.date_deleted,
)


def select_readable_assets(call: Call, status: AssetStatus) -> AnySelect:
    """Select the assets of a status that the caller may read, without those merged into another."""
    return select(Asset).where(
        Asset.status == status, Asset.merged_into.is_(None), readable_by(call.actor, ASSET_KIND, Asset.id)
    )


@routes.post("/assets/")
def post_asset(
    call: Call,
    body: NewAssetBody,
    apply_acl_template_id: UUID | None = None,
    assign_to_collection: bool = True,
    apply_collection_acls: bool = False,
) -> AssetAnswer:
    """Create an asset, in the collection `collection_id` if given; `apply_collection_acls` copies its rights."""
    asset = create_empty_asset(call.session, body.new_asset(), call.actor)
    if apply_acl_template_id is not None:
        apply_acl_template(call.session, apply_acl_template_id, ASSET_KIND, [asset.id], call.actor)
    if body.collection_id is None or not (assign_to_collection or apply_collection_acls):
        return serialize_asset(asset)
    collection = get_collection_for_update(call.session, call.actor, body.collection_id)
    if assign_to_collection:
        add_collection_member(call.session, collection, asset, call.actor)
    if apply_collection_acls:
        copy_inherited_permissions(call.session, ASSET_KIND, asset.id, collection.id)
    return serialize_asset(asset, [collection.id] if assign_to_collection else [])


@routes.get("/assets/")
def get_assets(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    filter: FilterParam = "",
    types: str = "",
    favoured_by: UUID | None = None,
) -> PageAnswer[ListedAssetAnswer]:
    """List the assets that the caller may read, newest first."""
    query = filter_by_values(
        apply_filter(select_readable_assets(call, AssetStatus.ACTIVE), filter, ASSET_QUERY_COLUMNS),
        ASSET_QUERY_COLUMNS,
        {"type": types},
    )
    if favoured_by is not None:
        query = query.where(Asset.id.in_(select_favorite_ids(call, favoured_by, ASSET_KIND)))
    return paginate(
        call,
        apply_sort(query, sort, ASSET_QUERY_COLUMNS, Asset.id.desc()),
        page,
        per_page,
        serialize_assets,
    )


@routes.get("/assets/{asset_id}/", guests=True)
def get_asset(call: Call, asset_id: UUID, include_collections: bool = False) -> AssetAnswer | GuestObjectAnswer:
    """Return one asset; the id of a merged asset returns the asset that it was merged into."""
    asset = find_asset(call.session, call.actor, asset_id)
    if call.actor.guest is not None:
        return serialize_asset_for_guest(asset, call.actor.guest)
    if not include_collections:
        return serialize_asset(asset)
    places = load_memberships(call.session, call.actor, [asset.id])
    favorites = favorite_ids(call.session, call.actor, ASSET_KIND, [asset.id])
    return serialize_asset(asset, places.direct.get(asset.id, ()), favoured=bool(favorites))


@routes.put(
    "/assets/{asset_id}/",
    SharedEndpoint(
        "put_asset",
        "Change the fields that were sent; absent fields stay, as clients write back the object that they read.",
    ),
)
@routes.patch("/assets/{asset_id}/")
def patch_asset(call: Call, asset_id: UUID, body: AssetBody) -> AssetAnswer:
    """Change the fields that were sent."""
    if call.request.method == "PUT" and body.title is None:
        raise ValidationFailed("title", "an asset needs a title")
    return serialize_asset(update_asset(call.session, asset_id, body.changes(), call.actor))


@routes.delete("/assets/{asset_id}/")
def delete_one_asset(call: Call, asset_id: UUID) -> None:
    """Move an asset to the delete queue."""
    delete_asset(call.session, asset_id, call.actor)


@routes.put("/assets/{asset_id}/restore/", status=204)
def put_asset_restore(call: Call, asset_id: UUID) -> None:
    """Restore an asset from the delete queue."""
    restore_asset(call.session, asset_id, call.actor)


@routes.get("/assets/recent/")
def get_recent_assets(call: Call, page: PageNumber = 1, per_page: PerPage = 50) -> PageAnswer[ListedAssetAnswer]:
    """List the assets that the caller may read, most recently changed first."""
    query = select_readable_assets(call, AssetStatus.ACTIVE).order_by(Asset.date_modified.desc(), Asset.id.desc())
    return paginate(call, query, page, per_page, serialize_assets)
