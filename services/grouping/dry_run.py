"""In-memory dry run: group islands with a different profile, or as a scan would see the disk, without writing.

It uses the same pure grouping function and the ingest's own matching, so that a dry run agrees with the real grouping.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping import AssetPlan, GroupingResult, classify_path, group_items
from services.grouping.diff import GroupingComparison, GroupingDiff
from services.ingest.claims import IslandClaim
from services.ingest.matching import match_plans
from services.ingest.merged_assets import load_merge_snapshots
from services.ingest.plan import PlannedAsset, plan_asset
from services.ingest.provenance import find_splits
from services.ingest.reader import SELECT_ISLAND_FILES, read_stored_assets, read_stored_file
from services.ingest.state import IslandState, StorageRules, StoredFile

SELECT_DRY_RUN_FILES = text(f"{SELECT_ISLAND_FILES} WHERE file.folder_id = ANY(:folders) AND file.status <> 'DELETED'")


def read_stored_files(session: Session, paths: dict[int, bytes]) -> Iterator[StoredFile]:
    """Iterate over all file rows of these folders (path by id)."""
    for row in session.execute(SELECT_DRY_RUN_FILES, {"folders": list(paths)}):
        yield read_stored_file(row, paths)


@dataclass(slots=True)
class DryRun:
    """Dry run over islands by root folder, to which files are added one by one."""

    rules: StorageRules
    islands: dict[bytes, IslandState] = field(default_factory=dict)
    held: list[StoredFile] = field(default_factory=list)
    """Present files of the catalogue."""

    def add(self, home: bytes, file: StoredFile) -> None:
        """Add a file to the island with root folder `home`, its name classified by the dry run's profile."""
        if home not in self.islands:
            # Negative ids cannot be mistaken for rows.
            claim = IslandClaim(-1 - len(self.islands), self.rules.id, 0, 0, 0, 0, 0, reads_all_files=True)
            self.islands[home] = IslandState(claim, self.rules)
        said = classify_path(file.path, self.rules.profile)
        bucket = said.bucket if file.pin is None else None
        self.islands[home].add(file._replace(bucket=bucket, frame=said.frame, padding=said.padding))

    def compare(
        self,
        session: Session,
        difference: GroupingDiff,
        stands_alone: Callable[[StoredFile], bool],
        concerns: Callable[[Iterable[bytes]], bool] = lambda _paths: True,
    ) -> None:
        """Add the changes to `difference`.

        Args:
            stands_alone: whether an orphan becomes an asset; else it waits.
            concerns: whether a change of these paths is reported.
        """
        states = {state.claim.id: state for _, state in sorted(self.islands.items())}
        for state in states.values():
            for bucket in state.buckets.values():
                bucket.settle()
        found = read_stored_assets(session, states)
        planned: list[PlannedAsset] = []
        for state in states.values():
            grouping = group_items(state.items(), self.rules.profile, state.pins(), state.empty_paths())
            planned.extend(plan_asset(state, plan, found) for plan in _plans_of_dry_run(state, grouping, stands_alone))
        match_plans(planned, found, load_merge_snapshots(session, find_splits(planned, found)))
        difference.islands += len(states)
        difference.files += sum(len(state.files) for state in states.values())
        GroupingComparison(planned, found, self.held, concerns).write_to(difference)


def _plans_of_dry_run(
    state: IslandState, grouping: GroupingResult, stands_alone: Callable[[StoredFile], bool]
) -> Sequence[AssetPlan]:
    standing = [orphan.asset for orphan in grouping.orphans if stands_alone(state.files[orphan.path])]
    return [*grouping.assets, *standing]


def is_file_grouped(file: StoredFile) -> bool:
    """Whether a file is in a file set; an orphan that is an asset already stays one."""
    return file.file_set_id is not None
