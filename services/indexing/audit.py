"""Compare the index with its marks by revision, and repair differences.

Both are walked in parallel in pages of ten thousand, so a million documents take about a minute and little memory. A
concurrent change is not a difference: every suspected key is checked a second time by id, without a search in between.

The job does a few pages at a time, so that drains run in between. A purged object keeps its mark and tombstone only as
long as a late write could arrive. A write is in flight for minutes at most; a day is safe even after a crash of its
process."""

import json
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.queues.index_build import read_index_targets
from models.queues.index_queue import MARK_QUEUE, DocumentKey, delete_gone_marks, record_gone_objects
from models.queues.job import Progress
from models.queues.notify import Notifier
from search.documents.builders import DOCUMENT_BUILDERS
from search.engine import SearchEngine, SearchUnavailableError, StoredRevision
from services.core.text import pluralize
from services.indexing.requests import COMPARE_INDEX_TASK, start_index_comparison
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun

AUDIT_PAGE_DOCUMENTS = 10_000
"""Documents that an index returns in one answer."""
MAX_RECHECK_KEYS = 1_000
"""Keys of one second check."""
TABLE_OF_OBJECT_TYPE = {"assets": "asset", "collections": "collection", "segments": "segment"}
"""Table of the objects of each document type."""

SELECT_MARK_PAGE = text(f"""
    SELECT object_id, revision, dirty_since IS NULL AS clean FROM {MARK_QUEUE.view} AS mark
    WHERE object_type = :kind AND (CAST(:after AS uuid) IS NULL OR object_id > :after)
        AND (CAST(:last AS uuid) IS NULL OR object_id <= :last)
""")
SELECT_MARKS_BY_ID = text(f"""
    SELECT object_id, revision, dirty_since IS NULL AS clean FROM {MARK_QUEUE.view} AS mark
    WHERE object_type = :kind AND object_id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)))
SELECT_UNMARKED = {
    kind: text(f"""
        SELECT id FROM {table}
        LEFT JOIN {MARK_QUEUE.view} AS mark ON mark.object_type = '{kind}' AND mark.object_id = id
        WHERE mark.object_id IS NULL
    """)
    for kind, table in TABLE_OF_OBJECT_TYPE.items()
}
MARK_DIFFERENCES = text("SELECT mark_for_index(:kind, CAST(:ids AS uuid[]), :narrows)")
# After a restore of the database the index may be ahead of the sequence, and would reject every write as stale.
RAISE_REVISION_SEQUENCE = text("""
    SELECT setval('index_revision', :highest) WHERE (SELECT last_value FROM index_revision) < :highest
""")


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """Differences between one page of the index and its marks."""

    kind: str
    checked: int
    lacking: list[DocumentKey] = field(default_factory=list)
    """Documents that are missing or older than their mark."""
    ahead: list[DocumentKey] = field(default_factory=list)
    """Documents newer than their mark."""
    orphans: list[DocumentKey] = field(default_factory=list)
    """Documents of objects without a mark."""
    dead: list[DocumentKey] = field(default_factory=list)
    """Tombstones without a mark."""
    highest: int = 0
    last: uuid.UUID | None = None
    """Last id of the page; None at the end of its type."""

    @property
    def wrong(self) -> list[DocumentKey]:
        """All documents that a search would show wrongly or not at all."""
        return [*self.lacking, *self.ahead, *self.orphans]


def compare_page(
    sessions: Sessions, engine: SearchEngine, kind: str, after: uuid.UUID | None, target: str | None = None
) -> ComparedPage:
    """Compare one page of the live index, or of `target`."""
    stored = {one.object_id: one for one in engine.revisions(kind, after, AUDIT_PAGE_DOCUMENTS, target)}
    last = max(stored) if len(stored) == AUDIT_PAGE_DOCUMENTS else None
    with sessions() as session:
        marks = session.execute(SELECT_MARK_PAGE, {"kind": kind, "after": after, "last": last}).all()
    known = {row.object_id for row in marks}
    doubtful = [row.object_id for row in marks if row.clean and _revision(stored.get(row.object_id)) != row.revision]
    doubtful += [key for key in stored if key not in known]
    result = ComparedPage(
        kind, len(marks), last=last, highest=max((one.revision for one in stored.values()), default=0)
    )
    for first in range(0, len(doubtful), MAX_RECHECK_KEYS):
        _recheck(sessions, engine, result, doubtful[first : first + MAX_RECHECK_KEYS], target)
    return result


def _recheck(
    sessions: Sessions, engine: SearchEngine, result: ComparedPage, ids: Sequence[uuid.UUID], target: str | None
) -> None:
    """Classify suspected keys after a second look; a mark that is dirty again, or was cleared meanwhile, is not a
    fault."""
    with sessions() as session:
        # Marks are read before and after the document: only a mark that was clean and equal both times is comparable.
        before = {
            row.object_id: row for row in session.execute(SELECT_MARKS_BY_ID, {"kind": result.kind, "ids": list(ids)})
        }
    keys = [DocumentKey(result.kind, object_id) for object_id in ids]
    stored = engine.revisions_of(keys, target)
    with sessions() as session:
        marks = {
            row.object_id: row for row in session.execute(SELECT_MARKS_BY_ID, {"kind": result.kind, "ids": list(ids)})
        }
    for key in keys:
        document, mark = stored.get(key), marks.get(key.object_id)
        if mark is None:
            if document is not None:
                (result.dead if document.deleted else result.orphans).append(key)
        elif mark.clean and mark == before.get(key.object_id) and _revision(document) != mark.revision:
            (result.ahead if _revision(document) > mark.revision else result.lacking).append(key)


def _revision(stored: StoredRevision | None) -> int:
    return -1 if stored is None else stored.revision


def audit_index_pages(sessions: Sessions, engine: SearchEngine, target: str | None = None) -> Iterator[ComparedPage]:
    """Compare all documents, page by page."""
    for kind in DOCUMENT_BUILDERS:
        after: uuid.UUID | None = None
        while True:
            page = compare_page(sessions, engine, kind, after, target)
            yield page
            if page.last is None:
                break
            after = page.last


def repair_index_page(sessions: Sessions, engine: SearchEngine, page: ComparedPage) -> int:
    """Mark the differing documents for the next drain, purge tombstones without a mark; return the number of marked
    ones."""
    if page.dead:
        engine.purge(page.dead)
    if page.wrong:
        transact(sessions, lambda session: _mark_wrong(session, page))
    return len(page.wrong)


def _mark_wrong(session: Session, page: ComparedPage) -> None:
    if page.ahead or page.orphans:
        session.execute(RAISE_REVISION_SEQUENCE, {"highest": page.highest})
    # With a new revision, because the index remembers a manually deleted document as a newer one for a minute.
    for keys, narrows in (([*page.lacking, *page.ahead], False), (page.orphans, True)):
        if keys:
            session.execute(
                MARK_DIFFERENCES, {"kind": page.kind, "ids": [key.object_id for key in keys], "narrows": narrows}
            )


def find_unmarked(session: Session) -> list[DocumentKey]:
    """Return objects without a mark. Only a gap in the triggers or a manual change can cause that."""
    return [DocumentKey(kind, row) for kind, query in SELECT_UNMARKED.items() for row in session.scalars(query)]


def mark_unmarked(session: Session, keys: Sequence[DocumentKey]) -> None:
    """Mark objects that have no mark."""
    for kind in {key.object_type for key in keys}:
        ids = [key.object_id for key in keys if key.object_type == kind]
        session.execute(MARK_DIFFERENCES, {"kind": kind, "ids": ids, "narrows": False})


log = logging.getLogger(__name__)

COMPARISON_SLICE_SECONDS = 1.0
COMPARISON_RETRY_SECONDS = 60.0
TOMBSTONE_RETENTION_SECONDS = 86_400.0
MAX_TOMBSTONE_BATCH = 1_000

SELECT_EXPIRED_TOMBSTONES = text(f"""
    SELECT object_type, object_id FROM {MARK_QUEUE.view} AS mark
    WHERE gone_since < now() - make_interval(secs => :seconds) AND dirty_since IS NULL LIMIT {MAX_TOMBSTONE_BATCH}
""")


def comparison_jobs(engine: SearchEngine) -> JobKind:
    """Return the jobs that compare index and rows, each run for one slice."""
    return JobKind(COMPARE_INDEX_TASK, lambda run: _compare_slice(run, engine))


def _compare_slice(run: JobRun, engine: SearchEngine) -> JobOutcome:
    try:
        engine.check()
        kept = run.claim.kept
        kinds, after = list(kept.get("kinds", DOCUMENT_BUILDERS)), kept.get("after")
        checked, mended = int(kept.get("checked", 0)), int(kept.get("mended", 0))
        end = time.monotonic() + COMPARISON_SLICE_SECONDS
        while kinds and time.monotonic() < end:
            page = compare_page(run.sessions, engine, kinds[0], uuid.UUID(after) if after else None)
            mended += repair_index_page(run.sessions, engine, page)
            checked += page.checked
            after = str(page.last) if page.last else None
            kinds = kinds if page.last else kinds[1:]
            details = json.dumps({"kinds": kinds, "after": after, "checked": checked, "mended": mended})
            total = max(checked, run.claim.total)
            progress = Progress(max(checked, 1), total, f"{mended:,} differed so far", details)
            transact(run.sessions, run.heartbeat, progress)
    except SearchUnavailableError as error:
        return JobPause(f"waits: {error}", COMPARISON_RETRY_SECONDS)
    return JobPause() if kinds else _finish_comparison(run, checked, mended)


def _finish_comparison(run: JobRun, checked: int, mended: int) -> JobEnd:
    mended += _mark_unmarked(run.sessions)
    progress = Progress(details=json.dumps({"mended": mended}))
    transact(run.sessions, lambda session: run.save(session, progress))
    end = JobEnd(f"{pluralize(checked, 'document')} compared; {mended:,} differed and were marked to be written again")
    if mended:
        log.warning("index: %s", end.message)
    return end


def _mark_unmarked(sessions: Sessions) -> int:
    with sessions() as session:
        keys = find_unmarked(session)
    if keys:
        transact(sessions, lambda session: mark_unmarked(session, keys))
    return len(keys)


def start_index_audit(sessions: Sessions, engine: SearchEngine, notify: Notifier) -> None:
    """Start a comparison of index and rows, and delete expired tombstones."""
    purge_tombstones(sessions, engine)
    job = transact(sessions, start_index_comparison)
    notify(COMPARE_INDEX_TASK, [str(job.id)])


def purge_tombstones(
    sessions: Sessions, engine: SearchEngine, retention_seconds: float = TOMBSTONE_RETENTION_SECONDS
) -> int:
    """Delete expired tombstones and their marks; return how many. Does nothing while an index is being rebuilt."""
    with sessions() as session:
        if len(read_index_targets(session)) > 1:
            return 0
    transact(sessions, record_gone_objects)
    forgotten = 0
    while keys := transact(sessions, _expired_keys, retention_seconds):
        # The engine first: a mark that is left after a crash leads to the next attempt, a tombstone without one does
        # not.
        engine.purge(keys)
        forgotten += transact(sessions, delete_gone_marks, keys)
    return forgotten


def _expired_keys(session: Session, seconds: float) -> list[DocumentKey]:
    return [DocumentKey(*row) for row in session.execute(SELECT_EXPIRED_TOMBSTONES, {"seconds": seconds})]
