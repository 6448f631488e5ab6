"""In-memory dry run: plan islands with a different profile, or as a scan would see the disk, without writing.

It uses the planner of the ingest, so that a dry run agrees with what the ingest then does.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping import classify_path, count_numbered_photographs
from models.queues.island import IslandClaim
from services.grouping.diff import GroupingComparison, GroupingDiff
from services.ingest.planner import plan_islands
from services.ingest.reader import group_islands
from services.ingest.state import SELECT_ISLAND_FILES, IslandState, StorageRules, StoredFile, read_stored_file

SELECT_DRY_RUN_FILES = text(f"{SELECT_ISLAND_FILES} WHERE file.folder_id = ANY(:folders) AND file.status <> 'DELETED'")

# What a person would miss first if an asset changed its files.
COUNT_DEPENDENTS = text("""
    SELECT object_id AS id, 'approvals' AS kind, count(*) AS number FROM approval
        WHERE object_type = 'assets' AND object_id = ANY(:ids) GROUP BY 1
    UNION ALL SELECT asset_id, 'comments', count(*) FROM segment WHERE asset_id = ANY(:ids) GROUP BY 1
    UNION ALL SELECT object_id, 'shares', count(*) FROM share
        WHERE object_type = 'assets' AND object_id = ANY(:ids) GROUP BY 1
    UNION ALL SELECT object_id, 'values', count(*) FROM metadata_value
        WHERE object_type = 'assets' AND object_id = ANY(:ids) GROUP BY 1
    ORDER BY 2
""")


@dataclass(slots=True)
class DryRun:
    """Dry run over islands by root folder, to which files are added one by one."""

    rules: StorageRules
    islands: dict[bytes, IslandState] = field(default_factory=dict)
    present: list[StoredFile] = field(default_factory=list)
    """Present files of the catalog."""
    rules_versions: Mapping[bytes, int | None] = field(default_factory=dict)
    """Rules that grouped the islands that are not grouped as a whole, by root folder."""

    def read_files(self, session: Session, paths: dict[int, bytes]) -> Iterator[StoredFile]:
        """Iterate over all file rows of these folders (path by id), and record the present ones."""
        for row in session.execute(SELECT_DRY_RUN_FILES, {"folders": list(paths)}):
            file = read_stored_file(row, paths)
            if file.is_present:
                self.present.append(file)
            yield file

    def add(self, home: bytes, file: StoredFile) -> None:
        """Add a file to the island with root folder `home`, its name classified by the dry run's profile."""
        if home not in self.islands:
            # Negative ids cannot be mistaken for rows.
            claim = IslandClaim(
                id=-1 - len(self.islands),
                storage_id=self.rules.id,
                folder_id=0,
                seen=0,
                done=int(home in self.rules_versions),
                epoch=0,
                reads_all_files=True,
                rules_version=self.rules_versions.get(home),
            )
            self.islands[home] = IslandState(claim, self.rules)
        if self.islands[home].keeps_groups and file.file_set_id is not None:
            self.islands[home].add(file)
            return
        said = classify_path(file.path, self.rules.profile)
        bucket = said.bucket if file.pin is None else None
        self.islands[home].add(file._replace(bucket=bucket, frame=said.frame, padding=said.padding))

    def compare(
        self,
        session: Session,
        difference: GroupingDiff,
        concerns: Callable[[Iterable[bytes]], bool] = lambda _paths: True,
    ) -> None:
        """Add the changes to `difference`.

        Args:
            concerns: whether a change of these paths is reported.
        """
        states = {state.claim.id: state for _, state in sorted(self.islands.items())}
        plans = plan_islands(session, group_islands(session, states))
        difference.islands += len(states)
        difference.files += sum(len(state.files) for state in states.values())
        attached = _count_dependents(session, plans.snapshot.assets)
        GroupingComparison(plans, self.present, concerns, attached).write_to(difference)
        pictures = count_numbered_photographs((asset.plan for asset in plans.assets), self.rules.profile)
        difference.photographs.update({folder: n for folder, n in pictures.items() if concerns([folder])})


def _count_dependents(session: Session, assets: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
    """Count what people attached to assets, by kind."""
    counted: dict[uuid.UUID, dict[str, int]] = {}
    for row in session.execute(COUNT_DEPENDENTS, {"ids": list(assets)}) if assets else ():
        counted.setdefault(row.id, {})[row.kind] = row.number
    return counted
