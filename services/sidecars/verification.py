"""Checksum verification jobs: hash each file that a checksum manifest names, with no transaction open.

1. Reading a manifest creates the job, in the transaction that stores what the manifest is.
2. The job reads the manifest (sandboxed), finds its files among the rows, and hashes those without a result for their
   current size and time. Results are saved every second, so a killed worker loses a second; after a minute the job
   gives way to others.
3. A mismatch fails the job, and both checksums are reported on the format. Everything that was not compared is a
   warning, of the job and of the manifest's format: missing files, for which the manifest is read again when files
   arrive on the storage, paths that lead out of it, entries with nothing but a size, and entries without anything to
   compare."""

import json
import logging
import time
import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sandbox.protocol import UnreadableError
from media.sandbox.safe_open import SourceChangedError, open_source_file, require_unchanged
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ChildDiedError, ConfinedChild
from media.sidecars.checksums import SIZE_CHECK, compute_checksums, is_same_checksum
from media.sidecars.kinds import is_checksum_list
from models.catalog.asset import ASSET_KIND
from models.core.sessions import transact
from models.queues.job import JOB_QUEUE, JobStatus, Progress
from services.catalog.assets.digests import COMMON_ALGORITHM, ComputedDigest, store_digests
from services.catalog.assets.sources import load_readable_sets
from services.core.text import pluralize
from services.jobs.jobs import add_job
from services.jobs.runner import JobAbortedError, JobEnd, JobKind, JobOutcome, JobPause, JobRun
from services.media.probe_writer import update_header_warnings
from services.sidecars.manifest_files import FileToVerify, find_files_to_verify, find_later_generations
from services.sidecars.manifest_reader import ManifestEntry, read_manifest_entries, read_renames
from services.sidecars.results import (
    ChecksumResult,
    delete_other_checksums,
    load_checksum_matches,
    store_checksum_results,
    update_checksum_warnings,
)
from watch.root_visibility import find_unseen_storages

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
    SELECT storage.id, storage.root, file_set.name FROM file_set JOIN storage ON storage.id = file_set.storage_id
    WHERE file_set.id = :set
""")
# mark_component_update marks the document; `missing_files` lets queue_sidecar_insert queue the manifest again.
UPDATE_LIST_FACTS = text("""
    UPDATE component SET media = (media - CAST('{missing_clips,missing_files,checksum_notes}' AS text[]))
        || CAST(:facts AS jsonb)
    WHERE file_set_id = :set AND type = 'GENERAL' AND from_header
        AND (media ?| ARRAY['missing_files', 'checksum_notes'] OR CAST(:facts AS jsonb) <> '{}')
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
    digests: list[ComputedDigest] = field(default_factory=list)
    """The common sums of the same files."""
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
            if isinstance(listed, JobEnd) and listed.error:
                transact(self.run.sessions, self._write_list_facts, {"checksum_notes": [listed.error]})
            return listed
        with self.run.sessions() as session:
            storage = session.execute(STORAGE_OF_SET, {"set": self.set_id}).one()
            comparable = [one for one in listed if one.algorithm]
            there = find_files_to_verify(session, storage.id, bytes(storage.root), comparable)
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
                if reason := find_unseen_storages(self.run.sessions).get(storage.id):
                    return self._pause(
                        f"waits for a worker that sees its storage: {reason}", CHANGED_LIST_RETRY_SECONDS
                    )
                self.gone.add(_file_state(one))
        absent = {entry for one in unknown if _file_state(one) in self.gone for entry in one.expected}
        self._finish(there, ManifestGaps.of(listed, {entry for one in there for entry in one.expected} - absent))
        return None

    def _read_list(self) -> list[ManifestEntry] | JobEnd | JobPause:
        """Return the entries of the manifests, or the outcome of the job if there is nothing to verify."""
        unseen = find_unseen_storages(self.run.sessions)
        with self.run.sessions() as session:
            sets = load_readable_sets(session, [self.set_id], 1, MAX_SIDECAR_FILES)
            if reason := next((unseen[one.storage_id] for one in sets if one.storage_id in unseen), None):
                return JobPause(f"waits for a worker that sees its storage: {reason}", CHANGED_LIST_RETRY_SECONDS)
            sources = [source for one in sets for source in one.sources if is_checksum_list(source.name)]
            if not sources:
                return JobEnd("the list is not there any more")
            storage = session.execute(STORAGE_OF_SET, {"set": self.set_id}).one()
            later = [find_later_generations(session, storage.id, source) for source in sources]
        listed: list[ManifestEntry] = []
        wrong: list[str] = []
        with ConfinedChild("media.sidecars.program", SIDECAR_LIMITS) as child, self.run.keep_lease():
            for source, generations in zip(sources, later, strict=True):
                try:
                    listed += read_manifest_entries(child, source, read_renames(child, generations))
                except SourceChangedError as changed:
                    return JobPause(str(changed), CHANGED_LIST_RETRY_SECONDS)
                except UnreadableError as error:
                    wrong.append(f"{source.name}: {error}")
                except ChildDiedError as died:
                    wrong.append(f"{source.name}: its reader {died}")
        if wrong:
            return JobEnd("the list cannot be read", JobStatus.FAILED, "; ".join(wrong))
        return listed

    def _verify_file(self, one: FileToVerify) -> bool:
        """Hash one file; return whether it matched its row."""
        source = one.source
        algorithms = list(dict.fromkeys(entry.algorithm for entry in one.expected))
        try:
            with open(open_source_file(source), "rb", buffering=0) as opened:
                wanted = list(dict.fromkeys((*algorithms, *([COMMON_ALGORITHM] if algorithms != [SIZE_CHECK] else ()))))
                found = compute_checksums(opened.fileno(), wanted, self._save_periodically)
                require_unchanged(source, opened.fileno())
        except (SourceChangedError, OSError) as error:
            log.info("%s: %s", one.name, error)
            return False
        matches = all(
            is_same_checksum(entry.algorithm, entry.expected, found[entry.algorithm])
            and entry.size in (None, source.size)
            for entry in one.expected
        )
        said = (" and ".join(algorithms), one.expected_text, " and ".join(found[each] for each in algorithms), matches)
        self.results.append(ChecksumResult(one.file_id, one.list_name, *said, source.size, source.mtime_ns))
        if COMMON_ALGORITHM in found:
            common = {COMMON_ALGORITHM: found[COMMON_ALGORITHM]}
            self.digests.append(ComputedDigest(one.file_id, source.size, source.mtime_ns, common))
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
        self.digests.clear()

    def _pause(self, reason: str = "goes on soon", seconds: float = 0.0) -> JobPause:
        """End the turn as its time is over, between two files only: one file may take longer than a turn."""
        self._save_results()
        transact(self.run.sessions, lambda session: self.run.save(session, self._progress(whole=True)))
        return JobPause(f"{self.done:,} of {pluralize(self.total, 'file')} summed up; {reason}", seconds)

    def _progress(self, *, whole: bool = False) -> Progress:
        """Return the progress; with `whole` including the files to skip in the next turn."""
        details = json.dumps({"gone": sorted(self.gone)}) if whole else "{}"
        return Progress(self.done + len(self.gone), self.total, details=details)

    def _keep(self, session: Session) -> bool:
        is_stopped = self.run.save(session, self._progress())
        self._store(session)
        return is_stopped

    def _store(self, session: Session) -> None:
        store_checksum_results(session, self.set_id, self.results)
        store_digests(session, self.digests, "verification of a list")

    def _finish(self, there: Sequence[FileToVerify], gaps: "ManifestGaps") -> None:
        files = [one.file_id for one in there]

        def write(session: Session) -> None:
            self.run.save(session, Progress(self.done, self.total, details='{"gone": []}'))
            self._store(session)
            named = [(one.file_id, one.list_name) for one in there]
            no_longer_named = delete_other_checksums(session, self.set_id, named)
            update_checksum_warnings(session, [*files, *no_longer_named])
            name = session.execute(STORAGE_OF_SET, {"set": self.set_id}).one().name
            notes = [f"{name}: {sentence}" for sentence in _list_gaps(there, gaps)]
            missing = len(gaps.missing)
            facts = {"missing_clips": missing, "missing_files": missing, "checksum_notes": notes}
            self._write_list_facts(session, {key: value for key, value in facts.items() if value})
            known = load_checksum_matches(session, files)
            wrong = [one for one in there if known.get(_result_key(one)) is False]
            self.run.complete(session, _job_outcome(there, wrong, gaps))

        transact(self.run.sessions, write)

    def _write_list_facts(self, session: Session, facts: dict[str, Any]) -> None:
        """Store what the manifests say about files that were not compared, and warn of it on their format."""
        session.execute(UPDATE_LIST_FACTS, {"set": self.set_id, "facts": json.dumps(facts)})
        update_header_warnings(session, [self.set_id])


@dataclass(frozen=True, slots=True)
class ManifestGaps:
    """Entries of manifests whose bytes were not compared, by the reason."""

    missing: Sequence[ManifestEntry] = ()
    outside: Sequence[ManifestEntry] = ()
    incomparable: Sequence[ManifestEntry] = ()

    @classmethod
    def of(cls, listed: Sequence[ManifestEntry], compared: Set[ManifestEntry]) -> "ManifestGaps":
        """Sort the entries that were not compared; one without a sum counts only where no other has one."""
        paths = {one.path for one in listed if one.algorithm}
        rest = [one for one in dict.fromkeys(listed) if one not in compared]
        return cls(
            [one for one in rest if one.algorithm and one.path is not None],
            [one for one in rest if one.path is None],
            [one for one in rest if not one.algorithm and one.path is not None and one.path not in paths],
        )

    def sentences(self) -> list[str]:
        """Describe the gaps for users."""
        found = []
        if self.missing:
            found.append(f"{pluralize(len(self.missing), 'file')} not there or not readable: {_names(self.missing)}")
        if self.outside:
            found.append(f"{pluralize(len(self.outside), 'file')} outside of the storage: {_names(self.outside)}")
        for reason in dict.fromkeys(one.reason for one in self.incomparable):
            some = [one for one in self.incomparable if one.reason == reason]
            found.append(f"{pluralize(len(some), 'file')} not compared, which {reason}: {_names(some)}")
        return found

    def __len__(self) -> int:
        return len(self.missing) + len(self.outside) + len(self.incomparable)


def _file_state(one: FileToVerify) -> str:
    """Identify a listed file in its current state; a changed file has another state."""
    return f"{one.file_id}:{one.source.size}:{one.source.mtime_ns}"


def _result_key(one: FileToVerify) -> tuple[uuid.UUID, str, str, int, int]:
    return one.file_id, one.list_name, one.expected_text, one.source.size, one.source.mtime_ns


def _job_outcome(there: Sequence[FileToVerify], wrong: Sequence[FileToVerify], gaps: ManifestGaps) -> JobEnd:
    """Return the result of a job: a mismatch is a failure, and what was not compared a warning.

    A file that several lists name, such as the generations of a history, is counted once.
    """
    right = {one.file_id for one in there} - {one.file_id for one in wrong}
    total = len({one.file_id for one in there}) + len(gaps)
    message = f"{len(right):,} of {pluralize(total, 'file')} match"
    told = _list_gaps(there, gaps)
    if wrong:
        told.insert(0, f"{pluralize(len(wrong), 'file')} not as listed: {_names(wrong)}")
        return JobEnd(message, JobStatus.FAILED, "; ".join(told))
    return JobEnd(message, JobStatus.FINISHED_WITH_WARNING if told else JobStatus.FINISHED, "; ".join(told) or None)


def _list_gaps(there: Sequence[FileToVerify], gaps: ManifestGaps) -> list[str]:
    """List what was not verified: entries that were not compared, and files of which only the size was."""
    by_size = [one for one in there if all(entry.algorithm == SIZE_CHECK for entry in one.expected)]
    alone = [f"{pluralize(len(by_size), 'file')} compared by size alone: {_names(by_size)}"] if by_size else []
    return [*gaps.sentences(), *alone]


def _names(files: Sequence[ManifestEntry | FileToVerify]) -> str:
    named = list(dict.fromkeys(one.name for one in files))
    return ", ".join(named[:MAX_LISTED_NAMES]) + (", …" if len(named) > MAX_LISTED_NAMES else "")
