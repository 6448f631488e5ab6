"""Check, grant and revoke permissions on objects. An object that the actor may not read is reported as missing."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Uuid, delete, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import (
    ALL_PERMISSIONS,
    NOT_INHERITED,
    AclEntry,
    AclTemplate,
    Actor,
    Permission,
    PrincipalKind,
    has_permission,
)
from models.access.user import User, UserGroup
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.catalog.history import Operation
from models.catalog.storage import Storage
from models.core.base import parse_id
from services.core.audit_log import record_audit
from services.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed, require_found, require_known
from services.core.history import record_history

COLLECTION_ACL_KIND = "collections"
MAX_PROPAGATING_COLLECTIONS = 1_000
"""Collections that propagate permissions to one user or group: each request loads all of its actor's."""
MERGED_PERMISSIONS: ColumnElement[list[str]] = literal_column(
    "ARRAY(SELECT DISTINCT unnest(acl_entry.permissions || excluded.permissions))"
)


@dataclass(frozen=True, slots=True)
class AclKind:
    """A kind of object with permissions. Everyone may read an open kind; only administrators change it."""

    noun: str
    table: type[Asset] | type[Collection] | type[Storage] | type[AclTemplate]
    is_open: bool = False


ACL_KINDS = {
    "assets": AclKind("asset", Asset),
    "collections": AclKind("collection", Collection),
    "storages": AclKind("storage", Storage),
    "acl_templates": AclKind("ACL template", AclTemplate, is_open=True),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or group that permissions are granted to."""

    kind: PrincipalKind
    id: uuid.UUID


def get_acl_kind(object_type: str) -> AclKind:
    """Return the kind of this name, or raise ValidationFailed."""
    require_known("object_type", object_type, ACL_KINDS, "has no rights")
    return ACL_KINDS[object_type]


def parse_permission(text: str) -> Permission:
    """Parse the name of a permission, or raise ValidationFailed."""
    require_known("permission", text, ALL_PERMISSIONS, "is no permission")
    return Permission(text)


def resolve_object_id(session: Session, object_type: str, object_key: str) -> uuid.UUID:
    """Resolve a key to an object id; the key of a merged asset resolves to its survivor."""
    kind = get_acl_kind(object_type)
    key = parse_id(object_key)
    if key is None:
        raise ValidationFailed("object_key", f'"{object_key[:80]}" is no id')
    column = func.coalesce(Asset.merged_into, Asset.id) if kind.table is Asset else kind.table.id
    return require_found(session.scalar(select(column).where(kind.table.id == key)), kind.noun, key)


def effective_permissions(session: Session, actor: Actor, object_type: str, object_id: uuid.UUID) -> list[str]:
    """Return all permissions of the actor on an object, its groups' included."""
    if actor.is_admin and not actor.only_browses:
        return list(ALL_PERMISSIONS)
    if get_acl_kind(object_type).is_open:
        return [Permission.READ.value]
    key = literal(object_id, Uuid)
    held = session.execute(
        select(*(has_permission(actor, object_type, key, permission) for permission in Permission))
    ).one()
    return [permission for permission, may in zip(ALL_PERMISSIONS, held, strict=True) if may]


def find_acl_object(
    session: Session, actor: Actor, object_type: str, object_key: str, permission: Permission = Permission.READ
) -> uuid.UUID:
    """Return the id of an object on which the actor has `permission`; NotFound if it may not even read it."""
    object_id = resolve_object_id(session, object_type, object_key)
    held = effective_permissions(session, actor, object_type, object_id)
    if Permission.READ not in held:
        raise NotFound(get_acl_kind(object_type).noun, object_key)
    if permission not in held:
        raise PermissionDenied(f'you may read {get_acl_kind(object_type).noun} {object_key}, but not "{permission}" it')
    return object_id


def permitted_ids(
    session: Session, actor: Actor, object_type: str, object_keys: Sequence[str], permissions: Iterable[Permission]
) -> dict[str, uuid.UUID]:
    """Return the ids of those keys on which the actor has all `permissions`, in two queries.

    Unknown keys are left out like forbidden ones.
    """
    kind, wanted = get_acl_kind(object_type), set(permissions)
    if kind.is_open and not actor.is_admin and wanted - {Permission.READ}:
        return {}
    living = _resolve_object_ids(session, kind, object_keys)
    query = select(kind.table.id).where(kind.table.id.in_(living.values()))
    if not kind.is_open:
        query = query.where(*(has_permission(actor, object_type, kind.table.id, permission) for permission in wanted))
    held = set(session.scalars(query))
    return {key: identity for key, identity in living.items() if identity in held}


def _resolve_object_ids(session: Session, kind: AclKind, object_keys: Sequence[str]) -> dict[str, uuid.UUID]:
    ids = {key: identity for key in object_keys if (identity := parse_id(key))}
    if kind.table is not Asset:
        return ids
    rows = session.execute(
        select(Asset.id, func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id.in_(ids.values()))
    )
    living = {row[0]: row[1] for row in rows}
    return {key: living[identity] for key, identity in ids.items() if identity in living}


def acl_entries_of(session: Session, object_type: str, object_id: uuid.UUID) -> Sequence[AclEntry]:
    """Load all ACL entries of one object."""
    return session.scalars(
        select(AclEntry)
        .where(AclEntry.object_id == object_id, AclEntry.object_type == object_type)
        .order_by(AclEntry.principal_id)
    ).all()


def find_acl_entry(session: Session, object_type: str, object_id: uuid.UUID, principal: Principal) -> AclEntry | None:
    """Return the object's own (not inherited) entry for one user or group."""
    return session.get(AclEntry, (object_id, object_type, principal.id, NOT_INHERITED))


def grant_permissions(
    session: Session,
    object_type: str,
    object_ids: Iterable[uuid.UUID],
    principals: Sequence[Principal],
    permissions: Iterable[str],
    actor: Actor,
    *,
    adds: bool = False,
    propagates: bool | None = None,
) -> None:
    """Grant permissions on objects, replacing existing ones or (`adds`) merging with them.

    `propagates` says whether entries of collections also apply to their contents; None leaves that unchanged.
    """
    if propagates and object_type != COLLECTION_ACL_KIND:
        raise ValidationFailed("propagating", f"rights on {object_type} do not propagate: nothing is inside")
    wanted = [
        permission for permission in ALL_PERMISSIONS if permission in {parse_permission(p).value for p in permissions}
    ]
    ids = sorted(object_ids)
    if not wanted and not adds:
        revoke_permissions(session, object_type, ids, principals, actor)
    if not wanted or not ids or not principals:
        return
    names = principal_names(session, principals)
    if propagates:
        refuse_excess_propagation(session, ids, principals)
    rows = [
        {
            "object_id": object_id,
            "object_type": object_type,
            "principal_id": principal.id,
            "principal_kind": principal.kind,
            "permissions": wanted,
            "propagates": bool(propagates),
        }
        for object_id in ids
        for principal in sorted(principals, key=lambda p: p.id)
    ]
    # Triggers mark_acl_entry_* (assets), mark_collection_readers_* and mark_segments_of_rights_* queue the documents.
    statement = insert(AclEntry)
    statement = statement.on_conflict_do_update(
        index_elements=["object_id", "object_type", "principal_id", "inherited_from"],
        set_={
            "permissions": MERGED_PERMISSIONS if adds else statement.excluded.permissions,
            "propagates": AclEntry.propagates if propagates is None else statement.excluded.propagates,
            "date_modified": literal_column("now()"),
        },
    )
    session.execute(statement.values(rows))
    said = ", ".join(wanted) + (", inside it too" if propagates else "")
    _record_acl_change(session, object_type, ids, f"access: {', '.join(names.values())} may {said}", actor)


def refuse_excess_propagation(session: Session, ids: Sequence[uuid.UUID], principals: Sequence[Principal]) -> None:
    """Raise Conflict if so many collections propagate to one principal that its requests would slow down."""
    held = select(AclEntry.principal_id, func.count()).where(
        AclEntry.propagates,
        AclEntry.principal_id.in_([principal.id for principal in principals]),
        AclEntry.object_id.not_in(ids),
    )
    for principal_id, count in session.execute(held.group_by(AclEntry.principal_id)):
        if count + len(ids) > MAX_PROPAGATING_COLLECTIONS:
            raise Conflict(
                f"rights of {count} collections propagate to {principal_id} already, and {MAX_PROPAGATING_COLLECTIONS} "
                "may: let those of a collection above them propagate instead"
            )


def revoke_permissions(
    session: Session,
    object_type: str,
    object_ids: Iterable[uuid.UUID],
    principals: Sequence[Principal],
    actor: Actor,
) -> list[uuid.UUID]:
    """Delete every own entry of these principals; returns the objects that had one."""
    ids = sorted(object_ids)
    # Triggers mark_acl_entry_delete and its siblings hide documents that lose `read` until they are reindexed.
    gone = session.scalars(
        delete(AclEntry)
        .where(
            AclEntry.object_id.in_(ids),
            AclEntry.object_type == object_type,
            AclEntry.inherited_from == NOT_INHERITED,
            AclEntry.principal_id.in_([principal.id for principal in principals]),
        )
        .returning(AclEntry.object_id)
        .execution_options(synchronize_session=False)
    )
    touched = sorted(set(gone))
    names = principal_names(session, principals)
    _record_acl_change(session, object_type, touched, f"access: taken away from {', '.join(names.values())}", actor)
    return touched


def _record_acl_change(session: Session, object_type: str, ids: Sequence[uuid.UUID], text: str, actor: Actor) -> None:
    """Record the change: in the history of assets, in the audit log for collections; other kinds have neither."""
    for object_id in ids:
        if object_type == "assets":
            record_history(session, object_id, Operation.CUSTOM, text, actor)
        elif object_type == COLLECTION_ACL_KIND:
            record_audit(session, object_type, object_id, text, actor)


def principal_names(session: Session, principals: Sequence[Principal]) -> dict[uuid.UUID, str]:
    """Return display names of these principals; NotFound if one does not exist."""
    users = [principal.id for principal in principals if principal.kind == PrincipalKind.USER]
    groups = [principal.id for principal in principals if principal.kind == PrincipalKind.GROUP]
    names: dict[uuid.UUID, str] = {}
    if users:
        names |= {user.id: user.display_name for user in session.scalars(select(User).where(User.id.in_(users)))}
    if groups:
        named = session.execute(select(UserGroup.id, UserGroup.name).where(UserGroup.id.in_(groups)))
        names |= {group_id: f'group "{name}"' for group_id, name in named}
    for principal in principals:
        if principal.id not in names:
            raise NotFound(principal.kind.value, principal.id)
    return names
