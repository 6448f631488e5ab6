"""Find an asset or collection on which an actor has a permission, in one query. What it may not read does not exist."""

import uuid
from functools import cache
from typing import TypeVar

from sqlalchemy import ARRAY, Select, Uuid, bindparam, func, select, true
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_grant, has_permission, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND, Collection
from services.core.errors import PermissionDenied, require_found

PermittedRow = TypeVar("PermittedRow", Asset, Collection)
KINDS_OF_TABLES: dict[type[Asset] | type[Collection], str] = {Asset: ASSET_KIND, Collection: COLLECTION_KIND}


def find_permitted(
    session: Session,
    actor: Actor,
    table: type[PermittedRow],
    key: uuid.UUID,
    permission: Permission = Permission.READ,
    *,
    lock: bool = False,
) -> PermittedRow:
    """Return an object, deleted ones included except for guests; for a merged asset its survivor.

    Raises:
        NotFound: it does not exist, or the actor may not read it.
        PermissionDenied: the actor may read it but lacks `permission`.
    """
    noun = KINDS_OF_TABLES[table].removesuffix("s")
    query = (
        _user_query(table, permission, lock, actor.is_admin, bool(actor.propagating))
        if actor.guest is None
        else _guest_query(table, actor, permission, lock)
    )
    reaching = {each.name: actor.reaching(each) for each in (Permission.READ, permission)} if actor.propagating else {}
    values = {"key": key, "principals": actor.principal_ids, **reaching}
    found = session.execute(query, values, execution_options={"populate_existing": lock}).first()
    row: PermittedRow
    row, may = require_found(found, noun, key)
    if not may:
        raise PermissionDenied(f'you may read the {noun} "{row.title}", but not "{permission}" it')
    return row


@cache
def _user_query(
    table: type[PermittedRow], permission: Permission, lock: bool, is_admin: bool, is_reached: bool
) -> Select[PermittedRow, bool]:
    """Build the statement for a user, cached: building it took longer than running it (1.0 of 2.1 ms).

    `is_reached` says whether permissions of any collection propagate to the actor; if not, that part is left out.
    """
    if is_admin:
        return _select_by_key(table, lock).add_columns(true())
    principals = bindparam("principals", type_=ARRAY(Uuid))
    reads, may = (
        has_grant(
            *(KINDS_OF_TABLES[table], table.id, each, principals),
            bindparam(each.name, type_=ARRAY(Uuid)) if is_reached else None,
        )
        for each in (Permission.READ, permission)
    )
    return _select_by_key(table, lock).add_columns(true() if permission == Permission.READ else may).where(reads)


def _guest_query(
    table: type[PermittedRow], actor: Actor, permission: Permission, lock: bool
) -> Select[PermittedRow, bool]:
    """Build the statement for a guest of a share, which never sees deleted objects."""
    kind = KINDS_OF_TABLES[table]
    may = has_permission(actor, kind, table.id, permission)
    opened = table.status == AssetStatus.ACTIVE.value, readable_by(actor, kind, table.id)
    return _select_by_key(table, lock).add_columns(may).where(*opened)


def _select_by_key(table: type[PermittedRow], lock: bool) -> Select[PermittedRow]:
    """Select the object of the parameter `key`, and lock it as foreign keys do."""
    key = bindparam("key", type_=Uuid)
    survivor = select(func.coalesce(Asset.merged_into, Asset.id)).where(Asset.id == key).scalar_subquery()
    query = select(table).where(table.id == (survivor if table is Asset else key))
    return query.with_for_update(of=table, key_share=True) if lock else query
