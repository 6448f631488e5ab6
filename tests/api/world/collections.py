"""Collections for the matrix: one that holds the asset and a subcollection, a spare one, and a deleted one."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models.access.acl import ALL_PERMISSIONS, AclEntry, PrincipalKind
from models.catalog.collection import Collection, CollectionAsset, CollectionStatus
from models.core.base import new_id


def make_collections(session: Session, asset: UUID, owner: UUID, reader: UUID | None) -> dict[str, object]:
    """Collections of the owner that the reader reads."""
    holder, spare, deleted = (_collection(session, owner, reader) for _ in range(3))
    inside = _collection(session, owner, reader, holder)
    deleted.status, deleted.date_deleted = CollectionStatus.DELETED, datetime.now(UTC)
    session.add(CollectionAsset(collection_id=holder.id, asset_id=asset, carries_rights=True))
    session.flush()
    return {
        "collection_id": holder.id,
        "subcollection_id": inside.id,
        "spare_collection_id": spare.id,
        "deleted_collection_id": deleted.id,
    }


def _collection(session: Session, owner: UUID, reader: UUID | None, parent: Collection | None = None) -> Collection:
    key = new_id()
    made = Collection(id=key, title=f"c {key}", path=[*(parent.path if parent else []), key], created_by_user=owner)
    made.parent_id = parent.id if parent else None
    session.add(made)
    session.flush()
    session.add(_entry(key, owner, ALL_PERMISSIONS))
    if reader is not None:
        session.add(_entry(key, reader, ("read",)))
    session.flush()
    return made


def _entry(key: UUID, who: UUID, permissions: tuple[str, ...]) -> AclEntry:
    entry = AclEntry(object_id=key, object_type="collections", principal_id=who, principal_kind=PrincipalKind.USER)
    entry.permissions = list(permissions)
    return entry
