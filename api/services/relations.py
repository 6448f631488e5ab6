"""Relations between assets, and relation types."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from api.bodies import Body, Name, Text
from api.call import Answer, Call
from api.pages import Page, PerPage, Sort, ordered, paged
from api.rendering import stamp
from api.routing import Service
from api.services.asset_bodies import in_list
from api.services.assets import COLUMNS
from models.acl import readable_by
from models.asset import Asset, AssetStatus
from models.relation import Relation, RelationType
from tasks.assets import KIND, find_asset
from tasks.relations import (
    NewType,
    change_type,
    create_type,
    delete_type,
    find_type,
    relate,
    reverse,
    touching,
    unrelate,
)

routes = Service("assets")


class TypeBody(Body):
    name: Name
    source_label: Name
    destination_label: Name
    description: Text | None = None
    is_directional: bool | None = None

    def values(self) -> dict[str, Any]:
        """Return the fields that were sent, without nulls."""
        return {name: value for name, value in self.sent().items() if value is not None}


class RelationBody(Body):
    related_to_asset_id: UUID
    relation_type: Name
    description: Text | None = None


class DescriptionBody(Body):
    description: Text | None = None


def type_body(kind: RelationType) -> dict[str, Any]:
    """Serialise a relation type."""
    return {
        "name": kind.name,
        "source_label": kind.source_label,
        "destination_label": kind.destination_label,
        "description": kind.description,
        "is_directional": kind.is_directional,
        "is_system": kind.is_system,
        "date_created": stamp(kind.date_created),
        "date_modified": stamp(kind.date_modified),
    }


def relation_body(relation: Relation) -> dict[str, Any]:
    """Serialise a relation."""
    return {
        "id": str(relation.id),
        "asset_id": str(relation.asset_id),
        "relation_type": relation.relation_type,
        "related_to_asset_id": str(relation.related_to_asset_id),
        "description": relation.description,
        "date_created": stamp(relation.date_created),
        "date_modified": stamp(relation.date_modified),
    }


@routes.post("/assets/relation_types/")
def post_relation_type(call: Call, body: TypeBody) -> dict[str, Any]:
    """Create a custom relation type."""
    return type_body(create_type(call.session, NewType(**body.values()), call.actor))


@routes.get("/assets/relation_types/")
def get_relation_types(call: Call, page: Page = 1, per_page: PerPage = 50) -> dict[str, Any]:
    """List the relation types: seven of the system, and custom ones."""
    query = select(RelationType).order_by(RelationType.name)
    return paged(call, query, page, per_page, lambda rows: [type_body(kind) for kind in rows])


@routes.get("/assets/relation_types/{relation_type}/")
def get_relation_type(call: Call, relation_type: str) -> dict[str, Any]:
    """Return one relation type."""
    return type_body(find_type(call.session, relation_type))


@routes.put("/assets/relation_types/{relation_type}/")
def put_relation_type(call: Call, relation_type: str, body: TypeBody) -> dict[str, Any]:
    """Change a custom relation type; its name is immutable."""
    return type_body(change_type(call.session, relation_type, body.values(), call.actor))


@routes.delete("/assets/relation_types/{relation_type}/")
def delete_relation_type(call: Call, relation_type: str) -> None:
    """Delete a custom relation type that no relation uses."""
    delete_type(call.session, relation_type, call.actor)


@routes.post("/assets/{asset_id}/relations/", other=200)
def post_relation(call: Call, asset_id: UUID, body: RelationBody) -> Answer:
    """Relate the asset to another: 201 if the relation is new, 200 if it existed."""
    return related(call, asset_id, body.relation_type, body.related_to_asset_id, body.description)


@routes.post("/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/", other=200)
def post_relation_to(
    call: Call, asset_id: UUID, relation_type: str, related_to_asset_id: UUID, body: DescriptionBody | None = None
) -> Answer:
    """Relate the asset to another, with both ends in the URL."""
    return related(call, asset_id, relation_type, related_to_asset_id, body.description if body else None)


def related(call: Call, source: UUID, relation_type: str, target: UUID, description: str | None) -> Answer:
    """Relate two assets: 201 if the relation is new, 200 if it existed."""
    relation, is_new = relate(call.session, source, relation_type, target, description or "", call.actor)
    return Answer(201 if is_new else 200, relation_body(relation))


@routes.post("/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/reverse/", status=200)
def post_relation_reverse(call: Call, asset_id: UUID, relation_type: str, related_to_asset_id: UUID) -> dict[str, Any]:
    """Reverse the direction of a relation."""
    return relation_body(reverse(call.session, asset_id, relation_type, related_to_asset_id, call.actor))


@routes.delete("/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/")
def delete_relation(call: Call, asset_id: UUID, relation_type: str, related_to_asset_id: UUID) -> None:
    """Delete a relation."""
    unrelate(call.session, asset_id, relation_type, related_to_asset_id, call.actor)


@routes.get("/assets/{asset_id}/relations/")
def get_relations(
    call: Call, asset_id: UUID, include_deleted: bool = False, page: Page = 1, per_page: PerPage = 50, sort: Sort = ""
) -> dict[str, Any]:
    """List related assets that the caller may read, each with its relations to this one."""
    return related_assets(call, asset_id, None, include_deleted, page, per_page, sort)


@routes.get("/assets/{asset_id}/relations/{relation_type}/")
def get_relations_of_type(
    call: Call,
    asset_id: UUID,
    relation_type: str,
    include_deleted: bool = False,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
) -> dict[str, Any]:
    """List assets related by one type that the caller may read, each with its relations to this one."""
    find_type(call.session, relation_type)
    return related_assets(call, asset_id, relation_type, include_deleted, page, per_page, sort)


def related_assets(
    call: Call, asset_id: UUID, relation_type: str | None, deleted: bool, page: int, per_page: int, sort: str
) -> dict[str, Any]:
    """Return a page of related assets, in a fixed number of queries."""
    here = find_asset(call.session, call.actor, asset_id).id
    touches = touching(here, relation_type)
    others = or_(
        Asset.id.in_(select(Relation.related_to_asset_id).where(touches)),
        Asset.id.in_(select(Relation.asset_id).where(touches)),
    )
    query = select(Asset).where(others, Asset.id != here, readable_by(call.actor, KIND, Asset.id))
    if not deleted:
        query = query.where(Asset.status == AssetStatus.ACTIVE)

    def render(rows: Sequence[Asset]) -> list[dict[str, Any]]:
        relations = call.session.scalars(select(Relation).where(touches).order_by(Relation.id)).all()
        return [{**body, "relations": between(relations, body["id"])} for body in in_list(call)(rows)]

    return paged(call, ordered(query, sort, COLUMNS, Asset.id), page, per_page, render)


def between(relations: Sequence[Relation], other: str) -> list[dict[str, Any]]:
    """Serialise the relations of which `other` is one end."""
    return [
        {**relation_body(relation), "related_from_asset_id": str(relation.asset_id)}
        for relation in relations
        if other in (str(relation.asset_id), str(relation.related_to_asset_id))
    ]
