"""In-memory dry run: plan islands with a different profile, or as a scan would see the disk, without writing.

It uses the planner of the ingest, so that a dry run agrees with what the ingest then does.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping import classify_path
from models.queues.island import IslandClaim
from services.grouping.diff import GroupingComparison, GroupingDiff
from services.ingest.planner import plan_islands
from services.ingest.reader import SELECT_ISLAND_FILES, group_islands, read_stored_file
from services.ingest.state import IslandState, StorageRules, StoredFile

SELECT_DRY_RUN_FILES = text(f"{SELECT_ISLAND_FILES} WHERE file.folder_id = ANY(:folders) AND file.status <> 'DELETED'")


@dataclass(slots=True)
class DryRun:
    """Dry run over islands by root folder, to which files are added one by one."""

    rules: StorageRules
    islands: dict[bytes, IslandState] = field(default_factory=dict)
    present: list[StoredFile] = field(default_factory=list)
    """Present files of the catalog."""

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
                done=0,
                epoch=0,
                reads_all_files=True,
            )
            self.islands[home] = IslandState(claim, self.rules)
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
        GroupingComparison(plans, self.present, concerns).write_to(difference)
