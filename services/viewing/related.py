"""What an asset is connected with: its files one by one, related assets, and collections that hold it or could."""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_permission, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus, FileSet, FileSetFile
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionAsset, CollectionStatus
from models.catalog.file import File, FileStatus
from models.catalog.metadata import FieldType, MetadataField
from models.catalog.relation import Relation, RelationType
from models.core.base import parse_id
from models.core.paths import display_path
from models.core.statements import in_array
from services.catalog.assets.assets import find_asset
from services.catalog.assets.relations import relation_touches
from services.core.errors import ValidationFailed

MAX_SHOWN_RELATIONS, MAX_LISTED_COLLECTIONS, MAX_TREE_FILES, MAX_LISTED_TAG_FIELDS = 100, 300, 25, 50
UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RelatedAsset:
    """An asset at the other end of a relation, with the label of this direction."""

    relation: Relation
    label: str
    other: Asset


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of a file set; `error` says why it cannot be read."""

    id: uuid.UUID
    name: str
    size: int
    status: FileStatus
    error: str | None


def list_related_assets(session: Session, actor: Actor, asset: Asset) -> list[RelatedAsset]:
    """Return the related assets that the actor reads."""
    is_source = Relation.asset_id == asset.id
    other = case((is_source, Relation.related_to_asset_id), else_=Relation.asset_id)
    label = case((is_source, RelationType.source_label), else_=RelationType.destination_label)
    query = (
        select(Relation, label, Asset)
        .join(RelationType, RelationType.name == Relation.relation_type)
        .join(Asset, Asset.id == other)
        .where(relation_touches(asset.id), Asset.status == AssetStatus.ACTIVE, readable_by(actor, ASSET_KIND, Asset.id))
        .order_by(label, Asset.title, Relation.id)
    )
    return [RelatedAsset(*row) for row in session.execute(query.limit(MAX_SHOWN_RELATIONS))]


def list_relation_types(session: Session) -> Sequence[RelationType]:
    """Return the types of relations by label."""
    return session.scalars(select(RelationType).order_by(RelationType.source_label, RelationType.name)).all()


def find_mentioned_asset(session: Session, actor: Actor, text: str) -> Asset:
    """Return the asset that a text means: the address of its page, its id, or its title if only one has it.

    Raises:
        ValidationFailed: none that the actor reads is called that, or several are.
    """
    mentioned = UUID_PATTERN.findall(text)
    key = parse_id(mentioned[-1]) if mentioned else None
    if key is not None:
        return find_asset(session, actor, key)
    called = (func.lower(Asset.title) == text.strip().lower(), Asset.status == AssetStatus.ACTIVE)
    found = session.scalars(select(Asset).where(*called, readable_by(actor, ASSET_KIND, Asset.id)).limit(2)).all()
    if len(found) == 1:
        return found[0]
    what = "several assets have this title; give the address of one" if found else "no asset has this title"
    raise ValidationFailed("other", f'"{text.strip()[:80]}": {what}')


def list_holding_collections(session: Session, actor: Actor, asset: Asset) -> Sequence[Collection]:
    """Return the collections that contain an asset and that the actor reads."""
    query = (
        select(Collection)
        .join(CollectionAsset, CollectionAsset.collection_id == Collection.id)
        .where(
            CollectionAsset.asset_id == asset.id,
            Collection.status == CollectionStatus.ACTIVE,
            readable_by(actor, COLLECTION_KIND, Collection.id),
        )
    )
    return session.scalars(query.order_by(Collection.title, Collection.id)).all()


def list_writable_collections(session: Session, actor: Actor) -> Sequence[Collection]:
    """Return the collections that the actor may add to, by title."""
    may = has_permission(actor, COLLECTION_KIND, Collection.id, Permission.WRITE)
    query = select(Collection).where(Collection.status == CollectionStatus.ACTIVE, may)
    return session.scalars(query.order_by(Collection.title, Collection.id).limit(MAX_LISTED_COLLECTIONS)).all()


def list_tag_fields(session: Session) -> Sequence[MetadataField]:
    """Return the metadata fields that hold tags, by label."""
    query = select(MetadataField).where(
        MetadataField.field_type == FieldType.TAG_CLOUD, MetadataField.date_deleted.is_(None)
    )
    return session.scalars(query.order_by(MetadataField.label, MetadataField.id).limit(MAX_LISTED_TAG_FIELDS)).all()


def load_set_files(session: Session, sets: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[TreeFile]]:
    """Return the first files of file sets by name, in one query."""
    place = func.row_number().over(partition_by=FileSetFile.file_set_id, order_by=File.name).label("place")
    numbered = (
        select(FileSetFile.file_set_id, File.id, File.name, File.size, File.status, File.error, place)
        .join(File, File.id == FileSetFile.file_id)
        .where(in_array(FileSetFile.file_set_id, list(sets)))
        .subquery()
    )
    rows = session.execute(select(numbered).where(numbered.c.place <= MAX_TREE_FILES).order_by(numbered.c.place))
    files: dict[uuid.UUID, list[TreeFile]] = defaultdict(list)
    for row in rows:
        files[row.file_set_id].append(TreeFile(row.id, display_path(row.name), row.size, row.status, row.error))
    return files


def list_file_ids_of_sets(session: Session, asset: Asset, sets: Sequence[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Return the files of those file sets that belong to an asset."""
    query = select(FileSetFile.file_id).join(FileSet, FileSet.id == FileSetFile.file_set_id)
    return session.scalars(query.where(FileSet.asset_id == asset.id, in_array(FileSet.id, list(sets)))).all()
