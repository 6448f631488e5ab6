"""What processes see of the storages on their machines: each writes it every few seconds; status and doctor read it."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from services.core.folder_markers import find_media_folder_fault
from watch.root_visibility import find_unseen_storages

PROCESS_REPORT_SECONDS = 5.0
MAX_REPORT_AGE_SECONDS = 20.0
"""An older report is of a process that is gone, or hangs on a mount that does not answer."""
MEDIA_QUEUES = ("metadata", "media", "transcode")
"""Queues whose workers open files of storages."""

UPSERT_REPORT = text("""
    INSERT INTO process_report (name, machine, queues, unseen, media_folder_error, reported_at)
    VALUES (:name, :machine, :queues, CAST(:unseen AS jsonb), :media_folder_error, now())
    ON CONFLICT (name) DO UPDATE SET machine = excluded.machine, queues = excluded.queues, unseen = excluded.unseen,
        media_folder_error = excluded.media_folder_error, reported_at = excluded.reported_at
""")
DELETE_REPORTS = text("DELETE FROM process_report WHERE name = :name OR reported_at < now() - interval '1 day'")
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


def report_process(sessions: Sessions, process: ReportingProcess) -> None:
    """Look at the disks, and write down what was seen."""
    unseen = {str(storage_id): reason for storage_id, reason in find_unseen_storages(sessions).items()}
    fault = find_media_folder_fault(sessions, process.media_folder) if process.media_folder else None
    report = {"name": process.name, "machine": process.machine, "queues": list(process.queues)}
    values = report | {"unseen": json.dumps(unseen), "media_folder_error": fault}
    transact(sessions, lambda session: session.execute(UPSERT_REPORT, values))


def withdraw_report(sessions: Sessions, process: ReportingProcess) -> None:
    """Delete the report of a process that ends, and those of processes that were killed long ago."""
    transact(sessions, lambda session: session.execute(DELETE_REPORTS, {"name": process.name}))


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
