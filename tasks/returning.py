"""Formats and file sets of what parts from an asset: rows that go over whole, and ids that come back. Pure.

A sequence of which not every frame was read goes over with its row, for the others are its members already. An asset
that comes back gets its formats and file sets too: the rows, where its holder has them still and needs them no more,
or else their ids, where nobody has them.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from models.asset import FileSet, Format
from tasks.island_state import Snapshot, StoredAsset
from tasks.planned import PlannedAsset, PlannedFormat, PlannedSet
from tasks.taken import Taken


def match_returned(assets: Sequence[PlannedAsset], snapshot: Snapshot) -> None:
    """Fill in rows and ids that the matching within an asset could not see."""
    for asset in assets:
        for part in asset.sets():
            if part.continues is not None and part.stored is None:
                part.stored = part.continues
                snapshot.assets[part.continues.asset_id].given.add(part.continues.id)
        if asset.stored is None:
            asset.parts_from = _holder_of(asset, snapshot)
    back = [asset for asset in assets if asset.revived is not None]
    if back:
        used = {part.stored.id for asset in assets for part in (*asset.formats, *asset.sets()) if part.stored}
        for asset in back:
            holder = snapshot.assets[asset.revived.holder_id]
            # Another finish may be writing the rows of an asset that is at home elsewhere.
            may_take = holder.row.island_id in snapshot.islands
            _Reclaim(asset.revived, holder if may_take else StoredAsset(holder.row), used).fill(asset)


def _holder_of(asset: PlannedAsset, snapshot: Snapshot) -> uuid.UUID | None:
    """The asset that held most of its files."""
    counts = Counter(snapshot.asset_of_set.get(file.file_set_id) for file in asset.files() if file.file_set_id)
    for part in asset.sets():
        if part.continues is not None:
            counts[part.continues.asset_id] += part.unread
    del counts[None]
    return min(counts, key=lambda owner: (-counts[owner], owner), default=None)


class _Reclaim:
    """What one asset that comes back takes from its holder; `used` are rows and ids that are not free."""

    def __init__(self, taken: Taken, holder: StoredAsset, used: set[uuid.UUID]) -> None:
        self._taken = taken
        self._holder = holder
        self._used = used

    def fill(self, asset: PlannedAsset) -> None:
        set_of_file, format_of_file = self._taken.set_of_file(), self._taken.format_of_file()
        for part in asset.sets():
            if part.stored is None:
                self._take(part, _counted([part], set_of_file), self._holder.file_sets)
        for planned in asset.formats:
            counts = _counted(planned.sets, format_of_file)
            for part in planned.sets:
                if part.continues is not None:
                    counts[part.continues.format_id] += part.unread
            free = {key: row for key, row in self._holder.formats.items() if self._is_free(key)}
            self._take(planned, counts, free)

    def _take(
        self,
        part: PlannedSet | PlannedFormat,
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
        """Whether everything in a format goes elsewhere, so that its row is not needed for what is missing now."""
        sets = [row.id for row in self._holder.file_sets.values() if row.format_id == format_id]
        return format_id not in self._holder.kept_formats and all(set_id in self._used for set_id in sets)


def _counted(sets: Iterable[PlannedSet], had: Mapping[uuid.UUID, uuid.UUID]) -> Counter[uuid.UUID]:
    return Counter(had[file.id] for part in sets for file in part.files if file.id in had)
