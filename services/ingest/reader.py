"""Reader of islands, in one snapshot: loads only what a finish can need, so that one frame more does not read its
whole sequence."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from grouping import FrameSequence, GroupingResult, Profile, Single, group_items
from models.catalog.asset import Asset, Component, FileSet, Format
from models.catalog.file import Folder, read_folder_paths
from models.catalog.pin import Pin as PinRow
from models.catalog.storage import Storage, StorageSettings
from models.core.statements import in_array
from models.queues.island import Island, IslandClaim
from services.access.acl_templates import grants_for_ingested
from services.ingest.affected import may_narrow, narrow_to_affected
from services.ingest.blocks import read_blocks
from services.ingest.frame_buckets import read_frame_buckets
from services.ingest.state import (
    SELECT_ISLAND_FILES,
    IslandSnapshot,
    IslandState,
    StorageRules,
    StoredAsset,
    keep_stored_groups,
    read_stored_file,
)

# Frames are read only if they changed since the last finish, are pinned, or are in a status that may change unnoticed;
# all others are in the stored ranges of their bucket.
SELECT_CHANGED_ISLAND_FILES = text(f"""{SELECT_ISLAND_FILES}
    JOIN unnest(CAST(:folders AS bigint[]), CAST(:done AS bigint[])) AS of_island (folder_id, done)
        ON of_island.folder_id = file.folder_id
    WHERE file.status <> 'DELETED'
        AND (file.bucket IS NULL OR file.seen > of_island.done OR file.status IN ('GROWING', 'OPEN')
            OR pin.file_id IS NOT NULL)
""")

# Frames in file sets that are not exactly one sequence of a bucket, such as numbered stills: with groups of older rules
# that are kept, the ranges alone do not show where these belong.
SELECT_LONE_FRAMES = text(f"""{SELECT_ISLAND_FILES}
    JOIN file_set ON file_set.id = member.file_set_id
    WHERE file_set.island_id = ANY(:islands) AND file_set.bucket_key IS NULL AND file.bucket IS NOT NULL
        AND file.status <> 'DELETED'
""")

SELECT_BUCKET_FILES = text(f"""{SELECT_ISLAND_FILES}
    JOIN unnest(CAST(:folders AS bigint[]), CAST(:keys AS bytea[])) AS wanted (folder_id, key)
        ON wanted.folder_id = file.folder_id AND wanted.key = file.bucket
    WHERE file.status <> 'DELETED'
""")

# Assets and file sets with present files in islands outside this batch, which another worker may write now.
SELECT_SETS_PRESENT_ELSEWHERE = text("""
    SELECT DISTINCT file_set.asset_id, file_set.id FROM file_set
    JOIN file_set_file AS member ON member.file_set_id = file_set.id
    JOIN file ON file.id = member.file_id
    JOIN folder ON folder.id = file.folder_id
    WHERE file_set.asset_id = ANY(:assets) AND file.status NOT IN ('MISSING', 'DELETED')
        AND NOT (folder.island_id = ANY(:islands))
""")

BucketKey = tuple[int, bytes]


def claim_islands_read_only(session: Session, island_ids: Sequence[int]) -> list[IslandClaim]:
    """Return claims of islands for reading only: no lease is taken, so nothing may be written with them."""
    rows = session.scalars(select(Island).where(in_array(Island.id, island_ids)).order_by(Island.id))
    return [
        IslandClaim(
            id=row.id,
            storage_id=row.storage_id,
            folder_id=row.folder_id,
            seen=row.seen,
            done=row.done,
            epoch=row.epoch,
            reads_all_files=True,
            rules_version=row.rules_version,
        )
        for row in rows
    ]


@dataclass(slots=True)
class GroupedIslands:
    """Snapshot of islands, and the result of the pure grouping function for each."""

    snapshot: IslandSnapshot
    groupings: dict[int, GroupingResult]


def read_and_group(session: Session, claims: Sequence[IslandClaim], profile: Profile | None = None) -> GroupedIslands:
    """Read islands and group them; the frames of a bucket are read only if its file sets change.

    Args:
        profile: used instead of the storages' current profiles.
    """
    islands, folders = _read_files(session, claims, profile)
    read = group_islands(session, islands)
    for island_id, state in islands.items():
        _read_whole_buckets(session, state, _buckets_to_read(state, read.groupings[island_id], read.snapshot), folders)
    _flag_needed_elsewhere(session, read.snapshot)
    return read


def group_islands(session: Session, islands: dict[int, IslandState]) -> GroupedIslands:
    """Group the files of islands, and read the assets that hold any of them."""
    for state in islands.values():
        for bucket in state.buckets.values():
            bucket.settle()
    whole = [state for state in islands.values() if not state.is_block and not may_narrow(session, state)]
    ids = {asset_id for state in whole for asset_id in _assets_of_island(session, state)}
    ids |= {asset_id for state in islands.values() for asset_id in state.block_assets or ()}
    older = [state for state in whole if state.keeps_groups]
    if older:
        stored = _read_stored_assets(session, islands, ids)
        for state in older:
            state.kept = keep_stored_groups(state, stored)
    groupings = {
        island_id: group_items(state.items(), state.rules.profile, state.pins(), state.empty_paths())
        for island_id, state in islands.items()
    }
    read_whole = {state.claim.id for state in islands.values() if not state.is_block}
    narrow = read_whole - {state.claim.id for state in whole}
    ids |= _narrow_groupings(session, islands, groupings, narrow, ids)
    return GroupedIslands(_read_stored_assets(session, islands, ids), groupings)


def _narrow_groupings(
    session: Session,
    islands: dict[int, IslandState],
    groupings: dict[int, GroupingResult],
    narrow: Collection[int],
    ids: set[uuid.UUID],
) -> set[uuid.UUID]:
    """Leave in the groupings of some islands what changes may concern; return the assets to match, beside `ids`."""
    whole = {island_id: groupings[island_id] for island_id in narrow}
    known = ids
    while True:
        # An asset that is matched for one island is matched with its plans in all of them.
        shared = _assets_by_island(session, known, narrow)
        found = set(known)
        for island_id, grouping in whole.items():
            also = shared.get(island_id, set())
            groupings[island_id], assets = narrow_to_affected(session, islands[island_id], grouping, also)
            found |= assets
        if found == known or len(whole) < 2:
            return found
        known = found


def read_storage_rules(session: Session, row: Storage, profile: Profile | None = None) -> StorageRules:
    """Return the rules by which a storage is grouped, with another profile if one is given."""
    settings = StorageSettings.model_validate(row.settings)
    return StorageRules(
        row.id,
        row.name,
        settings,
        profile or Profile.model_validate(row.profile),
        row.profile_revision,
        row.owner_id,
        tuple(grants_for_ingested(session, row.id, row.owner_id, settings.acl_template_id)),
    )


def _read_files(
    session: Session, claims: Sequence[IslandClaim], profile: Profile | None
) -> tuple[dict[int, IslandState], dict[int, bytes]]:
    storages = session.scalars(select(Storage).where(in_array(Storage.id, {claim.storage_id for claim in claims})))
    rules = {row.id: read_storage_rules(session, row, profile) for row in storages.all()}
    islands = {claim.id: IslandState(claim, rules[claim.storage_id]) for claim in claims}
    paths = read_folder_paths(session, islands, "island_id")
    members = session.execute(select(Folder.id, Folder.island_id).where(in_array(Folder.island_id, islands)))
    home = {row.id: islands[row.island_id] for row in members}
    folders: dict[int, dict[int, bytes]] = {}
    for folder, state in home.items():
        folders.setdefault(state.claim.id, {})[folder] = paths[folder]
    read_blocks(session, islands, folders)
    _read_whole_islands(session, {folder: state for folder, state in home.items() if not state.is_block}, paths)
    return islands, paths


def _read_whole_islands(session: Session, home: dict[int, IslandState], paths: dict[int, bytes]) -> None:
    """Read all lone files and frame ranges of islands (by folder), and the frames that changed."""
    summarised = {folder: not state.claim.reads_all_files for folder, state in home.items()}
    for place, bucket in read_frame_buckets(session, {folder: paths[folder] for folder in home}).items():
        if not summarised[place[0]]:
            # Rebuilt from the files; the stored row only shows that it has to be written or deleted.
            bucket.runs, bucket.is_changed = {}, True
        home[place[0]].buckets[place] = bucket
    done = [state.claim.done if summarised[folder] else -1 for folder, state in home.items()]
    for row in session.execute(SELECT_CHANGED_ISLAND_FILES, {"folders": list(home), "done": done}).all():
        home[row[1]].add(read_stored_file(row, paths))
    older = {state.claim.id for state in home.values() if state.keeps_groups}
    for row in session.execute(SELECT_LONE_FRAMES, {"islands": list(older)}) if older else ():
        file = read_stored_file(row, paths)
        if file.path not in home[row[1]].files:
            home[row[1]].add(file)


def _buckets_to_read(state: IslandState, grouping: GroupingResult, found: IslandSnapshot) -> list[BucketKey]:
    """Return buckets whose planned sequences differ from the stored file sets, so that members have to move."""
    planned: dict[BucketKey, set[int]] = {place: set() for place in state.buckets}
    mixed: set[BucketKey] = set()
    for plan in grouping.settled():
        for part in plan.formats:
            for file_set in part.file_sets:
                for member in file_set.members:
                    if isinstance(member, FrameSequence):
                        place = state.bucket_key_of(member.folder, member.key)
                        planned[place].add(member.padding)
                        if len(file_set.members) > 1:
                            mixed.add(place)
                    elif isinstance(member, Single) and member.described.bucket is not None:
                        mixed.add(state.bucket_key_of(member.folder, member.described.bucket))
    return [
        place
        for place, bucket in state.buckets.items()
        if bucket.runs
        and (place in mixed or planned[place] != found.file_sets_of_bucket.get(place, {}).keys())
        and not state.is_whole(place)
    ]


def _read_whole_buckets(session: Session, state: IslandState, places: list[BucketKey], paths: dict[int, bytes]) -> None:
    if places:
        for place in places:
            state.frames.pop(place, None)
        folders, keys = zip(*places, strict=True)
        for row in session.execute(SELECT_BUCKET_FILES, {"folders": list(folders), "keys": list(keys)}):
            file = read_stored_file(row, paths)
            state.files[file.path] = file
            state.frames.setdefault((file.folder_id, file.bucket or b""), []).append(file)


def _assets_of_island(session: Session, state: IslandState) -> set[uuid.UUID]:
    """Return the ids of all assets that hold any file of an island."""
    members = {file.file_set_id for file in state.files.values() if file.file_set_id}
    of_island = or_(FileSet.island_id == state.claim.id, in_array(FileSet.id, members))
    ids = set(session.scalars(select(FileSet.asset_id).where(of_island).distinct()))
    return ids | {uuid.UUID(pin.asset) for pin in state.pins().by_path.values()}


def _assets_by_island(
    session: Session, assets: Collection[uuid.UUID], islands: Collection[int]
) -> dict[int | None, set[uuid.UUID]]:
    """Return which of the assets have file sets in which of the islands."""
    found: dict[int | None, set[uuid.UUID]] = {}
    if assets and islands:
        of_both = in_array(FileSet.asset_id, assets), in_array(FileSet.island_id, islands)
        for island_id, asset_id in session.execute(select(FileSet.island_id, FileSet.asset_id).where(*of_both)):
            found.setdefault(island_id, set()).add(asset_id)
    return found


def _read_stored_assets(session: Session, islands: dict[int, IslandState], ids: set[uuid.UUID]) -> IslandSnapshot:
    """Read assets with their formats, file sets and components."""
    # A deleted asset keeps its files: without it, the next change of the island would make them another asset.
    unmerged = select(Asset).where(in_array(Asset.id, ids), Asset.merged_into.is_(None))
    assets = {row.id: StoredAsset(row) for row in session.scalars(unmerged)} if ids else {}
    found = IslandSnapshot(islands, assets, {}, {})
    if not assets:
        return found
    for of_asset in session.scalars(select(Format).where(in_array(Format.asset_id, assets))):
        assets[of_asset.asset_id].formats[of_asset.id] = of_asset
    kept = set(session.scalars(select(PinRow.format_id).where(in_array(PinRow.asset_id, assets)).distinct()))
    for asset in assets.values():
        asset.pinned_formats = frozenset(kept & asset.formats.keys())
    for row in session.scalars(select(FileSet).where(in_array(FileSet.asset_id, assets))):
        assets[row.asset_id].file_sets[row.id] = row
        if row.format_id not in kept:
            found.asset_of_set[row.id] = row.asset_id
        if row.bucket_key is not None and row.bucket_folder_id is not None and row.padding is not None:
            found.file_sets_of_bucket.setdefault((row.bucket_folder_id, bytes(row.bucket_key)), {})[row.padding] = row
    owners = {set_id: asset for asset in assets.values() for set_id in asset.file_sets}
    for part in session.scalars(
        select(Component).where(in_array(Component.file_set_id, owners), ~Component.from_header).order_by(Component.id)
    ):
        if part.file_set_id is not None:
            owners[part.file_set_id].components.setdefault(part.file_set_id, []).append(part)
    return found


def _flag_needed_elsewhere(session: Session, found: IslandSnapshot) -> None:
    """Set what is present elsewhere; queried only for assets that could be merged or go offline, to save the join."""
    held = {
        found.asset_of_set.get(file.file_set_id)
        for state in found.islands.values()
        for file in state.files.values()
        if file.file_set_id is not None and file.is_present
    }
    for state in found.islands.values():
        for place, bucket in state.buckets.items():
            if bucket.runs:
                held.update(row.asset_id for row in found.file_sets_of_bucket.get(place, {}).values())
    asked = [
        asset_id
        for asset_id, asset in found.assets.items()
        if asset_id not in held or asset.row.island_id not in found.islands
    ]
    if asked:
        for asset_id, set_id in session.execute(
            SELECT_SETS_PRESENT_ELSEWHERE, {"assets": asked, "islands": list(found.islands)}
        ):
            found.assets[asset_id].is_needed_elsewhere = True
            found.assets[asset_id].sets_elsewhere.add(set_id)
