"""Updates of stored assets: turns plans that continue them into row changes and history entries.

Structural changes are recorded at once. Growth and rewritten members are debounced until the file set was quiet for
`growth_seconds`: a sequence that arrives in forty batches is one history entry, not forty.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from models.catalog.asset import Asset, Component, FileSet, Format, FormatRole
from models.catalog.history import Operation
from models.core.base import get_column_value
from models.core.paths import escape_surrogates
from services.ingest import history_text
from services.ingest.changeset import AssetMerge, AssetUnmerge, ColumnValues, IngestChanges
from services.ingest.create import (
    append_components,
    append_format_row,
    append_members,
    create_ingested_file_set,
    derive_asset_names,
)
from services.ingest.file_set_summary import EMPTY_FILE_SET_COLUMNS, summarize_file_set
from services.ingest.merged_assets import MergeSnapshot
from services.ingest.plan import PlannedAsset, PlannedFileSet, PlannedFormat
from services.ingest.state import IslandState, StoredAsset, StoredFile


class AssetUpdate:
    """Compares one planned asset with the stored one that it continues; `now` is the database's clock."""

    def __init__(self, planned: PlannedAsset, changes: IngestChanges, now: datetime, growth_seconds: float) -> None:
        self._planned = planned
        self._stored: StoredAsset = planned.require_stored()
        self._asset_id: uuid.UUID = self._stored.row.id
        self._changes = changes
        self._now = now
        self._growth_seconds = growth_seconds
        self._done = planned.island.claim.done

    def write(self) -> None:
        """Append all differences to the changes."""
        for taken in self._planned.unmerged:
            self._return(taken)
        for swallowed in self._planned.merged:
            self._merge(swallowed)
        for part in self._planned.formats:
            if part.stored is None:
                self._add_format(part)
            else:
                self._continue_format(part, part.stored)
        self._continue_asset()
        self._clear_leftovers()

    def _continue_asset(self) -> None:
        row, plan = self._stored.row, self._planned.plan
        if self._planned.pin is not None:
            self._change(self._changes.changed_assets, row, {"is_online": True})
            return
        title, external_id = derive_asset_names(plan, self._planned.island.rules)
        wanted: ColumnValues = {"is_online": True, "island_id": self._planned.island.claim.id}
        if not row.title_by_hand:
            wanted["title"] = title
        if row.external_id is None and external_id is not None:
            wanted["external_id"] = external_id
        self._change(self._changes.changed_assets, row, wanted)

    def _add_format(self, part: PlannedFormat) -> None:
        """Append a format without a stored counterpart; file sets that move to it keep their ids."""
        moved = [file for file_set in part.sets for file in file_set.files if file.file_set_id is not None]
        format_id = append_format_row(part, self._asset_id, self._changes)
        for file_set in part.sets:
            if file_set.stored is None:
                create_ingested_file_set(self._planned, file_set, self._asset_id, format_id, self._changes)
            else:
                self._continue_file_set(file_set, file_set.stored, format_id)
        name = summarize_file_set(part.sets[0])["name"]
        if part.plan.role == FormatRole.SIDECAR:
            text = f"{name} joined as a sidecar (rule: {part.plan.rule})."
            self._tell(Operation.MODIFY_FILESET, text)
        elif self._planned.revived_snapshot is None:
            self._tell(Operation.ADD_FORMAT, history_text.describe_added_format(part.plan, name), moved=len(moved))

    def _continue_format(self, part: PlannedFormat, row: Format) -> None:
        plan = part.plan
        # A manually grouped format keeps its role; the plan sees only the part of the asset in this island.
        role = plan.role if self._planned.pin is None else row.role.value
        joined: list[StoredFile] = []
        for file_set in part.sets:
            if file_set.stored is None:
                joined.extend(file_set.files)
                create_ingested_file_set(self._planned, file_set, self._asset_id, row.id, self._changes)
            else:
                self._continue_file_set(file_set, file_set.stored, row.id)
        if (row.structure, row.role) != (plan.kind, role):
            text = history_text.describe_structure_change(row.structure, plan, row.role)
            if joined:
                text = f"{history_text.describe_joined_files(joined, plan)} {text}"
            self._tell(Operation.MODIFY_FILESET, text)
        elif joined:
            self._tell(Operation.MODIFY_FILESET, history_text.describe_joined_files(joined, plan))
        wanted = {
            "asset_id": self._asset_id,
            "version_id": self._asset_id,
            "name": plan.name,
            "role": role,
            "structure": plan.kind,
            "rule": plan.rule,
            "is_online": True,
        }
        self._change(self._changes.changed_formats, row, wanted)

    def _continue_file_set(self, part: PlannedFileSet, row: FileSet, format_id: uuid.UUID) -> None:
        joined = append_members(part, row.id, self._changes)
        rewritten = [file for file in part.files if file.file_set_id == row.id and file.content_seen > self._done]
        back = [file for file in part.files if file.status == "REDISCOVERED" and file.seen > self._done]
        facts = summarize_file_set(part)
        facts |= self._growth(row, facts, bool(joined), rewritten, len(back))
        facts |= {
            "asset_id": self._asset_id,
            "format_id": format_id,
            "version_id": self._asset_id,
            "island_id": self._planned.island.claim.id,
            "storage_id": self._planned.island.rules.id,
        }
        self._record_presence(row, back)
        self._record_rename(row, facts, joined)
        self._change(self._changes.changed_file_sets, row, facts)
        components = self._stored_components(row.id)
        if not _has_same_components(components, part):
            self._changes.recomposed_sets.append(row.id)
            append_components(part.plan.components, format_id, row.id, self._changes)

    def _growth(
        self, row: FileSet, facts: ColumnValues, has_joined: bool, rewritten: Sequence[StoredFile], back: int
    ) -> ColumnValues:
        """Return the columns that count unreported growth; record it in history once the set was quiet long enough."""
        first_time = [file.id for file in rewritten if not file.is_change_counted]
        self._changes.rewritten.extend(first_time)
        untold, now = row.unreported_changes + len(first_time), facts["file_count"]
        told = min(row.reported_count + back, now)
        if has_joined or rewritten:
            self._changes.wait(self._planned.island.claim.id, self._growth_seconds)
            return {"told_count": told, "untold_changes": untold, "changed_at": self._now}
        if now == told and not untold:
            return {"told_count": told}
        quiet_at = (row.changed_at or self._now) + timedelta(seconds=self._growth_seconds)
        if self._now < quiet_at:
            self._changes.wait(self._planned.island.claim.id, (quiet_at - self._now).total_seconds())
            return {"told_count": told}
        self._tell(Operation.MODIFY_FILESET, history_text.describe_growth(facts["name"], told, now, untold))
        if untold:
            self._changes.reported_sets.append(row.id)
        return {"told_count": now, "untold_changes": 0}

    def _record_presence(self, row: FileSet, back: list[StoredFile]) -> None:
        if back:
            self._tell(Operation.MODIFY_FILESET, history_text.describe_rediscovered_files(back))
        record_missing_members(self._planned.island, row.id, self._asset_id, self._changes)

    def _record_rename(self, row: FileSet, facts: ColumnValues, joined: list[StoredFile]) -> None:
        """Record a renamed single file, or a file set in another folder; a grown sequence is no rename."""
        before, now = (row.base_dir, row.name), (facts["base_dir"], facts["name"])
        if joined or before == now or (before[0] == now[0] and facts["file_count"] != 1):
            return
        if row.file_count == 0:
            return
        old, new = ("/".join(filter(None, place)) for place in (before, now))
        self._tell(Operation.CUSTOM, history_text.describe_rename(old, new))

    def _return(self, taken: MergeSnapshot) -> None:
        """Unmerge an asset with its dependents: it becomes this asset again, or is merged into this one instead."""
        dead, plan = taken.row, self._planned.plan
        self._changes.unmerged.append(AssetUnmerge(dead.id, taken.holder_id, taken.held))
        names = [summarize_file_set(part)["name"] for part in self._planned.sets()]
        if dead.id == self._asset_id:
            self._tell(Operation.CUSTOM, history_text.describe_unmerge(names, plan), parted_from=str(taken.holder_id))
        else:
            self._end(dead.id, taken.was)
            self._tell(Operation.CUSTOM, history_text.describe_merged_from(dead.title, plan.rule), merged=str(dead.id))
        self._changes.tell(taken.holder_id, Operation.MODIFY_FILESET, history_text.describe_left_files(names, plan))

    def _end(self, dead_id: uuid.UUID, was: ColumnValues | None = None) -> None:
        plan = self._planned.plan
        text = history_text.describe_merged_into(escape_surrogates(plan.title), plan.rule)
        self._changes.asset_merges.append(AssetMerge(dead_id, self._asset_id, text, was))

    def _merge(self, swallowed: StoredAsset) -> None:
        plan, dead = self._planned.plan, swallowed.row
        self._end(dead.id)
        self._tell(
            Operation.CUSTOM,
            history_text.describe_merged_from(dead.title, plan.rule),
            merged=str(dead.id),
            title=dead.title,
            external_id=dead.external_id,
        )

    def _clear_leftovers(self) -> None:
        """Move stored formats and file sets that no plan continues to this asset, or take them offline when empty.

        Manually grouped ones are left to the plan of their pins, which changes nothing else.
        """
        pinned_formats = {part.stored.id for part in self._planned.formats if part.stored}
        kept_sets = {part.stored.id for part in self._planned.sets() if part.stored}
        moved: ColumnValues = {"asset_id": self._asset_id, "version_id": self._asset_id}
        for asset in [self._stored, *self._planned.merged]:
            for file_set in asset.file_sets.values():
                if file_set.id in kept_sets or file_set.id in asset.given:
                    continue
                if self._may_clear(asset, file_set.format_id, file_set.island_id, pinned_formats):
                    self._leave_file_set(file_set)
                elif asset is not self._stored:
                    self._change(self._changes.changed_file_sets, file_set, dict(moved))
            for format_row in asset.formats.values():
                if format_row.id in pinned_formats or format_row.id in asset.given or self._planned.pin is not None:
                    continue
                wanted = dict(moved)
                if asset.may_take_offline(format_row.id):
                    wanted["is_online"] = False
                    self._changes.emptied_formats.append(format_row.id)
                self._change(self._changes.changed_formats, format_row, wanted)

    def _may_clear(
        self, asset: StoredAsset, format_id: uuid.UUID, island_id: int | None, planned: set[uuid.UUID]
    ) -> bool:
        if self._planned.pin is None:
            return island_id is not None and format_id not in asset.pinned_formats
        return format_id in planned and island_id == self._planned.island.claim.id

    def _leave_file_set(self, row: FileSet) -> None:
        if row.file_count:
            record_missing_members(self._planned.island, row.id, self._asset_id, self._changes)
        wanted = {"asset_id": self._asset_id, "version_id": self._asset_id, **EMPTY_FILE_SET_COLUMNS}
        self._change(self._changes.changed_file_sets, row, wanted)
        self._changes.emptied_sets.append(row.id)

    def _stored_components(self, set_id: uuid.UUID) -> list[Component]:
        for asset in [self._stored, *self._planned.merged]:
            if set_id in asset.file_sets:
                return asset.components.get(set_id, [])
        return []

    def _tell(self, operation: Operation, text: str, **details: Any) -> None:
        self._changes.tell(self._asset_id, operation, text, **details)

    @staticmethod
    def _change(changed: list[ColumnValues], row: Asset | Format | FileSet, wanted: ColumnValues) -> None:
        differing = {column: value for column, value in wanted.items() if get_column_value(row, column) != value}
        if differing:
            changed.append({"id": row.id, **differing})


def _has_same_components(stored: Iterable[Component], part: PlannedFileSet) -> bool:
    before = [(row.type, row.name, row.language, tuple(row.flags)) for row in stored]
    return before == [
        (plan.type, escape_surrogates(plan.name), plan.language, plan.flags) for plan in part.plan.components
    ]


def record_missing_members(island: IslandState, set_id: uuid.UUID, asset_id: uuid.UUID, changes: IngestChanges) -> None:
    """Record in history which members of a file set went missing since the last finish."""
    gone = island.newly_missing().get(set_id)
    if gone:
        changes.tell(asset_id, Operation.MODIFY_FILESET, history_text.describe_missing_files(gone))
