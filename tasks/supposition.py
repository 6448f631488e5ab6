"""In-memory dry run: group islands with a different profile, or as a scan would see the disk, without writing.

It uses the same pure grouping function and the ingest's own matching, so that a dry run agrees with the real grouping.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from tasks.difference import Comparison, Difference
from tasks.island_state import IslandState, StorageRules, StoredFile
from tasks.leases import IslandClaim
from tasks.matching import match
from tasks.origins import parting
from tasks.planned import plan_asset
from tasks.read_islands import FILE_COLUMNS, read_assets, read_stored_file
from tasks.taken import read_taken
from watch.grouping import AssetPlan, Grouping, arrange, describe

FILES = text(f"{FILE_COLUMNS} WHERE file.folder_id = ANY(:folders) AND file.status <> 'DELETED'")


def stored_files(session: Session, paths: dict[int, bytes]) -> Iterator[StoredFile]:
    """Iterate over all file rows of these folders (path by id)."""
    for row in session.execute(FILES, {"folders": list(paths)}):
        yield read_stored_file(row, paths)


@dataclass(slots=True)
class Supposition:
    """Dry run over islands by root folder, to which files are added one by one."""

    rules: StorageRules
    islands: dict[bytes, IslandState] = field(default_factory=dict)
    held: list[StoredFile] = field(default_factory=list)
    """Present files of the catalogue."""

    def add(self, home: bytes, file: StoredFile) -> None:
        """Add a file to the island with root folder `home`, its name classified by the dry run's profile."""
        if home not in self.islands:
            # Negative ids cannot be mistaken for rows.
            claim = IslandClaim(-1 - len(self.islands), self.rules.id, 0, 0, 0, 0, 0, reads_whole=True)
            self.islands[home] = IslandState(claim, self.rules)
        said = describe(file.path, self.rules.profile)
        bucket = said.bucket if file.pin is None else None
        self.islands[home].add(file._replace(bucket=bucket, frame=said.frame, padding=said.padding))

    def compare(
        self,
        session: Session,
        difference: Difference,
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
        found = read_assets(session, states)
        planned = []
        for state in states.values():
            grouping = arrange(state.items(), self.rules.profile, state.pins(), state.empty_paths())
            planned.extend(plan_asset(state, plan, found) for plan in _plans(state, grouping, stands_alone))
        match(planned, found, read_taken(session, parting(planned, found)))
        difference.islands += len(states)
        difference.files += sum(len(state.files) for state in states.values())
        Comparison(planned, found, self.held, concerns).write_to(difference)


def _plans(state: IslandState, grouping: Grouping, stands_alone: Callable[[StoredFile], bool]) -> Sequence[AssetPlan]:
    standing = [orphan.asset for orphan in grouping.orphans if stands_alone(state.files[orphan.path])]
    return [*grouping.assets, *standing]


def is_grouped(file: StoredFile) -> bool:
    """Whether a file is in a file set; an orphan that is an asset already stays one."""
    return file.file_set_id is not None
