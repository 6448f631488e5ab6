"""Relations between assets, and relation types."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select

from api.routes.catalog.answers import ListedRelationAnswer, RelatedAssetAnswer, RelationAnswer, RelationTypeAnswer
from api.routes.catalog.assets import ASSET_QUERY_COLUMNS
from api.routes.catalog.bodies import serialize_assets
from asgi.answers import PageAnswer, StatusResponse
from asgi.body_base import Body, LongText, ShortText
from asgi.pagination import PageNumber, PerPage, SortParam, apply_sort, paginate, serialize_each
from asgi.rendering import format_datetime
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.relation import Relation, RelationType
from services.catalog.assets.assets import find_asset
from services.catalog.assets.relations import (
    add_relation,
    create_custom_relation_type,
    delete_custom_relation_type,
    find_relation_type,
    relation_touches,
    remove_relation,
    reverse_relation,
    update_custom_relation_type,
)

routes = RouteGroup("assets")


class RelationTypeBody(Body):
    name: ShortText
    source_label: ShortText
    destination_label: ShortText
    description: LongText | None = None
    is_directional: bool | None = None


class RelationDescriptionBody(Body):
    description: LongText | None = None


class RelationBody(RelationDescriptionBody):
    related_to_asset_id: UUID
    relation_type: ShortText


def serialize_relation_type(kind: RelationType) -> RelationTypeAnswer:
    """Serialise a relation type."""
    return {
        "name": kind.name,
        "source_label": kind.source_label,
        "destination_label": kind.destination_label,
        "description": kind.description,
        "is_directional": kind.is_directional,
        "is_system": kind.is_system,
        "date_created": format_datetime(kind.date_created),
        "date_modified": format_datetime(kind.date_modified),
    }


def serialize_relation(relation: Relation) -> RelationAnswer:
    """Serialise a relation."""
    return {
        "id": str(relation.id),
        "asset_id": str(relation.asset_id),
        "relation_type": relation.relation_type,
        "related_to_asset_id": str(relation.related_to_asset_id),
        "description": relation.description,
        "date_created": format_datetime(relation.date_created),
        "date_modified": format_datetime(relation.date_modified),
    }


@routes.post("/assets/relation_types/")
def post_relation_type(call: Call, body: RelationTypeBody) -> RelationTypeAnswer:
    """Create a custom relation type."""
    return serialize_relation_type(
        create_custom_relation_type(call.session, RelationType(**body.changes()), call.actor)
    )


@routes.get("/assets/relation_types/")
def get_relation_types(call: Call, page: PageNumber = 1, per_page: PerPage = 50) -> PageAnswer[RelationTypeAnswer]:
    """List the relation types: seven of the system, and custom ones."""
    query = select(RelationType).order_by(RelationType.name)
    return paginate(call, query, page, per_page, serialize_each(serialize_relation_type))


@routes.get("/assets/relation_types/{relation_type}/")
def get_relation_type(call: Call, relation_type: str) -> RelationTypeAnswer:
    """Return one relation type."""
    return serialize_relation_type(find_relation_type(call.session, relation_type))


@routes.put("/assets/relation_types/{relation_type}/")
def put_relation_type(call: Call, relation_type: str, body: RelationTypeBody) -> RelationTypeAnswer:
    """Change a custom relation type; its name is immutable."""
    return serialize_relation_type(update_custom_relation_type(call.session, relation_type, body.changes(), call.actor))


@routes.delete("/assets/relation_types/{relation_type}/")
def delete_relation_type(call: Call, relation_type: str) -> None:
    """Delete a custom relation type that no relation uses."""
    delete_custom_relation_type(call.session, relation_type, call.actor)


@routes.post("/assets/{asset_id}/relations/", other=200)
def post_relation(call: Call, asset_id: UUID, body: RelationBody) -> StatusResponse[RelationAnswer]:
    """Relate the asset to another: 201 if the relation is new, 200 if it existed."""
    return relate_assets(call, asset_id, body.relation_type, body.related_to_asset_id, body.description)


@routes.post("/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/", other=200)
def post_relation_to(
    call: Call,
    asset_id: UUID,
    relation_type: str,
    related_to_asset_id: UUID,
    body: RelationDescriptionBody | None = None,
) -> StatusResponse[RelationAnswer]:
    """Relate the asset to another, with both ends in the URL."""
    return relate_assets(call, asset_id, relation_type, related_to_asset_id, body.description if body else None)


def relate_assets(
    call: Call, source: UUID, relation_type: str, target: UUID, description: str | None
) -> StatusResponse[RelationAnswer]:
    """Relate two assets: 201 if the relation is new, 200 if it existed."""
    relation, is_new = add_relation(call.session, source, relation_type, target, description or "", call.actor)
    return StatusResponse(201 if is_new else 200, serialize_relation(relation))


@routes.post("/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/reverse/", status=200)
def post_relation_reverse(call: Call, asset_id: UUID, relation_type: str, related_to_asset_id: UUID) -> RelationAnswer:
    """Reverse the direction of a relation."""
    return serialize_relation(reverse_relation(call.session, asset_id, relation_type, related_to_asset_id, call.actor))


@routes.delete("/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/")
def delete_relation(call: Call, asset_id: UUID, relation_type: str, related_to_asset_id: UUID) -> None:
    """Delete a relation."""
    remove_relation(call.session, asset_id, relation_type, related_to_asset_id, call.actor)


@routes.get(
    "/assets/{asset_id}/relations/{relation_type}/",
    SharedEndpoint(
        "get_relations_of_type",
        "List assets related by one type that the caller may read, each with its relations to this one.",
        types={"relation_type": str},
    ),
)
@routes.get(
    "/assets/{asset_id}/relations/",
    SharedEndpoint(
        "get_relations",
        "List related assets that the caller may read, each with its relations to this one.",
        {"relation_type": None},
    ),
)
def list_relations(
    call: Call,
    asset_id: UUID,
    relation_type: str | None,
    include_deleted: bool = False,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
) -> PageAnswer[RelatedAssetAnswer]:
    """List related assets, in a fixed number of queries."""
    if relation_type is not None:
        find_relation_type(call.session, relation_type)
    here = find_asset(call.session, call.actor, asset_id).id
    touches = relation_touches(here, relation_type)
    others = or_(
        Asset.id.in_(select(Relation.related_to_asset_id).where(touches)),
        Asset.id.in_(select(Relation.asset_id).where(touches)),
    )
    query = select(Asset).where(others, Asset.id != here, readable_by(call.actor, ASSET_KIND, Asset.id))
    if not include_deleted:
        query = query.where(Asset.status == AssetStatus.ACTIVE)

    def render(call: Call, rows: Sequence[Asset]) -> list[RelatedAssetAnswer]:
        relations = call.session.scalars(select(Relation).where(touches).order_by(Relation.id)).all()
        ends: list[tuple[set[str], ListedRelationAnswer]] = [
            (
                {str(one.asset_id), str(one.related_to_asset_id)},
                {**serialize_relation(one), "related_from_asset_id": str(one.asset_id)},
            )
            for one in relations
        ]
        return [
            {**body, "relations": [shown for pair, shown in ends if body["id"] in pair]}
            for body in serialize_assets(call, rows)
        ]

    return paginate(call, apply_sort(query, sort, ASSET_QUERY_COLUMNS, Asset.id), page, per_page, render)
