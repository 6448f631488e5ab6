"""Blocks: of an island without pins, only those lone files are read that its changes can concern.

The blocking keys of a changed file (`grouping.blocking`) lead to every file that can meet it in a group, theirs to the
next, and a stored asset to all of its files. What no such step reaches is grouped as it is stored. An island whose
block would hold a frame or a file about the whole folder is read whole (`services.ingest.reader`).
"""

import uuid
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from grouping import NumberedBucket, classify_path
from grouping.blocking import BLOCKING_VERSION, FOLDER_WIDE, blocking_keys, bucket_blocking_keys, has_blocks
from models.catalog.asset import FileSet
from models.catalog.file import hash_blocking_keys
from models.catalog.storage import Storage
from models.core.statements import AnyRow, in_array
from models.queues.island import Island
from services.ingest.affected import is_by_present_rules, read_assets_to_report
from services.ingest.state import SELECT_ISLAND_FILES, IslandState, StoredFile, read_stored_file

MAX_BLOCK_CHANGES = 500
"""For more changed files, reading the whole island costs less than looking for the block of each."""
MAX_BLOCK_FILES = 5_000
MAX_BLOCK_BUCKETS = 500
"""The keys of all buckets are compared with the block's."""

SELECT_CHANGED_FILES = text(f"""{SELECT_ISLAND_FILES}
    WHERE file.folder_id = ANY(:folders) AND file.seen > :done AND file.status <> 'DELETED'
    LIMIT {MAX_BLOCK_CHANGES + 1}
""")
# An island has one time to look again at all that waits, for a host or a sidecar: each grouping computes it from all.
SELECT_WAITING_FILES = text(f"""{SELECT_ISLAND_FILES}
    WHERE file.folder_id = ANY(:folders) AND member.file_id IS NULL AND file.bucket IS NULL AND file.status <> 'DELETED'
    LIMIT {MAX_BLOCK_CHANGES + 1}
""")
SELECT_FILES_BY_KEYS = text(f"""{SELECT_ISLAND_FILES}
    WHERE file.blocking_keys && CAST(:keys AS bigint[]) AND file.blocking_keys IS NOT NULL
        AND file.folder_id = ANY(:folders) AND file.status <> 'DELETED'
    LIMIT {MAX_BLOCK_FILES + 1}
""")
SELECT_FILES_OF_ASSETS = text(f"""{SELECT_ISLAND_FILES}
    JOIN file_set ON file_set.id = member.file_set_id
    WHERE file_set.asset_id = ANY(:assets) AND file.folder_id = ANY(:folders) AND file.status <> 'DELETED'
    LIMIT {MAX_BLOCK_FILES + 1}
""")
HAS_SEQUENCES = text("""
    SELECT EXISTS (
        SELECT FROM file_set WHERE asset_id = ANY(:assets) AND island_id = :island AND bucket_key IS NOT NULL
    )
""")
# A file that could never be read is in no group.
HAS_FILES_WITHOUT_KEYS = text("""
    SELECT EXISTS (
        SELECT FROM file WHERE folder_id = ANY(:folders) AND blocking_keys IS NULL AND bucket IS NULL
            AND status <> 'FAILED'
    )
""")
SELECT_BUCKET_KEYS = text(f"""
    SELECT folder_id, key FROM frame_bucket WHERE folder_id = ANY(:folders) LIMIT {MAX_BLOCK_BUCKETS + 1}
""")
SELECT_SHARED_ASSETS = text("""
    SELECT DISTINCT here.asset_id FROM file_set AS here JOIN file_set AS there ON there.asset_id = here.asset_id
    WHERE here.island_id = ANY(:islands) AND there.island_id = ANY(:others)
""")


def read_blocks(session: Session, islands: Mapping[int, IslandState], folders: Mapping[int, dict[int, bytes]]) -> None:
    """Read the blocks of those islands that have any, and the stored assets to match them with.

    Args:
        folders: folder paths by id, by island.
    """
    blocks = [IslandBlock(session, state, folders.get(island_id, {})) for island_id, state in islands.items()]
    blocks = [block for block in blocks if block.read_changes()]
    known: set[uuid.UUID] = set()
    while blocks:
        blocks = [block for block in blocks if block.complete()]
        more = _shared_assets(session, blocks, islands).union(*(block.find_assets() for block in blocks)) - known
        if not more:
            break
        known |= more
        blocks = [block for block in blocks if block.read_assets(more)]
    for block in blocks:
        block.state.block_assets = known


def _shared_assets(
    session: Session, blocks: Collection["IslandBlock"], islands: Mapping[int, IslandState]
) -> set[uuid.UUID]:
    """Return the assets with file sets in a block's island and in one that is read whole."""
    here = [block.state.claim.id for block in blocks]
    others = list(islands.keys() - set(here))
    if not here or not others:
        return set()
    return set(session.scalars(SELECT_SHARED_ASSETS, {"islands": here, "others": others}))


class IslandBlock:
    """Files of one island that its changes can concern. Each step returns whether the island is still one of blocks;
    if not, its state is empty again."""

    def __init__(self, session: Session, state: IslandState, paths: dict[int, bytes]) -> None:
        self.state = state
        self._session = session
        self._paths = paths
        self._folders = list(paths)
        self._fresh: list[StoredFile] = []
        self._sought: set[bytes] = set()
        self._sets: set[uuid.UUID] = set()
        self._buckets: set[bytes] | None = None

    def read_changes(self) -> bool:
        """Read what changed since the last grouping, and what waits."""
        if not self._may_have_blocks():
            return False
        changed = {"folders": self._folders, "done": self.state.claim.done}
        if not self._add(self._session.execute(SELECT_CHANGED_FILES, changed).all(), MAX_BLOCK_CHANGES):
            return False
        if self._session.get_one(Island, self.state.claim.id).wait_until is None:
            return True
        waiting = self._session.execute(SELECT_WAITING_FILES, {"folders": self._folders}).all()
        return self._add(waiting, MAX_BLOCK_CHANGES)

    def complete(self) -> bool:
        """Read all files that keys connect with the block."""
        profile = self.state.rules.profile
        while self._fresh:
            fresh, self._fresh = self._fresh, []
            keys = [blocking_keys(file.path, classify_path(file.path, profile), profile) for file in fresh]
            sought = {b"o" + FOLDER_WIDE}.union(*(each.sought() for each in keys)) - self._sought
            self._sought |= sought
            if any(FOLDER_WIDE in each.offers for each in keys) or self._meets_frames(sought):
                return self._give_up()
            hashes = [number for folder in self._folders for number in hash_blocking_keys(folder, sought)]
            found = self._session.execute(SELECT_FILES_BY_KEYS, {"folders": self._folders, "keys": hashes}).all()
            if not self._add(found, MAX_BLOCK_FILES):
                return False
        return True

    def find_assets(self) -> set[uuid.UUID]:
        """Return the assets that hold files of the block, and those that every grouping has to match."""
        owners = select(FileSet.asset_id).where(in_array(FileSet.id, self._sets)).distinct()
        return set(self._session.scalars(owners)) | read_assets_to_report(self._session, self.state)

    def read_assets(self, assets: Iterable[uuid.UUID]) -> bool:
        """Read all files of assets in this island."""
        wanted = {"folders": self._folders, "assets": list(assets), "island": self.state.claim.id}
        if self._session.scalar(HAS_SEQUENCES, wanted):
            return self._give_up()
        return self._add(self._session.execute(SELECT_FILES_OF_ASSETS, wanted).all(), MAX_BLOCK_FILES)

    def _may_have_blocks(self) -> bool:
        """Return whether it is grouped by the present rules, and all of its files have the present keys."""
        storage = self._session.get_one(Storage, self.state.rules.id)
        return (
            not self.state.claim.reads_all_files
            and storage.blocking_version == BLOCKING_VERSION
            and has_blocks(self._paths.values())
            and is_by_present_rules(self._session, self.state)
            and not self._session.scalar(HAS_FILES_WITHOUT_KEYS, {"folders": self._folders})
        )

    def _add(self, rows: Collection[AnyRow], most: int) -> bool:
        if len(rows) > most:
            return self._give_up()
        for row in rows:
            file = read_stored_file(row, self._paths)
            if file.bucket is not None or file.pin is not None:
                return self._give_up()
            if file.path not in self.state.files:
                self.state.add(file)
                self._fresh.append(file)
                if file.file_set_id is not None:
                    self._sets.add(file.file_set_id)
        return True

    def _give_up(self) -> bool:
        self.state.files.clear()
        return False

    def _meets_frames(self, sought: set[bytes]) -> bool:
        """Return whether frames can be in a group with files that these keys connect."""
        if self._buckets is None:
            self._buckets = set()
            rows = self._session.execute(SELECT_BUCKET_KEYS, {"folders": self._folders}).all()
            if len(rows) > MAX_BLOCK_BUCKETS:
                return True
            for folder, key in rows:
                bucket = NumberedBucket(self._paths[folder], bytes(key), ())
                self._buckets |= bucket_blocking_keys(bucket, self.state.rules.profile).stored()
        return not self._buckets.isdisjoint(sought)
