"""Diff of a grouping, asset by asset: compares plans, matched as the ingest does, with the stored assets. Pure."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from models.paths import clean_text
from tasks.creation import name_asset
from tasks.island_state import Snapshot, StoredAsset, StoredFile
from tasks.planned import PlannedAsset
from watch.grouping.render import path_json

MOST_CHANGES = 1_000
SHOWN_FILES = 20
CHANGES = ("merge", "split", "kind", "files", "title", "new", "gone")
"""Kinds of change, of which the first applies: other assets are merged into it; it is new from files of others, or
unmerged; its structure or role changes; files join or leave; its title changes; it is new from ungrouped files; all its
files are gone."""


@dataclass(frozen=True, slots=True)
class AssetName:
    """Id and title of an asset."""

    id: uuid.UUID
    title: str

    def to_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"id": str(self.id), "title": self.title}


@dataclass(frozen=True, slots=True)
class FormatChange:
    """Role and structure of a format before and after; None if it does not exist."""

    name: str
    before: str | None
    after: str | None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class FileList:
    """Number of files, and the first paths."""

    count: int = 0
    shown: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, paths: Iterable[bytes]) -> "FileList":
        """Build from paths, in sorted order."""
        ordered = sorted(paths)
        return cls(len(ordered), tuple(ordered[:SHOWN_FILES]))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"count": self.count, "files": [path_json(path) for path in self.shown]}


@dataclass(frozen=True, slots=True)
class AssetChange:
    """Change of one asset; `asset` is None for one that would be created."""

    change: str
    title: str
    asset: AssetName | None = None
    rule: str = ""
    takes_in: tuple[AssetName, ...] = ()
    comes_from: tuple[AssetName, ...] = ()
    formats: tuple[FormatChange, ...] = ()
    joins: FileList = FileList()
    leaves: FileList = FileList()

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "change": self.change,
            "asset": self.asset.to_json() if self.asset else None,
            "title": self.title,
            "rule": self.rule,
            "takes_in": [name.to_json() for name in self.takes_in],
            "comes_from": [name.to_json() for name in self.comes_from],
            "formats": [
                {"name": part.name, "before": part.before, "after": part.after, "rule": part.rule}
                for part in self.formats
            ],
            "joins": self.joins.to_json(),
            "leaves": self.leaves.to_json(),
        }


@dataclass(slots=True)
class Difference:
    """Diff of all assets: exact counts, and the first `MAX_REPORTED_CHANGES` changes."""

    islands: int = 0
    files: int = 0
    unchanged: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Number of changes by `CHANGE_KINDS`."""
    merged: int = 0
    """Assets that would be merged into others."""
    changes: list[AssetChange] = field(default_factory=list)

    def add(self, change: AssetChange) -> None:
        """Count a change, and keep it up to the limit."""
        self.counts[change.change] += 1
        self.merged += len(change.takes_in)
        if len(self.changes) < MOST_CHANGES:
            self.changes.append(change)

    @property
    def left_out(self) -> int:
        """Number of changes that are only counted."""
        return sum(self.counts.values()) - len(self.changes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not self.counts

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "islands": self.islands,
            "files": self.files,
            "unchanged": self.unchanged,
            "counts": {word: self.counts[word] for word in CHANGES},
            "merged": self.merged,
            "changes": [change.to_json() for change in self.changes],
            "left_out": self.left_out,
        }


@dataclass(slots=True)
class Comparison:
    """Comparison of plans with stored assets; `held` are the present files of the catalogue."""

    planned: list[PlannedAsset]
    found: Snapshot
    held: Iterable[StoredFile]
    concerns: Callable[[Iterable[bytes]], bool] = lambda _paths: True
    """Whether a change of these paths is reported."""
    _before: dict[uuid.UUID, dict[uuid.UUID, set[bytes]]] = field(default_factory=dict)
    _owner: dict[uuid.UUID, StoredAsset] = field(default_factory=dict)

    def write_to(self, difference: Difference) -> None:
        """Add every change, and count unchanged assets."""
        self._read_held()
        continued: dict[uuid.UUID, list[PlannedAsset]] = {}
        for plan in self.planned:
            if plan.stored is not None and plan.revived is None:
                continued.setdefault(plan.stored.row.id, []).append(plan)
        for plan in self.planned:
            if plan.stored is None or plan.revived is not None:
                self._tell_new(plan, difference)
            elif plan is continued[plan.stored.row.id][0]:
                self._tell_continued(continued[plan.stored.row.id], difference)
        ended = {asset.row.id for plan in self.planned for asset in plan.merged}
        for asset_id in self._before.keys() - continued.keys() - ended:
            self._tell_gone(self.found.assets[asset_id], difference)

    def _read_held(self) -> None:
        format_of = {}
        for asset in self.found.assets.values():
            for row in asset.file_sets.values():
                self._owner[row.id], format_of[row.id] = asset, row.format_id
        for file in self.held:
            if file.file_set_id in self._owner:
                formats = self._before.setdefault(self._owner[file.file_set_id].row.id, {})
                formats.setdefault(format_of[file.file_set_id], set()).add(file.path)

    def _tell_new(self, plan: PlannedAsset, difference: Difference) -> None:
        paths = [file.path for file in plan.files()]
        if not self.concerns(paths):
            return
        owners = {
            self._owner[file.file_set_id].row.id: self._owner[file.file_set_id]
            for file in plan.files()
            if file.file_set_id in self._owner
        }
        difference.add(
            AssetChange(
                "split" if owners else "new",
                self._title(plan),
                name_of(plan.stored) if plan.stored is not None else None,
                rule=plan.plan.rule,
                comes_from=tuple(name_of(owners[key]) for key in sorted(owners)),
                formats=tuple(FormatChange(part.plan.name, None, shown(part.plan)) for part in plan.formats),
                joins=FileList.of(paths),
            )
        )

    def _tell_continued(self, plans: list[PlannedAsset], difference: Difference) -> None:
        """Report one stored asset; it may have a plan by rules and one by pins, which are compared together."""
        stored = plans[0].stored
        taken = [asset for plan in plans for asset in plan.merged]
        before = set(self._paths_of(stored))
        after = {file.path for plan in plans for file in plan.files()}
        if not self.concerns(before | after):
            return
        formats = tuple(self._format_changes(plans, [stored, *taken]))
        joins = after - before - {path for asset in taken for path in self._paths_of(asset)}
        leaves = before - after
        title = self._title(plans[0])
        words = {"merge": taken, "kind": formats, "files": joins or leaves, "title": title != stored.row.title}
        word = next((word for word in CHANGES if words.get(word)), None)
        if word is None:
            difference.unchanged += 1
            return
        difference.add(
            AssetChange(
                word,
                title,
                name_of(stored),
                plans[0].plan.rule,
                tuple(name_of(asset) for asset in taken),
                formats=formats,
                joins=FileList.of(joins),
                leaves=FileList.of(leaves),
            )
        )

    def _tell_gone(self, stored: StoredAsset, difference: Difference) -> None:
        paths = list(self._paths_of(stored))
        if self.concerns(paths):
            difference.add(AssetChange("gone", stored.row.title, name_of(stored), leaves=FileList.of(paths)))

    def _paths_of(self, stored: StoredAsset) -> Iterator[bytes]:
        for paths in self._before.get(stored.row.id, {}).values():
            yield from paths

    @staticmethod
    def _title(plan: PlannedAsset) -> str:
        if plan.stored is None:
            return name_asset(plan.plan, plan.island.rules)[0]
        row = plan.stored.row
        return row.title if row.title_by_hand or plan.pin is not None else name_asset(plan.plan, plan.island.rules)[0]

    def _format_changes(self, plans: list[PlannedAsset], pool: list[StoredAsset]) -> Iterator[FormatChange]:
        left = {
            row.id: row
            for asset in pool
            for row in asset.formats.values()
            if self._before.get(asset.row.id, {}).get(row.id)
        }
        for plan in plans:
            for part in plan.formats:
                row = left.pop(part.stored.id, None) if part.stored is not None else None
                before = shown_as(row.role, row.structure) if row is not None else None
                if before != shown(part.plan):
                    yield FormatChange(clean_text(part.plan.name), before, shown(part.plan), part.plan.rule)
        for row in left.values():
            yield FormatChange(row.name, shown_as(row.role, row.structure), None)


def shown(plan: Any) -> str:
    """Describe a planned format by role and structure."""
    return shown_as(plan.role, plan.kind)


def shown_as(role: str, structure: str) -> str:
    """Describe a format by role and structure: `original single`; sidecars have no structure."""
    return str(role) if role == "sidecar" else f"{role} {structure}"


def name_of(stored: StoredAsset) -> AssetName:
    """Return id and title of a stored asset."""
    return AssetName(stored.row.id, stored.row.title)
