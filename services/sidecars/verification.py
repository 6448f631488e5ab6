"""Checksum verification jobs: hash each file that a checksum manifest names, with no transaction open.

1. Reading a manifest creates the job, in the transaction that stores what the manifest is.
2. The job reads the manifest (sandboxed), finds its files among the rows, and hashes those without a result for their
   current size and time. Results are saved every second, so a killed worker loses a second; after a minute the job
   gives way to others.
3. A mismatch fails the job, and both checksums are reported on the format; missing files are a warning, and the
   manifest is read again when files arrive on the storage."""

import json
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sandbox.batch_reader import ReadEnd, ReadItem, SandboxReader
from media.sandbox.safe_open import SourceChangedError, open_source_file, require_unchanged
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from media.sidecars.checksums import compute_checksum, is_same_checksum
from media.sidecars.kinds import is_checksum_list
from models.catalog.asset import ASSET_KIND
from models.core.sessions import transact
from models.queues.job import JOB_QUEUE, JobStatus, Progress
from services.catalog.assets.sources import load_readable_sets
from services.core.text import pluralize
from services.jobs.jobs import add_job
from services.jobs.runner import JobAbortedError, JobEnd, JobKind, JobOutcome, JobPause, JobRun
from services.sidecars.manifest_files import FileToVerify, ManifestEntry, find_files_to_verify, parse_manifest_entries
from services.sidecars.results import (
    ChecksumResult,
    load_checksum_matches,
    store_checksum_results,
    update_checksum_warnings,
)

SIDECAR_LIMITS = ResourceLimits(wall_seconds=30, cpu_seconds=10, memory_bytes=768 << 20)
MAX_SIDECAR_FILES = 40
"""Maximum number of sidecar files per asset; a clip of a camera card has five."""


log = logging.getLogger(__name__)

CHECKSUM_TASK = "media.checksums"
CHECKSUM_TURN_SECONDS = 60.0
CHECKSUM_SAVE_SECONDS = 1.0
CHANGED_LIST_RETRY_SECONDS = 5.0
MAX_LISTED_NAMES = 10

HAS_WAITING_JOB = text(f"""
    SELECT EXISTS (SELECT FROM {JOB_QUEUE.view} AS job WHERE task = :task AND status = 'READY' AND parked_at IS NULL
        AND object_id = :asset AND arguments ->> 'file_set' = :set)
""")
STORAGE_OF_SET = text("""
    SELECT storage.id, storage.root FROM file_set JOIN storage ON storage.id = file_set.storage_id
    WHERE file_set.id = :set
""")
# mark_component_update marks the document; `missing_files` lets queue_sidecar_insert queue the manifest again.
UPDATE_MISSING_FILES = text("""
    UPDATE component SET media = (media - 'missing_clips' - 'missing_files') || CAST(:facts AS jsonb)
    WHERE file_set_id = :set AND type = 'GENERAL' AND from_header
        AND (media ? 'missing_files' OR CAST(:facts AS jsonb) <> '{}')
""")


def create_checksum_job(session: Session, set_id: uuid.UUID, asset_id: uuid.UUID, name: str) -> None:
    """Create a job that verifies the manifests of a file set, unless one is waiting."""
    if session.scalar(HAS_WAITING_JOB, {"task": CHECKSUM_TASK, "asset": asset_id, "set": str(set_id)}):
        return
    about = {"object_type": ASSET_KIND, "object_id": asset_id}
    title, arguments = f'Verify the checksums of "{name}"', {"file_set": str(set_id)}
    add_job(session, CHECKSUM_TASK, "ANALYZE", title, None, arguments=arguments, **about)


def checksum_jobs(turn_seconds: float = CHECKSUM_TURN_SECONDS) -> JobKind:
    """Return the verification jobs, each run for at most one turn."""
    return JobKind(CHECKSUM_TASK, lambda run: _ChecksumTurn(run, time.monotonic() + turn_seconds).verify())


@dataclass(slots=True)
class _ChecksumTurn:
    """One turn of one job."""

    run: JobRun
    ends_at: float
    results: list[ChecksumResult] = field(default_factory=list)
    """Computed and not yet saved."""
    gone: set[str] = field(default_factory=set)
    """States of files that were missing or changed, also from earlier turns: they are not retried in every turn."""
    done: int = 0
    total: int = 0
    saved_at: float = 0.0

    @property
    def set_id(self) -> uuid.UUID:
        return uuid.UUID(self.run.claim.arguments["file_set"])

    def verify(self) -> JobOutcome:
        """Read the manifest, hash the files, and end the job."""
        listed = self._read_list()
        if not isinstance(listed, list):
            return listed
        with self.run.sessions() as session:
            storage = session.execute(STORAGE_OF_SET, {"set": self.set_id}).one()
            there = find_files_to_verify(session, storage.id, bytes(storage.root), listed)
            known = load_checksum_matches(session, [one.file_id for one in there])
        self.total = len(there)
        unknown = [one for one in there if _result_key(one) not in known]
        self.done = self.total - len(unknown)
        self.gone = {_file_state(one) for one in unknown}.intersection(self.run.claim.kept.get("gone", ()))
        waiting = [one for one in unknown if _file_state(one) not in self.gone]
        for place, one in enumerate(waiting):
            if place and time.monotonic() >= self.ends_at:
                return self._pause()
            if not self._verify_file(one):
                self.gone.add(_file_state(one))
        paths = {one.listed.path for one in there} - {
            one.listed.path for one in unknown if _file_state(one) in self.gone
        }
        self._finish(there, [one for one in listed if one.path not in paths])
        return None

    def _read_list(self) -> list[ManifestEntry] | JobEnd | JobPause:
        """Return the entries of the manifests, or the outcome of the job if there is nothing to verify."""
        with self.run.sessions() as session:
            sets = load_readable_sets(session, [self.set_id], 1, MAX_SIDECAR_FILES)
        sources = [source for one in sets for source in one.sources if is_checksum_list(source.name)]
        if not sources:
            return JobEnd("the list is not there any more")
        asked = {"names": [source.name for source in sources], "entries": True}
        with ConfinedChild("media.sidecars.program", SIDECAR_LIMITS) as child:
            (outcome,) = SandboxReader(child).read([ReadItem(1, sources, asked)])
        if outcome.end is ReadEnd.CHANGED:
            return JobPause(outcome.reason, CHANGED_LIST_RETRY_SECONDS)
        files = outcome.result.get("files", ())
        wrong = [
            f"{source.name}: {file['error']}" for source, file in zip(sources, files, strict=False) if "error" in file
        ]
        if outcome.end is not ReadEnd.READ or wrong:
            return JobEnd("the list cannot be read", JobStatus.FAILED, "; ".join(wrong) or outcome.reason)
        pairs = zip(sources, files, strict=True)
        return [one for source, file in pairs for one in parse_manifest_entries(source, file.get("entries", ()))]

    def _verify_file(self, one: FileToVerify) -> bool:
        """Hash one file; return whether it matched its row."""
        listed, source = one.listed, one.source
        try:
            with open(open_source_file(source), "rb", buffering=0) as opened:
                found = compute_checksum(opened.fileno(), listed.algorithm, self._save_periodically)
                require_unchanged(source, opened.fileno())
        except (SourceChangedError, OSError) as error:
            log.info("%s: %s", listed.name, error)
            return False
        matches = is_same_checksum(listed.algorithm, listed.expected, found) and listed.size in (None, source.size)
        said = (listed.list_name, listed.algorithm, listed.expected, found, matches, source.size, source.mtime_ns)
        self.results.append(ChecksumResult(one.file_id, *said))
        self.done += 1
        return True

    def _save_periodically(self) -> None:
        """Save results and renew the lease once a second; stop if requested."""
        if time.monotonic() - self.saved_at >= CHECKSUM_SAVE_SECONDS:
            self._save_results()

    def _save_results(self) -> None:
        self.saved_at = time.monotonic()
        if transact(self.run.sessions, self._keep):
            raise JobAbortedError("stopped; what was summed up is kept")
        self.results.clear()

    def _pause(self) -> JobPause:
        """End the turn as its time is over, between two files only: one file may take longer than a turn."""
        self._save_results()
        transact(self.run.sessions, lambda session: self.run.save(session, self._progress(whole=True)))
        return JobPause(f"{self.done:,} of {pluralize(self.total, 'file')} summed up; goes on soon")

    def _progress(self, *, whole: bool = False) -> Progress:
        """Return the progress; with `whole` including the files to skip in the next turn."""
        details = json.dumps({"gone": sorted(self.gone)}) if whole else "{}"
        return Progress(self.done + len(self.gone), self.total, details=details)

    def _keep(self, session: Session) -> bool:
        is_stopped = self.run.save(session, self._progress())
        store_checksum_results(session, self.set_id, self.results)
        return is_stopped

    def _finish(self, there: Sequence[FileToVerify], missing: Sequence[ManifestEntry]) -> None:
        files = [one.file_id for one in there]

        def write(session: Session) -> None:
            self.run.save(session, Progress(self.done, self.total, details='{"gone": []}'))
            store_checksum_results(session, self.set_id, self.results)
            update_checksum_warnings(session, files)
            facts = {"missing_clips": len(missing), "missing_files": len(missing)} if missing else {}
            session.execute(UPDATE_MISSING_FILES, {"set": self.set_id, "facts": json.dumps(facts)})
            known = load_checksum_matches(session, files)
            wrong = [one for one in there if known.get(_result_key(one)) is False]
            self.run.complete(session, _job_outcome(there, wrong, missing))

        transact(self.run.sessions, write)


def _file_state(one: FileToVerify) -> str:
    """Identify a listed file in its current state; a changed file has another state."""
    return f"{one.file_id}:{one.source.size}:{one.source.mtime_ns}"


def _result_key(one: FileToVerify) -> tuple[uuid.UUID, str, str, int, int]:
    return one.file_id, one.listed.list_name, one.listed.expected, one.source.size, one.source.mtime_ns


def _job_outcome(
    there: Sequence[FileToVerify], wrong: Sequence[FileToVerify], missing: Sequence[ManifestEntry]
) -> JobEnd:
    """Return the result of a job: a mismatch is a failure, a missing file a warning."""
    message = f"{len(there) - len(wrong):,} of {pluralize(len(there) + len(missing), 'file')} match"
    absent = (
        f"{pluralize(len(missing), 'file')} not there or not readable: {_truncate_names([one.name for one in missing])}"
        if missing
        else None
    )
    if wrong:
        error = f"{pluralize(len(wrong), 'file')} not as listed: {_truncate_names([one.listed.name for one in wrong])}"
        return JobEnd(message, JobStatus.FAILED, f"{error}; {absent}" if absent else error)
    return JobEnd(message, JobStatus.FINISHED_WITH_WARNING if missing else JobStatus.FINISHED, absent)


def _truncate_names(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_LISTED_NAMES]) + (", …" if len(names) > MAX_LISTED_NAMES else "")
