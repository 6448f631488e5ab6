"""What processes see of the storages on their machines: each writes it every few seconds; status and doctor read it."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.process_report import MAX_REPORT_AGE_SECONDS
from models.core.sessions import Sessions, transact
from services.core.folder_markers import find_media_folder_fault
from watch.root_visibility import find_unseen_storages

PROCESS_REPORT_SECONDS = 5.0
MEDIA_QUEUES = ("metadata", "media", "transcode")
"""Queues whose workers open files of storages."""

# Where two machines have one name, or a process starts again after it was killed, the report of the other one stays
# for as long as it is current.
UPSERT_REPORT = text(f"""
    INSERT INTO process_report (name, process_id, machine, queues, unseen, media_folder_error, reported_at)
    VALUES (:name, :process_id, :machine, :queues, CAST(:unseen AS jsonb), :media_folder_error, now())
    ON CONFLICT (name) DO UPDATE SET process_id = excluded.process_id, machine = excluded.machine,
        queues = excluded.queues, unseen = excluded.unseen, media_folder_error = excluded.media_folder_error,
        reported_at = excluded.reported_at
    WHERE process_report.process_id IS NULL OR process_report.process_id = excluded.process_id
        OR process_report.reported_at < now() - interval '{MAX_REPORT_AGE_SECONDS} s'
    RETURNING name
""")
DELETE_OTHER_NAMES = text("DELETE FROM process_report WHERE process_id = :process_id AND name <> :name")
DELETE_REPORTS = text("""
    DELETE FROM process_report WHERE process_id = :process_id OR reported_at < now() - interval '1 day'
""")
MAX_NAMESAKES = 20
SELECT_REPORTS = text("""
    SELECT name, machine, queues, unseen, media_folder_error, extract(epoch FROM now() - reported_at) AS age_seconds
    FROM process_report ORDER BY name
""")


@dataclass(frozen=True, slots=True)
class ReportingProcess:
    """A process as it is known to others: what it takes from, and which folders it uses."""

    name: str
    machine: str
    queues: Sequence[str] = ()
    media_folder: Path | None = None
    """None for a process that neither reads nor writes it."""
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True, slots=True)
class MachineView:
    """The last report of one process."""

    name: str
    machine: str
    queues: Sequence[str]
    unseen: Mapping[str, str]
    media_folder_error: str | None
    age_seconds: float

    @property
    def is_current(self) -> bool:
        """Whether its process still reports."""
        return self.age_seconds <= MAX_REPORT_AGE_SECONDS

    @property
    def namesake(self) -> str | None:
        """The name that this process wanted, where another one has it."""
        wanted, mark, _ = self.name.partition(" (")
        return wanted if mark else None


def report_process(sessions: Sessions, process: ReportingProcess) -> None:
    """Look at the disks, and write down what was seen."""
    unseen = {str(storage_id): reason for storage_id, reason in find_unseen_storages(sessions).items()}
    fault = find_media_folder_fault(sessions, process.media_folder) if process.media_folder else None
    report = {"process_id": process.id, "machine": process.machine, "queues": list(process.queues)}
    values = report | {"unseen": json.dumps(unseen), "media_folder_error": fault}
    transact(sessions, _write_report, process.name, values)


def _write_report(session: Session, name: str, values: Mapping[str, object]) -> None:
    """Write the report under the first name that no other process has now."""
    for number in range(1, MAX_NAMESAKES + 1):
        free = name if number == 1 else f"{name} ({number})"
        if session.scalar(UPSERT_REPORT, {**values, "name": free}) is not None:
            session.execute(DELETE_OTHER_NAMES, {"process_id": values["process_id"], "name": free})
            return


def withdraw_report(sessions: Sessions, process: ReportingProcess) -> None:
    """Delete the report of a process that ends, and those of processes that were killed long ago."""
    transact(sessions, lambda session: session.execute(DELETE_REPORTS, {"process_id": process.id}))


def list_machine_views(session: Session) -> list[MachineView]:
    """List the last report of every process that did not end orderly."""
    return [MachineView(**row) for row in session.execute(SELECT_REPORTS).mappings()]


def describe_unserved_queues(views: Iterable[MachineView], storage_id: uuid.UUID) -> str:
    """Return which queues have workers, none of which sees a storage, with the reasons; empty if there are none."""
    found: dict[str, list[str]] = {}
    for queue in MEDIA_QUEUES:
        workers = [view for view in views if queue in view.queues]
        if not workers or any(view.is_current and str(storage_id) not in view.unseen for view in workers):
            continue
        reasons = "; ".join(_describe_view(view, storage_id) for view in workers)
        found.setdefault(reasons, []).append(queue)
    return "; ".join(f"no worker of {', '.join(queues)} sees it ({reasons})" for reasons, queues in found.items())


def _describe_view(view: MachineView, storage_id: uuid.UUID) -> str:
    if not view.is_current:
        return f"{view.machine}: not heard of for {view.age_seconds:,.0f} s"
    return f"{view.machine}: {view.unseen[str(storage_id)]}"
