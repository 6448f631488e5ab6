"""Problems that need a person beside dead letters: unreadable media, checksum mismatches, failed jobs, missing files.

Status, metrics, the list of work and its retries read them here.

Each counts what is wrong now: a file that changed, vanished or was read again is no problem any more.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.catalog.asset import IS_UNREADABLE, Component, ComponentType
from models.catalog.sidecar_results import FileChecksum
from models.core.statements import execute_dml
from models.queues.job import JOB_QUEUE
from models.queues.media_queue import MediaKind, queue_media
from services.catalog.assets.digests import COMMON_ALGORITHM, GOOD_COPIES, IS_FLIPPED
from services.core.text import pluralize
from services.media.jobs import MEDIA_TASKS
from services.storages.storages import IS_UNCONFIRMED

FAILED_JOB_HOURS = 24
"""Older failures are in `jobs list --status FAILED`; a warning that never ends would be ignored."""
COUNTED_TASKS = ", ".join(f"'{MEDIA_TASKS[kind]}'" for kind in (MediaKind.HEADERS, MediaKind.PICTURES))
"""Their failures are counted as unreadable media, for as long as they are."""
FOLDER_OF_SET = r"""storage.root || '\x2f'::bytea
    || convert_to(file_set.base_dir || left('/', length(file_set.base_dir)), 'UTF8')"""
# Reading the file again replaces the component, and with it what was accepted.
ACCEPT_UNREADABLE = text(f"""
    UPDATE component SET media = media || jsonb_build_object('accepted', CAST(:reason AS text))
    WHERE file_set_id = :set AND from_header AND type = 'GENERAL' AND {IS_UNREADABLE}
""")
DELETE_CHECKSUM_RESULTS = text("DELETE FROM file_checksum WHERE file_id = :file AND NOT matches")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """A kind of problem, with the SQL of its rows as they are listed beside the dead letters."""

    name: str
    """Key in status and metrics."""
    help: str
    noun: str
    """What the list of work calls one row."""
    label: str
    """What a table says beside their number."""
    one: str
    many: str
    """What the headline says after the number 1, and after another."""
    rows: str
    """FROM and WHERE."""
    key: str
    what: str
    """SQL of a path, as bytes, or of a title."""
    since: str
    why: str
    subject: str
    task: str = "NULL"
    queue: str = "NULL"
    retry: Callable[[Session, uuid.UUID], bool] | None = None
    """Read again by key, if it is one of these. A failed job is retried as a job."""
    accept: Callable[[Session, uuid.UUID, str], bool] | None = None
    """Accept by key for a reason, if it is one of these: it is no problem until it changes."""

    @property
    def count(self) -> str:
        """SQL of their number."""
        return f"(SELECT count(*) {self.rows})"

    @property
    def listing(self) -> str:
        """SQL of at most `:most` of them as rows of the backlog, newest first."""
        return f"""
            SELECT '{self.noun}' AS kind, CAST({self.key} AS text) AS key, {self.what} AS what, 'FAILED' AS state,
                {self.since} AS since, 0 AS tries, {self.why} AS why, {self.task} AS task, {self.queue} AS queue,
                {self.subject}, NULL::bigint AS progress
            {self.rows} ORDER BY 5 DESC, 2 LIMIT :most
        """

    def describe(self, number: int) -> str:
        """Return the part of the headline about so many of them."""
        return pluralize(number, self.one, self.many)


def _read_again(session: Session, file_set_id: uuid.UUID) -> bool:
    is_general = (Component.file_set_id == file_set_id, Component.type == ComponentType.GENERAL, Component.from_header)
    media = session.scalar(select(Component.media).where(*is_general))
    kinds = {"error": MediaKind.HEADERS, "picture_error": MediaKind.PICTURES, "not_shown": MediaKind.PICTURES}
    kind = next((kind for key, kind in kinds.items() if key in (media or {})), None)
    if kind is not None:
        queue_media(session, kind, [file_set_id])
    return kind is not None


def _accept_media(session: Session, file_set_id: uuid.UUID, reason: str) -> bool:
    is_accepted = execute_dml(session, ACCEPT_UNREADABLE, {"set": file_set_id, "reason": reason})
    return bool(is_accepted)


def _verify_again(session: Session, file_id: uuid.UUID) -> bool:
    lists = session.scalars(select(FileChecksum.list_id).where(FileChecksum.file_id == file_id, ~FileChecksum.matches))
    sets = list(lists)
    execute_dml(session, DELETE_CHECKSUM_RESULTS, {"file": file_id})
    queue_media(session, MediaKind.SIDECARS, sets)
    return bool(sets)


UNREADABLE_MEDIA = ProblemKind(
    name="unreadable_media",
    help="File sets whose header or picture cannot be read; each has its reason.",
    noun="media",
    label="media files that cannot be read",
    one="media file cannot be read",
    many="media files cannot be read",
    rows=f"""FROM component JOIN file_set ON file_set.id = component.file_set_id
        JOIN asset ON asset.id = file_set.asset_id JOIN storage ON storage.id = file_set.storage_id
        WHERE component.from_header AND component.type = 'GENERAL' AND component.{IS_UNREADABLE}
            AND NOT component.media ? 'accepted' AND asset.status = 'ACTIVE'
            AND file_set.status = 'ACTIVE' AND file_set.file_count > 0""",
    key="file_set.id",
    what=f"{FOLDER_OF_SET} || convert_to(file_set.name, 'UTF8')",
    since="file_set.date_modified",
    why="""coalesce('it ' || (component.media ->> 'error'),
        'no poster could be made: it ' || (component.media ->> 'picture_error'))""",
    subject="'assets' AS object_type, CAST(file_set.asset_id AS text) AS object_id",
    retry=_read_again,
    accept=_accept_media,
)
CHECKSUM_MISMATCHES = ProblemKind(
    name="checksum_mismatches",
    help="Files whose content differs from the checksum in a list beside them.",
    noun="checksum",
    label="files that differ from their checksums",
    one="file differs from its checksum",
    many="files differ from their checksums",
    rows="""FROM file_checksum AS sum JOIN file ON file.id = sum.file_id
        JOIN file_set_file AS member ON member.file_id = file.id JOIN file_set ON file_set.id = member.file_set_id
        JOIN asset ON asset.id = file_set.asset_id JOIN storage ON storage.id = file_set.storage_id
        WHERE NOT sum.matches AND (sum.size, sum.mtime_ns) = (file.size, file.mtime_ns) AND asset.status = 'ACTIVE'
            AND file.status NOT IN ('MISSING', 'DELETED')""",
    key="file.id",
    what=f"{FOLDER_OF_SET} || file.name",
    since="sum.date_checked",
    why="""'its ' || sum.algorithm || ' is ' || sum.found || ', but "' || sum.list_name || '" says ' || sum.expected""",
    subject="'assets' AS object_type, CAST(file_set.asset_id AS text) AS object_id",
    retry=_verify_again,
)
FLIPPED_FILES = ProblemKind(
    name="flipped_files",
    help="Files whose bytes changed while their size and time did not.",
    noun="bits",
    label="files that lost bits",
    one="file lost bits",
    many="files lost bits",
    rows=f"""FROM file_digest AS sum JOIN file ON file.id = sum.file_id
        JOIN file_set_file AS member ON member.file_id = file.id JOIN file_set ON file_set.id = member.file_set_id
        JOIN asset ON asset.id = file_set.asset_id JOIN storage ON storage.id = file_set.storage_id
        WHERE {IS_FLIPPED} AND sum.algorithm = (SELECT algorithm FROM file_digest AS each
                WHERE each.file_id = sum.file_id AND each.found IS NOT NULL
                ORDER BY algorithm <> '{COMMON_ALGORITHM}', algorithm LIMIT 1)
            AND asset.status = 'ACTIVE' AND file.status NOT IN ('MISSING', 'DELETED')""",
    key="file.id",
    what=f"{FOLDER_OF_SET} || file.name",
    since="sum.date_found",
    why=f"""'its ' || sum.algorithm || ' was ' || sum.digest || ', and is ' || sum.found
        || '; good copies: ' || {GOOD_COPIES}""",
    subject="'assets' AS object_type, CAST(file_set.asset_id AS text) AS object_id",
)
FAILED_JOBS = ProblemKind(
    name="failed_jobs",
    help=f"Jobs that failed within the last {FAILED_JOB_HOURS} hours.",
    noun="job",
    label="jobs failed in the last day",
    one="job failed in the last day",
    many="jobs failed in the last day",
    rows=f"""FROM {JOB_QUEUE.view} AS job WHERE status = 'FAILED' AND parked_at IS NULL
        AND completed_at > now() - interval '{FAILED_JOB_HOURS} hours'
        AND coalesce(task, '') NOT IN ({COUNTED_TASKS})""",
    key="job.id",
    what="job.title",
    since="job.completed_at",
    why="coalesce(job.error_message, nullif(job.message, ''))",
    subject="job.object_type, CAST(job.object_id AS text) AS object_id",
    task="job.task",
    queue="job.queue",
)
UNCONFIRMED_MISSING = ProblemKind(
    name="unconfirmed_missing",
    help="Files of assets that are missing and not confirmed as deleted.",
    noun="missing",
    label="files missing, not confirmed as deleted",
    one="file missing",
    many="files missing",
    rows=f"""FROM file JOIN file_set_file AS member ON member.file_id = file.id
        JOIN file_set ON file_set.id = member.file_set_id JOIN asset ON asset.id = file_set.asset_id
        JOIN storage ON storage.id = file_set.storage_id WHERE {IS_UNCONFIRMED} AND asset.status = 'ACTIVE'""",
    key="file.id",
    what=f"{FOLDER_OF_SET} || file.name",
    since="file.date_modified",
    why="""'if it was deleted on purpose: tapeless storage confirm-deletions "' || storage.name || '"'""",
    subject="'assets' AS object_type, CAST(file_set.asset_id AS text) AS object_id",
)
PROBLEM_KINDS = (UNREADABLE_MEDIA, CHECKSUM_MISMATCHES, FLIPPED_FILES, FAILED_JOBS, UNCONFIRMED_MISSING)
