"""Fixity on a schedule: every file of a storage is read whole again within so many days, oldest proofs first.

1. Off by default: the storage setting `fixity_days` turns it on. A job is created once an hour while a file is due.
2. The cached pages of a file are dropped before it is read, so that the disk is asked and not the memory. The storage
   setting `fixity_megabytes_per_second` limits how fast.
3. Sums are stored every second. A file whose sum changed while its size and time did not lost bits: it is a problem
   (`services/operations/problems.py`), and fails the job with its name and the copies that are still good.
"""

import json
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sandbox.safe_open import SourceChangedError, SourceFile, open_source_file, require_unchanged
from media.sidecars.checksums import CHECKSUM_READ_BYTES, compute_checksums
from models.catalog.file import read_folder_paths
from models.catalog.storage import Storage, StorageSettings
from models.core.paths import join_path
from models.core.sessions import transact
from models.queues.job import JOB_QUEUE, Job, JobStatus, Progress
from services.catalog.assets.digests import COMMON_ALGORITHM, ComputedDigest, describe_flips, store_digests
from services.core.text import pluralize
from services.jobs.jobs import add_job
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun
from services.readiness.copy_count import count_copies
from watch.root_visibility import find_unseen_storages

FIXITY_TASK = "media.fixity"
FIXITY_TURN_SECONDS = 30.0
FIXITY_SAVE_SECONDS = 1.0
UNSEEN_STORAGE_RETRY_SECONDS = 30.0
MAX_DUE_FILES = 5_000
"""Files that are loaded at once: the query sorts all that are due."""
MAX_NAMED_FILES = 10
BYTES_OF_MEGABYTE = 1_000_000

# A file lacks a sum, or was read longest ago by the oldest of those that are wanted.
IS_DUE_FOR_PROOF = """
    FROM folder JOIN file ON file.folder_id = folder.id
    LEFT JOIN LATERAL (
        SELECT CASE WHEN count(*) >= cardinality(CAST(:algorithms AS text[])) THEN min(date_found) END AS read_at
        FROM file_digest AS known WHERE known.file_id = file.id AND algorithm = ANY(CAST(:algorithms AS text[]))
            AND (known.size, known.mtime_ns) = (file.size, file.mtime_ns)) AS sums ON true
    WHERE folder.storage_id = :storage AND file.status IN ('CLOSED', 'REDISCOVERED') AND file.error IS NULL
        AND file.size > 0 AND NOT file.id = ANY(CAST(:skipped AS uuid[]))
        AND (sums.read_at IS NULL OR sums.read_at < now() - make_interval(days => :days))
"""
HAS_DUE_FILE = text(f"SELECT EXISTS (SELECT {IS_DUE_FOR_PROOF})")
COUNT_DUE_FILES = text(f"SELECT count(*) {IS_DUE_FOR_PROOF}")
SELECT_DUE_FILES = text(f"""
    SELECT file.id, file.folder_id, file.name, file.size, file.mtime_ns {IS_DUE_FOR_PROOF}
    ORDER BY sums.read_at NULLS FIRST, file.id LIMIT {MAX_DUE_FILES}
""")
SELECT_STORAGES_WITH_FIXITY = text("""
    SELECT id, name, settings FROM storage
    WHERE removed_at IS NULL AND status <> 'INACTIVE' AND CAST(settings ->> 'fixity_days' AS int) > 0 ORDER BY id
""")
HAS_OPEN_FIXITY_JOB = text(f"""
    SELECT EXISTS (SELECT FROM {JOB_QUEUE.view} AS job WHERE task = '{FIXITY_TASK}'
        AND status IN ('READY', 'STARTED', 'PAUSED') AND arguments ->> 'storage' = :storage)
""")


def create_fixity_jobs(session: Session) -> list[Job]:
    """Create a job for every storage with files that are due, unless it has one already."""
    made = []
    for row in session.execute(SELECT_STORAGES_WITH_FIXITY).all():
        settings = StorageSettings.model_validate(row.settings)
        if session.scalar(HAS_OPEN_FIXITY_JOB, {"storage": str(row.id)}):
            continue
        if session.scalar(HAS_DUE_FILE, _due_values(row.id, settings)):
            title, arguments = f'Prove the files of "{row.name}"', {"storage": str(row.id)}
            made.append(add_job(session, FIXITY_TASK, "ANALYZE", title, None, arguments=arguments))
    return made


def _due_values(storage_id: uuid.UUID, settings: StorageSettings, skipped: Sequence[str] = ()) -> dict[str, object]:
    return {
        "storage": storage_id,
        "algorithms": wanted_algorithms(settings),
        "days": settings.fixity_days,
        "skipped": list(skipped),
    }


def wanted_algorithms(settings: StorageSettings) -> list[str]:
    """Return the sums that every file of a storage has: the common one, and those that its settings add."""
    return list(dict.fromkeys((COMMON_ALGORITHM, *settings.checksum_algorithms)))


@dataclass(frozen=True, slots=True)
class DueFile:
    """A file to prove."""

    id: uuid.UUID
    source: SourceFile


@dataclass(slots=True)
class ReadPace:
    """Waits while reading is ahead of so many bytes a second."""

    bytes_per_second: float
    _began: float = field(default_factory=time.monotonic)
    _bytes: int = 0

    def wait_after(self, count: int) -> None:
        """Count bytes, and wait until they may have been read."""
        self._bytes += count
        ahead = self._bytes / self.bytes_per_second - (time.monotonic() - self._began)
        if ahead > 0:
            time.sleep(ahead)


@dataclass(slots=True)
class FixityTurn:
    """One turn of one job."""

    run: JobRun
    seconds: float = FIXITY_TURN_SECONDS
    _computed: list[ComputedDigest] = field(default_factory=list)
    _done: int = 0
    _total: int = 0
    _flipped: list[str] = field(default_factory=list)
    """Descriptions of files that lost bits, also of earlier turns."""
    _unread: dict[str, str] = field(default_factory=dict)
    """Why files could not be read, by id: they are left out until the next job."""
    _saved_at: float = 0.0

    def prove(self) -> JobOutcome:
        """Read what is due until the turn is over."""
        ends_at = time.monotonic() + self.seconds
        storage_id = uuid.UUID(self.run.claim.arguments["storage"])
        kept = self.run.claim.kept
        self._flipped, self._unread = list(kept.get("flipped", ())), dict(kept.get("unread", {}))
        with self.run.sessions() as session:
            storage = session.get(Storage, storage_id)
            settings = StorageSettings.model_validate(storage.settings) if storage is not None else StorageSettings()
        if storage is None or not settings.fixity_days:
            return JobEnd("proving files is off for this storage", JobStatus.DISCARDED)
        if reason := find_unseen_storages(self.run.sessions).get(storage_id):
            return JobPause(f"waits for a worker that sees its storage: {reason}", UNSEEN_STORAGE_RETRY_SECONDS)
        with self.run.sessions() as session:
            due = _load_due_files(session, storage, _due_values(storage_id, settings, list(self._unread)))
            left = session.scalar(COUNT_DUE_FILES, _due_values(storage_id, settings, list(self._unread)))
        self._done = self.run.claim.processed
        self._total = self._done + (left or 0)
        pace = ReadPace(settings.fixity_megabytes_per_second * BYTES_OF_MEGABYTE)
        for place, one in enumerate(due):
            if place and time.monotonic() >= ends_at:
                break
            with self.run.keep_lease():
                self._prove_file(one, wanted_algorithms(settings), pace)
        else:
            if len(due) < MAX_DUE_FILES:
                return self._finish()
        self._save()
        return JobPause()

    def _prove_file(self, one: DueFile, algorithms: Sequence[str], pace: ReadPace) -> None:
        source = one.source
        try:
            with open(open_source_file(source), "rb", buffering=0) as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

                def follow() -> None:
                    pace.wait_after(min(CHECKSUM_READ_BYTES, source.size))
                    self._save_periodically()

                digests = compute_checksums(opened.fileno(), algorithms, follow)
                require_unchanged(source, opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        except SourceChangedError as changed:
            self._unread[str(one.id)] = str(changed)
        except OSError as error:
            self._unread[str(one.id)] = f"{source.name} cannot be read: {error.strerror}"
        else:
            self._computed.append(ComputedDigest(one.id, source.size, source.mtime_ns, digests))
        self._done += 1

    def _save_periodically(self) -> None:
        if time.monotonic() - self._saved_at >= FIXITY_SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        transact(self.run.sessions, self._store)
        self._computed.clear()

    def _store(self, session: Session) -> None:
        store_digests(session, self._computed, "schedule")
        self._flipped += describe_flips(session, [one.file_id for one in self._computed])
        details = json.dumps({"flipped": self._flipped, "unread": self._unread})
        self.run.heartbeat(session, Progress(self._done, self._total, details=details), "stopped; its sums are kept")

    def _finish(self) -> JobEnd:
        self._save()
        transact(self.run.sessions, count_copies)
        said = f"{pluralize(self._done - len(self._unread), 'file')} read whole"
        if not self._flipped and not self._unread:
            return JobEnd(f"{said}; all are as they were")
        unread = list(self._unread.values())
        problems = _named(self._flipped, "lost bits") + _named(unread, "not read")
        status = JobStatus.FAILED if self._flipped else JobStatus.FINISHED_WITH_WARNING
        return JobEnd(said, status, "; ".join(problems))


def _named(said: Sequence[str], what: str) -> list[str]:
    if not said:
        return []
    more = f" and {len(said) - MAX_NAMED_FILES:,} more" if len(said) > MAX_NAMED_FILES else ""
    return [f"{pluralize(len(said), 'file')} {what}: {'; '.join(said[:MAX_NAMED_FILES])}{more}"]


def _load_due_files(session: Session, storage: Storage, values: dict[str, object]) -> list[DueFile]:
    rows = session.execute(SELECT_DUE_FILES, values).all()
    folders = read_folder_paths(session, {row.folder_id for row in rows})
    root = bytes(storage.root)
    return [
        DueFile(row.id, SourceFile(root, join_path(folders[row.folder_id], bytes(row.name)), row.size, row.mtime_ns))
        for row in rows
    ]


FIXITY_JOBS = JobKind(FIXITY_TASK, lambda run: FixityTurn(run).prove())
