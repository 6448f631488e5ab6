"""Diff of a grouping, asset by asset: compares plans, matched as the ingest does, with the stored assets. Pure."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from grouping.render import path_to_json
from models.core.paths import escape_surrogates
from services.core.text import label_structure, pluralize
from services.ingest.create import derive_asset_names
from services.ingest.plan import PlannedAsset
from services.ingest.planner import HeldPlan, IslandPlans
from services.ingest.state import StoredAsset, StoredFile

MAX_REPORTED_CHANGES = 1_000
MAX_LISTED_FILES = 20
CHANGE_KINDS = ("merge", "split", "kind", "files", "title", "new", "gone", "held")
"""Kinds of change, of which the first applies: other assets are merged into it; it is new from files of others, or
unmerged; its structure or role changes; files join or leave; its title changes; it is new from ungrouped files; all its
files are gone; it is held back, and not created until what it waits for has happened."""

CHANGE_VERBS = {
    "merge": ("takes in other assets", "take in other assets"),
    "split": ("splits off as an asset of its own", "split off as assets of their own"),
    "kind": ("changes its kind", "change their kind"),
    "files": ("gains or loses files", "gain or lose files"),
    "title": ("changes its title", "change their title"),
    "new": ("is new", "are new"),
    "gone": ("is gone", "are gone"),
    "held": ("is held back", "are held back"),
}
"""What assets do by each kind of change: one of them, and several."""


@dataclass(frozen=True, slots=True)
class AssetReference:
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
class FileListing:
    """Number of files, and the first paths."""

    count: int = 0
    shown: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, paths: Iterable[bytes]) -> "FileListing":
        """Build from paths, in sorted order."""
        ordered = sorted(paths)
        return cls(len(ordered), tuple(ordered[:MAX_LISTED_FILES]))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"count": self.count, "files": [path_to_json(path) for path in self.shown]}


@dataclass(frozen=True, slots=True)
class AssetChange:
    """Change of one asset; `asset` is None for one that would be created."""

    change: str
    title: str
    asset: AssetReference | None = None
    rule: str = ""
    takes_in: tuple[AssetReference, ...] = ()
    comes_from: tuple[AssetReference, ...] = ()
    formats: tuple[FormatChange, ...] = ()
    joins: FileListing = FileListing()
    leaves: FileListing = FileListing()
    reason: str = ""
    """Why it is held back."""
    dependents: Mapping[str, int] = field(default_factory=dict)
    """Number of approvals, comments, shares and values that the asset has."""

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
            "reason": self.reason,
            "dependents": dict(self.dependents),
        }


@dataclass(slots=True)
class GroupingDiff:
    """Diff of all assets: exact counts, and up to `MAX_REPORTED_CHANGES` changes.

    Changes of assets that people attached something to come first, and are left out last.
    """

    islands: int = 0
    files: int = 0
    unchanged: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Number of changes by `CHANGE_KINDS`."""
    merged: int = 0
    """Assets that would be merged into others."""
    photographs: Counter[bytes] = field(default_factory=Counter)
    """Number of pictures that are stills but could be frames of sequences, by folder."""
    _attached: list[AssetChange] = field(default_factory=list)
    _others: list[AssetChange] = field(default_factory=list)

    def add(self, change: AssetChange) -> None:
        """Count a change, and keep it up to the limit."""
        self.counts[change.change] += 1
        self.merged += len(change.takes_in)
        kept = self._attached if change.dependents else self._others
        if len(kept) < MAX_REPORTED_CHANGES:
            kept.append(change)

    @property
    def changes(self) -> list[AssetChange]:
        """The changes that are reported."""
        return [*self._attached, *self._others][:MAX_REPORTED_CHANGES]

    @property
    def left_out(self) -> int:
        """Number of changes that are only counted."""
        return sum(self.counts.values()) - len(self.changes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change; assets that are held back are none yet."""
        return self.counts.total() == self.counts["held"]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "islands": self.islands,
            "files": self.files,
            "unchanged": self.unchanged,
            "counts": {word: self.counts[word] for word in CHANGE_KINDS},
            "merged": self.merged,
            "changes": [change.to_json() for change in self.changes],
            "left_out": self.left_out,
            "photographs": [
                {"folder": path_to_json(folder), "pictures": number}
                for folder, number in sorted(self.photographs.items())
            ],
        }


@dataclass(slots=True)
class GroupingComparison:
    """Comparison of plans with stored assets; `present` are the present files of the catalog."""

    plans: IslandPlans
    present: Iterable[StoredFile]
    concerns: Callable[[Iterable[bytes]], bool] = lambda _paths: True
    """Whether a change of these paths is reported."""
    dependents: Mapping[uuid.UUID, Mapping[str, int]] = field(default_factory=dict)
    """What people attached to stored assets: number by kind."""
    _before: dict[uuid.UUID, dict[uuid.UUID, set[bytes]]] = field(default_factory=dict)
    _owner: dict[uuid.UUID, StoredAsset] = field(default_factory=dict)

    def write_to(self, difference: GroupingDiff) -> None:
        """Add every change, and count unchanged assets."""
        self._read_present()
        continued: dict[uuid.UUID, list[PlannedAsset]] = {}
        for plan in self.plans.assets:
            if plan.stored is not None and plan.revived_snapshot is None:
                continued.setdefault(plan.stored.row.id, []).append(plan)
        for plan in self.plans.assets:
            if plan.stored is None or plan.revived_snapshot is not None:
                self._report_new(plan, difference)
            elif plan is continued[plan.stored.row.id][0]:
                self._report_continued(continued[plan.stored.row.id], difference)
        ended = {asset.row.id for plan in self.plans.assets for asset in plan.merged}
        for asset_id in self._before.keys() - continued.keys() - ended:
            self._report_gone(self.plans.snapshot.assets[asset_id], difference)
        for held in self.plans.held:
            self._report_held(held, difference)

    def _read_present(self) -> None:
        format_of = {}
        for asset in self.plans.snapshot.assets.values():
            for row in asset.file_sets.values():
                self._owner[row.id], format_of[row.id] = asset, row.format_id
        for file in self.present:
            if file.file_set_id in self._owner:
                formats = self._before.setdefault(self._owner[file.file_set_id].row.id, {})
                formats.setdefault(format_of[file.file_set_id], set()).add(file.path)

    def _report_new(self, plan: PlannedAsset, difference: GroupingDiff) -> None:
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
                reference_asset(plan.stored) if plan.stored is not None else None,
                rule=plan.plan.rule,
                comes_from=tuple(reference_asset(owners[key]) for key in sorted(owners)),
                formats=tuple(
                    FormatChange(part.plan.name, None, describe_format_plan(part.plan)) for part in plan.formats
                ),
                joins=FileListing.of(paths),
            )
        )

    def _report_continued(self, plans: list[PlannedAsset], difference: GroupingDiff) -> None:
        """Report one stored asset; it may have a plan by rules and one by pins, which are compared together."""
        stored = plans[0].require_stored()
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
        word = next((word for word in CHANGE_KINDS if words.get(word)), None)
        if word is None:
            difference.unchanged += 1
            return
        difference.add(
            AssetChange(
                word,
                title,
                reference_asset(stored),
                plans[0].plan.rule,
                tuple(reference_asset(asset) for asset in taken),
                formats=formats,
                joins=FileListing.of(joins),
                leaves=FileListing.of(leaves),
                dependents=self._dependents_of(stored, *taken),
            )
        )

    def _report_gone(self, stored: StoredAsset, difference: GroupingDiff) -> None:
        paths = list(self._paths_of(stored))
        if self.concerns(paths):
            attached, files = self._dependents_of(stored), FileListing.of(paths)
            asset = reference_asset(stored)
            difference.add(AssetChange("gone", stored.row.title, asset, leaves=files, dependents=attached))

    def _dependents_of(self, *assets: StoredAsset) -> Mapping[str, int]:
        total: Counter[str] = Counter()
        for asset in assets:
            total.update(self.dependents.get(asset.row.id, {}))
        return dict(sorted(total.items()))

    def _report_held(self, held: HeldPlan, difference: GroupingDiff) -> None:
        paths = [path for part in held.plan.formats for path in part.paths()]
        if self.concerns(paths):
            title = derive_asset_names(held.plan, held.island.rules)[0]
            files = FileListing.of(paths)
            difference.add(AssetChange("held", title, rule=held.plan.rule, joins=files, reason=held.reason))

    def _paths_of(self, stored: StoredAsset) -> Iterator[bytes]:
        for paths in self._before.get(stored.row.id, {}).values():
            yield from paths

    @staticmethod
    def _title(plan: PlannedAsset) -> str:
        row = plan.stored.row if plan.stored is not None else None
        if row is not None and (row.title_by_hand or plan.pin is not None):
            return row.title
        return derive_asset_names(plan.plan, plan.island.rules)[0]

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
                before = describe_format(row.role, row.structure) if row is not None else None
                if before != describe_format_plan(part.plan):
                    yield FormatChange(
                        escape_surrogates(part.plan.name), before, describe_format_plan(part.plan), part.plan.rule
                    )
        for row in left.values():
            yield FormatChange(row.name, describe_format(row.role, row.structure), None)


def describe_format_plan(plan: Any) -> str:
    """Describe a planned format by role and structure."""
    return describe_format(plan.role, plan.kind)


def describe_format(role: str, structure: str) -> str:
    """Describe a format by role and structure: `original single video`; sidecars have no structure."""
    return str(role) if role == "sidecar" else f"{role} {label_structure(structure)}"


def reference_asset(stored: StoredAsset) -> AssetReference:
    """Return id and title of a stored asset."""
    return AssetReference(stored.row.id, stored.row.title)


def summarize_difference(difference: GroupingDiff) -> str:
    """Return the counts as one sentence."""
    looked_at = pluralize(difference.files, "file")
    if difference.is_empty:
        stay = "stays as it is" if difference.unchanged == 1 else "stay as they are"
        nothing = f"{looked_at}: nothing changes, {pluralize(difference.unchanged, 'asset')} {stay}"
        held = difference.counts["held"]
        return f"{nothing}, {pluralize(held, 'asset')} {CHANGE_VERBS['held'][held != 1]}" if held else nothing
    parts = []
    for word in CHANGE_KINDS:
        number = difference.counts[word]
        if number:
            parts.append(f"{pluralize(number, 'asset')} {CHANGE_VERBS[word][number != 1]}")
        if word == "merge" and difference.merged:
            parts[-1] += f" ({pluralize(difference.merged, 'asset')} {'ends' if difference.merged == 1 else 'end'} so)"
    return f"{looked_at}: {', '.join(parts)}; {difference.unchanged:,} unchanged"
