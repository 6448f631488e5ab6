"""Mirror a storage's folders as collections, if its settings ask for it.

Runs in the transaction that publishes assets, with a few statements per batch, however many folders. A mirrored
collection follows its folder's name and parent. What users add to it stays; what users delete is not created again.

After the setting is turned on, a job mirrors the folders of a storage that already has assets."""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, Actor
from models.catalog.collection import (
    COLLECTION_KIND,
    MAX_COLLECTION_DEPTH,
    Collection,
    CollectionAsset,
    CollectionStatus,
)
from models.catalog.history import Operation
from models.catalog.storage import Storage, StorageSettings
from models.core.base import new_id
from models.core.statements import copy_rows, in_array
from models.queues.island import Island
from models.queues.job import Job
from services.catalog.collections.collections import LOCK_TREE
from services.catalog.collections.copying import added_to_collection_text
from services.catalog.collections.folder_renames import MirroredFolder, load_folder_chains, reassign_renamed_folders
from services.catalog.collections.tree import REWRITE_PATHS
from services.core.history import HistoryEntry, copy_history
from services.ingest.effects import IngestWrite
from services.ingest.reader import read_storage_rules
from services.ingest.state import IslandState, StorageRules
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

MIRROR_ACTOR_NAME = "folder mirror"
MIRROR_MEMBERSHIP_COLUMNS = ("collection_id", "asset_id", "carries_rights", "mirrors_folder")


# One file represents a set: a sequence is in one folder, and reading its 100,000 frames would slow down its ingest.
SELECT_ASSET_FOLDERS = text("""
    SELECT DISTINCT file_set.asset_id, coalesce(file_set.bucket_folder_id, (
        SELECT min(file.folder_id) FROM file_set_file AS member JOIN file ON file.id = member.file_id
        WHERE member.file_set_id = file_set.id))
    FROM file_set JOIN format ON format.id = file_set.format_id JOIN asset ON asset.id = file_set.asset_id
    WHERE asset.id IN (SELECT asset_id FROM file_set AS here WHERE here.island_id = ANY(:islands))
        AND file_set.storage_id = :storage AND format.role = 'original' AND asset.status = 'ACTIVE'
""")

# Only rows of the mirror (mirrors_folder); trigger mark_collection_asset_delete queues the assets.
DELETE_STALE_MEMBERSHIPS = text("""
    DELETE FROM collection_asset AS place USING collection
    WHERE collection.id = place.collection_id AND collection.storage_id = :storage AND place.mirrors_folder
        AND (place.asset_id = ANY(CAST(:touched AS uuid[])) OR collection.folder_id IN (
            SELECT id FROM folder WHERE island_id = ANY(:islands)))
        AND NOT EXISTS (
            SELECT FROM unnest(CAST(:collections AS uuid[]), CAST(:assets AS uuid[])) AS wanted (collection, asset)
            WHERE wanted.collection = place.collection_id AND wanted.asset = place.asset_id)
    RETURNING place.collection_id, place.asset_id
""")


def mirror_ingested_folders(session: Session, written: IngestWrite) -> None:
    """Mirror the folders of the islands that an ingest finishes, where their storage asks for it."""
    islands: dict[uuid.UUID, list[IslandState]] = {}
    for island in written.finished:
        if island.rules.settings.enable_collection_directory_mapping:
            islands.setdefault(island.rules.id, []).append(island)
    for of_storage in islands.values():
        mirror_islands(session, of_storage[0].rules, [island.claim.id for island in of_storage])


def mirror_islands(session: Session, storage: StorageRules, island_ids: Sequence[int]) -> int:
    """Add the assets of islands to the collections of their folders, and remove them from former ones.

    Repeating it changes nothing.

    Returns:
        The number of memberships added or removed.
    """
    parameters = {"islands": list(island_ids), "storage": storage.id}
    homes = [
        (asset, folder) for asset, folder in session.execute(SELECT_ASSET_FOLDERS, parameters) if folder is not None
    ]
    of_folder = _collections_of(session, storage, homes)
    wanted = {(of_folder[folder], asset) for asset, folder in homes if folder in of_folder}
    columns = {"collections": [key for key, _ in wanted], "assets": [asset for _, asset in wanted]}
    touched = list({asset for asset, _ in homes})
    gone = session.execute(DELETE_STALE_MEMBERSHIPS, {**parameters, **columns, "touched": touched}).all()
    put = _add_memberships(session, wanted)
    _record_membership_changes(session, put, "put into")
    _record_membership_changes(session, [tuple(row) for row in gone], "taken out of")
    return len(put) + len(gone)


def _add_memberships(
    session: Session, wanted: Iterable[tuple[uuid.UUID, uuid.UUID]]
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Add missing memberships; one that a user made stays the user's."""
    wanted = set(wanted)
    there = select(CollectionAsset.collection_id, CollectionAsset.asset_id).where(
        in_array(CollectionAsset.collection_id, {key for key, _ in wanted}),
        in_array(CollectionAsset.asset_id, {asset for _, asset in wanted}),
    )
    missing = sorted(wanted - {tuple(row) for row in session.execute(there)}) if wanted else []
    # COPY fires triggers too: mark_collection_asset_insert queues the assets.
    copy_rows(session, CollectionAsset, MIRROR_MEMBERSHIP_COLUMNS, ((key, asset, True, True) for key, asset in missing))
    return missing


def _record_membership_changes(session: Session, places: Sequence[tuple[uuid.UUID, uuid.UUID]], what: str) -> None:
    mirrored = ", which mirrors its folder"
    said = (
        HistoryEntry(asset, Operation.CUSTOM, added_to_collection_text(key).replace("put into", what) + mirrored)
        for key, asset in places
    )
    copy_history(session, said, Actor(MIRROR_ACTOR_NAME))


def _collections_of(
    session: Session, storage: StorageRules, homes: Sequence[tuple[uuid.UUID, int]]
) -> dict[int, uuid.UUID]:
    """Return the collection of each folder, created, renamed or moved as needed.

    A folder has none if a user deleted its collection or one above it. Folders below the maximum depth share the
    collection of their deepest mirrored ancestor.
    """
    folder_ids = {folder for _, folder in homes}
    folders = load_folder_chains(session, storage.name, folder_ids)
    known = _collections_by_folder(session, folders)
    if any(_is_outdated(known.get(folder.id), folder, known) for folder in folders.values()):
        # Only when something differs: the tree lock is exclusive. Rows are read again under it.
        session.execute(LOCK_TREE)
        known = _collections_by_folder(session, folders)
        known |= reassign_renamed_folders(session, storage.id, homes, folders, known)
        _sync_collections(session, storage, folders, known)
    found: dict[int, uuid.UUID] = {}
    for folder_id in folder_ids & folders.keys():
        nearest = folders[folder_id]
        while nearest.depth > MAX_COLLECTION_DEPTH and nearest.parent_id is not None:
            nearest = folders[nearest.parent_id]
        collection = known.get(nearest.id)
        if collection is not None and collection.status == CollectionStatus.ACTIVE:
            found[folder_id] = collection.id
    return found


def _collections_by_folder(session: Session, folders: Mapping[int, MirroredFolder]) -> dict[int, Collection]:
    """Load the collections that mirror these folders, by folder."""
    query = select(Collection).where(in_array(Collection.folder_id, folders)).execution_options(populate_existing=True)
    return {row.folder_id: row for row in session.scalars(query) if row.folder_id is not None}


def _is_outdated(collection: Collection | None, folder: MirroredFolder, known: Mapping[int, Collection]) -> bool:
    if folder.depth > MAX_COLLECTION_DEPTH:
        return False
    above = known.get(folder.parent_id) if folder.parent_id is not None else None
    if collection is None:
        return above is None or above.status == CollectionStatus.ACTIVE
    if collection.status != CollectionStatus.ACTIVE:
        return False
    return collection.title != folder.title or collection.parent_id != (above.id if above else None)


def _sync_collections(
    session: Session, storage: StorageRules, folders: Mapping[int, MirroredFolder], known: dict[int, Collection]
) -> None:
    """Create missing collections from the root down; rename and move those that differ from their folder."""
    made: list[Collection] = []
    for folder in folders.values():
        above = known.get(folder.parent_id) if folder.parent_id is not None else None
        if folder.depth > MAX_COLLECTION_DEPTH or (above is None and folder.parent_id is not None):
            continue
        if above is not None and above.status != CollectionStatus.ACTIVE:
            continue
        collection = known.get(folder.id)
        if collection is None:
            # Trigger mark_collection_insert queues the document.
            known[folder.id] = _new_collection(storage, folder, above)
            # Added immediately: a following collection may move below it.
            session.add(known[folder.id])
            made.append(known[folder.id])
        elif collection.status == CollectionStatus.ACTIVE:
            _sync_collection(session, collection, folder, above)
    session.flush()
    _grant_storage_permissions(session, storage, made)


def _new_collection(storage: StorageRules, folder: MirroredFolder, above: Collection | None) -> Collection:
    key = new_id()
    return Collection(
        id=key,
        title=folder.title,
        parent_id=above.id if above else None,
        path=[*(above.path if above else ()), key],
        storage_id=storage.id,
        folder_id=folder.id,
        status=CollectionStatus.ACTIVE,
        created_by_user=storage.owner_id,
    )


def _sync_collection(
    session: Session, collection: Collection, folder: MirroredFolder, above: Collection | None
) -> None:
    """Give a collection its folder's title and parent."""
    if collection.title != folder.title:
        # Flushing fires mark_collection_update, which queues the document; so for the parent below.
        collection.title = folder.title
    wanted = above.id if above else None
    if collection.parent_id == wanted:
        return
    session.flush()
    below = select(func.max(func.cardinality(Collection.path))).where(Collection.path.contains([collection.id]))
    levels = (session.scalar(below) or 0) - len(collection.path) + 1
    if (len(above.path) if above else 0) + levels > MAX_COLLECTION_DEPTH:
        return
    values = {"above": above.path if above else [], "start": len(collection.path), "id": collection.id}
    session.execute(REWRITE_PATHS, values)
    collection.parent_id = wanted
    session.flush()
    # REWRITE_PATHS changed rows behind the session's back.
    session.expire_all()


def _grant_storage_permissions(session: Session, storage: StorageRules, made: Sequence[Collection]) -> None:
    """Grant what the storage grants on everything it ingests."""
    rows = [
        {
            "object_id": collection.id,
            "object_type": COLLECTION_KIND,
            "principal_id": right.principal.id,
            "principal_kind": right.principal.kind,
            "permissions": list(right.permissions),
        }
        for collection in made
        for right in storage.rights
    ]
    if rows:
        # Trigger mark_collection_readers_insert queues the documents of collections that get readers.
        session.execute(insert(AclEntry), rows)


MIRROR_FOLDERS_TASK = "maintenance.mirror_folders"
MAX_MIRRORED_ISLANDS = 200
"""Islands per transaction."""


def request_mirror_backfill(session: Session, storage: Storage, actor: Actor | None) -> Job:
    """Create a job that mirrors all folders of a storage."""
    title = f'Create collections for the folders of storage "{storage.name}"'
    about = {"object_type": "storages", "object_id": storage.id}
    return add_job(session, MIRROR_FOLDERS_TASK, "REQUEST_COLLECTION_MAP", title, actor, **about)


def mirror_batch(session: Session, run: JobRun, place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Mirror the next islands by id; ends if the setting was turned off meanwhile."""
    storage = session.get(Storage, run.claim.object_id)
    if storage is None or not StorageSettings.model_validate(storage.settings).enable_collection_directory_mapping:
        return 0, None
    after = int(place.get("after", 0))
    due = (
        select(Island.id)
        .where(Island.storage_id == storage.id, Island.id > after)
        .order_by(Island.id)
        .limit(MAX_MIRRORED_ISLANDS)
    )
    # FOR UPDATE: a concurrent ingest of the same island waits, so that both see the same assets.
    islands = session.scalars(due.with_for_update()).all()
    if islands:
        mirror_islands(session, read_storage_rules(session, storage), islands)
    return len(islands), {"after": islands[-1]} if len(islands) == MAX_MIRRORED_ISLANDS else None


MIRROR_FOLDERS_JOBS = JobKind(MIRROR_FOLDERS_TASK, batches(mirror_batch, "islands were mirrored"))
