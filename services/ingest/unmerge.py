"""Formats and file sets of an asset that splits off: rows that move whole, and ids that are reused. Pure.

A partly read sequence moves with its row, because its unread frames are members already. An unmerged asset gets its
formats and file sets back: the rows, if the survivor still has them and needs them no more, or else their ids, if they
are unused.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from models.catalog.asset import FileSet, Format
from services.ingest.merged_assets import MergeSnapshot
from services.ingest.plan import PlannedAsset, PlannedFileSet, PlannedFormat
from services.ingest.state import IslandSnapshot, StoredAsset


def match_unmerged(assets: Sequence[PlannedAsset], snapshot: IslandSnapshot) -> None:
    """Fill in rows and ids that matching within a single asset cannot find."""
    for asset in assets:
        for part in asset.sets():
            if part.continues is not None and part.stored is None:
                part.stored = part.continues
                snapshot.assets[part.continues.asset_id].given.add(part.continues.id)
        if asset.stored is None:
            asset.split_from = _holder_of(asset, snapshot)
    back = [(asset, revived) for asset in assets if (revived := asset.revived_snapshot) is not None]
    if back:
        used = {part.stored.id for asset in assets for part in asset.sets() if part.stored}
        used |= {part.stored.id for asset in assets for part in asset.formats if part.stored}
        for asset, revived in back:
            holder = snapshot.assets[revived.holder_id]
            # Rows of an asset in another island may be written by another finish at the same time.
            may_take = holder.row.island_id in snapshot.islands
            _Reclaimer(revived, holder if may_take else StoredAsset(holder.row), used).fill(asset)


def _holder_of(asset: PlannedAsset, snapshot: IslandSnapshot) -> uuid.UUID | None:
    """Return the asset that had most of its files."""
    counts = Counter(snapshot.asset_of_set.get(file.file_set_id) for file in asset.files() if file.file_set_id)
    for part in asset.sets():
        if part.continues is not None:
            counts[part.continues.asset_id] += part.unread
    del counts[None]
    return min(counts, key=lambda owner: (-counts[owner], owner), default=None)


class _Reclaimer:
    """Matches one unmerged asset with rows of its holder; `used` are row ids that are taken by other plans."""

    def __init__(self, taken: MergeSnapshot, holder: StoredAsset, used: set[uuid.UUID]) -> None:
        self._taken = taken
        self._holder = holder
        self._used = used

    def fill(self, asset: PlannedAsset) -> None:
        set_of_file, format_of_file = self._taken.set_of_file(), self._taken.format_of_file()
        for part in asset.sets():
            if part.stored is None:
                self._take(part, _count_by_previous([part], set_of_file), self._holder.file_sets)
        for planned in asset.formats:
            counts = _count_by_previous(planned.sets, format_of_file)
            for part in planned.sets:
                if part.continues is not None:
                    counts[part.continues.format_id] += part.unread
            free = {key: row for key, row in self._holder.formats.items() if self._is_free(key)}
            self._take(planned, counts, free)

    def _take(
        self,
        part: PlannedFileSet | PlannedFormat,
        counts: Counter[uuid.UUID],
        rows: Mapping[uuid.UUID, FileSet | Format],
    ) -> None:
        for key in sorted(counts, key=lambda key: (-counts[key], key)):
            if key in self._used:
                continue
            if key in rows:
                part.stored = rows[key]
                self._holder.given.add(key)
            elif key not in self._taken.living:
                part.id = key
            else:
                continue
            self._used.add(key)
            return

    def _is_free(self, format_id: uuid.UUID) -> bool:
        """Whether all file sets of a format leave, so that its row is not needed for missing files."""
        sets = [row.id for row in self._holder.file_sets.values() if row.format_id == format_id]
        return format_id not in self._holder.pinned_formats and all(set_id in self._used for set_id in sets)


def _count_by_previous(sets: Iterable[PlannedFileSet], had: Mapping[uuid.UUID, uuid.UUID]) -> Counter[uuid.UUID]:
    return Counter(had[file.id] for part in sets for file in part.files if file.id in had)
