"""Relations between assets, and their types. A relation is recorded in the history of both assets."""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.catalog.asset import Asset
from models.catalog.history import Operation
from models.catalog.relation import Relation, RelationType
from models.core.base import new_id
from services.catalog.assets.assets import find_asset
from services.core.audit_log import record_audit
from services.core.errors import Conflict, PermissionDenied, ValidationFailed, require_administrator, require_found
from services.core.history import record_history
from services.core.rows import apply_changes, save_audited

RELATION_TYPE_KIND = "relation_types"


def find_relation_type(session: Session, name: str) -> RelationType:
    """Return a relation type by name."""
    return require_found(session.get(RelationType, name), "relation type", f'"{name[:80]}"')


def create_custom_relation_type(session: Session, made: RelationType, actor: Actor) -> RelationType:
    """Create a custom relation type."""
    require_administrator(actor, "make relation types")
    if session.get(RelationType, made.name) is not None:
        raise ValidationFailed("name", f'a relation type named "{made.name}" exists already')
    return save_audited(session, made, RELATION_TYPE_KIND, made.name, f'relation type "{made.name}" was created', actor)


def update_custom_relation_type(session: Session, name: str, changes: dict[str, Any], actor: Actor) -> RelationType:
    """Update labels, description and direction of a custom type; its name is its identity."""
    found = _get_custom_type(session, name, actor)
    apply_changes(found, {name: value for name, value in changes.items() if name != "name"})
    return save_audited(session, found, RELATION_TYPE_KIND, name, f'relation type "{name}" was changed', actor)


def delete_custom_relation_type(session: Session, name: str, actor: Actor) -> None:
    """Delete a custom type that no relation uses."""
    found = _get_custom_type(session, name, actor)
    if session.scalar(select(exists().where(Relation.relation_type == name))):
        raise Conflict(f'relations of the type "{name}" exist; remove them first')
    session.delete(found)
    record_audit(session, RELATION_TYPE_KIND, name, f'relation type "{name}" was deleted', actor)


def _get_custom_type(session: Session, name: str, actor: Actor) -> RelationType:
    """Return a custom type; PermissionDenied for the built-in ones."""
    require_administrator(actor, "change relation types")
    found = find_relation_type(session, name)
    if found.is_system:
        raise PermissionDenied(f'the relation type "{name}" is built in and cannot be changed; create one of your own')
    return found


def add_relation(
    session: Session, source_id: uuid.UUID, type_name: str, target_id: uuid.UUID, description: str, actor: Actor
) -> tuple[Relation, bool]:
    """Relate an asset that the actor may write to one that it may read.

    Returns:
        The relation, and whether it is new.
    """
    kind = find_relation_type(session, type_name)
    source = find_asset(session, actor, source_id, Permission.WRITE)
    target = find_asset(session, actor, target_id)
    if source.id == target.id:
        raise ValidationFailed("related_to_asset_id", "an asset cannot be related to itself")
    found = _find_between(session, kind, source.id, target.id)
    if found is not None:
        return found, False
    made = session.scalar(
        insert(Relation)
        .values(
            id=new_id(),
            asset_id=source.id,
            relation_type=kind.name,
            related_to_asset_id=target.id,
            description=description,
        )
        .on_conflict_do_nothing()
        .returning(Relation)
    )
    if made is None:
        return find_relation(session, source.id, kind.name, target.id), False
    _record_in_both_histories(session, kind, source, target, "related", actor)
    session.flush()
    return made, True


def _find_between(session: Session, kind: RelationType, one: uuid.UUID, other: uuid.UUID) -> Relation | None:
    """Return the relation from one asset to the other; for undirected types in either direction."""
    here = and_(Relation.asset_id == one, Relation.related_to_asset_id == other)
    there = and_(Relation.asset_id == other, Relation.related_to_asset_id == one)
    ends = here if kind.is_directional else or_(here, there)
    return session.scalar(select(Relation).where(Relation.relation_type == kind.name, ends))


def find_relation(session: Session, one: uuid.UUID, type_name: str, other: uuid.UUID) -> Relation:
    """Return the relation between two assets."""
    found = _find_between(session, find_relation_type(session, type_name), one, other)
    return require_found(found, "relation", f'"{type_name}" between {one} and {other}')


def reverse_relation(
    session: Session, source_id: uuid.UUID, type_name: str, target_id: uuid.UUID, actor: Actor
) -> Relation:
    """Swap source and destination of a directional relation. Needs write permission on both assets."""
    source = find_asset(session, actor, source_id, Permission.WRITE)
    target = find_asset(session, actor, target_id, Permission.WRITE)
    kind = find_relation_type(session, type_name)
    relation = find_relation(session, source.id, type_name, target.id)
    if kind.is_directional and _find_between(session, kind, target.id, source.id):
        raise Conflict(f'the relation "{type_name}" exists in the other direction already')
    relation.asset_id, relation.related_to_asset_id = relation.related_to_asset_id, relation.asset_id
    relation.date_modified = func.now()
    _record_in_both_histories(session, kind, target, source, "related", actor)
    session.flush()
    return relation


def remove_relation(session: Session, source_id: uuid.UUID, type_name: str, target_id: uuid.UUID, actor: Actor) -> None:
    """Remove a relation; the actor need not have access to the other asset."""
    source = find_asset(session, actor, source_id, Permission.WRITE)
    kind = find_relation_type(session, type_name)
    relation = find_relation(session, source.id, type_name, target_id)
    target = session.get_one(Asset, target_id)
    session.delete(relation)
    _record_in_both_histories(session, kind, source, target, "no longer related", actor)


def _record_in_both_histories(
    session: Session, kind: RelationType, source: Asset, target: Asset, what: str, actor: Actor
) -> None:
    """Record the change in both histories, without the other asset's title: its readers may differ."""
    record_history(session, source.id, Operation.CUSTOM, f"{what}: {kind.source_label} {target.id}", actor)
    record_history(session, target.id, Operation.CUSTOM, f"{what}: {kind.destination_label} {source.id}", actor)


def relation_touches(asset_id: uuid.UUID, type_name: str | None = None) -> ColumnElement[bool]:
    """Build the condition for relations of which the asset is either end."""
    ends = or_(Relation.asset_id == asset_id, Relation.related_to_asset_id == asset_id)
    return ends if type_name is None else and_(ends, Relation.relation_type == type_name)
