"""Claiming and acknowledging marks: the statements of the index queue, each for a whole batch.

The life of a mark:

1. A trigger (`mark_for_index`) makes it dirty, or raises its revision if it is dirty already.
2. A claim takes a lease by the database's clock: reduced access first, then single changes, then backfill.
3. The drain builds the documents and sends them with no transaction open.
4. Acknowledging removes an entry only if its revision is unchanged; otherwise it stays dirty and is claimable again.
5. A document that an engine refused, or that a drain died on, is retried alone up to `MAX_ISOLATED_TRIES` times, and
   then dead-lettered with its reason until it changes or an operator requeues it.

Two drains that claim the same mark do no harm: an engine keeps the newer document, and an acknowledgement names its
revision.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.types import BigInteger

from models.core.statements import execute_dml
from models.core.tracing import MAX_TRACES, is_tracing
from models.queues.index_mark import IS_MARK_DUE
from models.queues.leased_queue import IS_UNLEASED, WorkQueue

LOW_PRIORITY_DOCUMENTS = 100
"""A statement that marks more documents than this is a backfill: single changes go before it. The function
mark_for_index, which marks what other statements change, has the same number."""
MAX_ISOLATED_TRIES = 3
"""Isolated tries before a mark is dead-lettered."""
BACKFILL_SHARE = 5
"""One in this many of a batch is reserved for backfill, so that a steady stream of single changes cannot starve it."""
MAX_ACCESS_REDUCED = 10_000
"""Limit of objects that a query filters by id; beyond that it waits for the drain."""


class DocumentKey(NamedTuple):
    """Object of a document; the type is the API's name (`assets`)."""

    object_type: str
    object_id: uuid.UUID


class SentDocument(NamedTuple):
    """A document that the engine has now."""

    object_type: str
    object_id: uuid.UUID
    revision: int


class RefusedDocument(NamedTuple):
    """A document that could not be built or stored, and why."""

    object_type: str
    object_id: uuid.UUID
    revision: int | None
    """Null if it could not even be built."""
    reason: str


class TooManyAccessReducedError(Exception):
    """Too many objects were hidden since the last drain to filter them by id."""


# FOR UPDATE SKIP LOCKED lets any number of drains claim at once without waiting for each other.
def _lease_statement(which: str, order: str, counted: str = "") -> TextClause:
    return text(f"""
        UPDATE index_mark AS mark SET lease_until = now() + make_interval(secs => :lease_seconds){counted}
        FROM (
            SELECT object_type, object_id FROM index_mark WHERE {IS_MARK_DUE} AND {which}
            ORDER BY {order} LIMIT :limit FOR UPDATE SKIP LOCKED
        ) AS due
        WHERE mark.object_type = due.object_type AND mark.object_id = due.object_id
        RETURNING mark.object_type, mark.object_id
    """)


CLAIM_ACCESS_REDUCED = _lease_statement("narrowed AND lease_until IS NULL", "dirty_since")
CLAIM_SINGLE_CHANGES = _lease_statement("NOT narrowed AND NOT bulk AND lease_until IS NULL", "dirty_since")
CLAIM_BACKFILL = _lease_statement("NOT narrowed AND bulk AND lease_until IS NULL", "dirty_since")
CLAIM_ISOLATED = _lease_statement("lease_until < now()", "lease_until", ", errors = mark.errors + 1")


def claim_marks(session: Session, limit: int, lease_seconds: float) -> list[DocumentKey]:
    """Lease up to `limit` marks, most urgent first; a few more if backfill is pending."""
    parameters = {"lease_seconds": lease_seconds}
    keys: list[DocumentKey] = []
    for statement in (CLAIM_ACCESS_REDUCED, CLAIM_SINGLE_CHANGES):
        if len(keys) < limit:
            keys += _execute_claim(session, statement, parameters | {"limit": limit - len(keys)})
    return keys + _execute_claim(
        session, CLAIM_BACKFILL, parameters | {"limit": max(limit - len(keys), limit // BACKFILL_SHARE)}
    )


# A drain that died cannot count its own try: an expired lease with all tries used up is a dead letter.
DEAD_LETTER_EXHAUSTED = text(f"""
    UPDATE index_mark SET parked_at = now(), lease_until = NULL,
        error = coalesce(error, 'its drain ended ' || errors || ' times without a word')
    WHERE {IS_MARK_DUE} AND lease_until < now() AND errors >= :max_errors
""")


def claim_isolated_mark(session: Session, lease_seconds: float) -> list[DocumentKey]:
    """Lease one mark after a failed claim, alone, and count the try before it is made."""
    session.execute(DEAD_LETTER_EXHAUSTED, {"max_errors": MAX_ISOLATED_TRIES})
    return _execute_claim(session, CLAIM_ISOLATED, {"lease_seconds": lease_seconds, "limit": 1})


def _execute_claim(session: Session, statement: TextClause, parameters: dict[str, Any]) -> list[DocumentKey]:
    return [DocumentKey(*row) for row in session.execute(statement, parameters)]


# Rows are locked in primary key order, so that two acknowledgements cannot deadlock. A mark with a newer revision stays
# dirty, but only from `built_at` on: the change came after the snapshot of the document that was sent.
ACKNOWLEDGE_MARKS = text("""
    UPDATE index_mark AS mark SET
        lease_until = NULL,
        dirty_since = CASE WHEN mark.revision = sent.revision THEN NULL ELSE :built_at END,
        narrowed = mark.narrowed AND mark.revision <> sent.revision,
        bulk = mark.bulk AND mark.revision <> sent.revision,
        trace = CASE WHEN mark.revision <> sent.revision THEN mark.trace END,
        errors = 0, error = NULL, parked_at = NULL
    FROM (
        SELECT mark.object_type, mark.object_id, sent.revision
        FROM unnest(:types, :ids, :revisions) AS sent (object_type, object_id, revision)
        JOIN index_mark mark USING (object_type, object_id)
        WHERE mark.dirty_since IS NOT NULL
        ORDER BY object_type, object_id FOR UPDATE OF mark
    ) AS sent
    WHERE mark.object_type = sent.object_type AND mark.object_id = sent.object_id AND mark.dirty_since IS NOT NULL
""").bindparams(
    bindparam("types", type_=ARRAY(Text)),
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("revisions", type_=ARRAY(BigInteger)),
)


def acknowledge_marks(session: Session, sent: Sequence[SentDocument], built_at: datetime) -> None:
    """Acknowledge documents if their revision is unchanged; the others are dirty from `built_at` on."""
    types, ids, revisions = ([each[place] for each in sent] for place in range(3))
    session.execute(ACKNOWLEDGE_MARKS, {"types": types, "ids": ids, "revisions": revisions, "built_at": built_at})


# Only an unchanged mark takes the error: a newer revision has not been tried yet.
RECORD_REFUSALS = text("""
    UPDATE index_mark AS mark SET
        error = refused.reason,
        errors = greatest(mark.errors, 1),
        parked_at = CASE WHEN mark.errors >= :max_errors THEN now() END,
        lease_until = CASE WHEN mark.errors < :max_errors THEN now() + make_interval(secs => :backoff_seconds) END
    FROM unnest(:types, :ids, :revisions, :reasons) AS refused (object_type, object_id, revision, reason)
    WHERE mark.object_type = refused.object_type AND mark.object_id = refused.object_id
        AND mark.revision = coalesce(refused.revision, mark.revision)
""").bindparams(
    bindparam("types", type_=ARRAY(Text)),
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("revisions", type_=ARRAY(BigInteger)),
    bindparam("reasons", type_=ARRAY(Text)),
)


def record_refusals(session: Session, refused: Sequence[RefusedDocument], backoff_seconds: float) -> None:
    """Record the reasons. Each document is retried alone after `backoff_seconds`, and dead-lettered after
    `MAX_ISOLATED_TRIES`."""
    types, ids, revisions, reasons = ([each[place] for each in refused] for place in range(4))
    arrays = {"types": types, "ids": ids, "revisions": revisions, "reasons": reasons}
    session.execute(RECORD_REFUSALS, arrays | {"max_errors": MAX_ISOLATED_TRIES, "backoff_seconds": backoff_seconds})


RELEASE_MARKS = text("""
    UPDATE index_mark AS mark SET
        lease_until = CASE WHEN mark.errors > 0 THEN now() END, errors = greatest(mark.errors - 1, 0)
    FROM unnest(:types, :ids) AS held (object_type, object_id)
    WHERE mark.object_type = held.object_type AND mark.object_id = held.object_id AND mark.lease_until > now()
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))


RENEW_MARKS = text("""
    UPDATE index_mark AS mark SET lease_until = now() + make_interval(secs => :lease_seconds)
    FROM unnest(:types, :ids) AS held (object_type, object_id)
    WHERE mark.object_type = held.object_type AND mark.object_id = held.object_id AND mark.lease_until > now()
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))


def _key_parameters(keys: Sequence[DocumentKey]) -> dict[str, Any]:
    return {"types": [key.object_type for key in keys], "ids": [key.object_id for key in keys]}


def renew_mark_leases(session: Session, keys: Sequence[DocumentKey], lease_seconds: float) -> None:
    """Renew the leases of a drain that is still working."""
    session.execute(RENEW_MARKS, _key_parameters(keys) | {"lease_seconds": lease_seconds})


SELECT_MARK_TRACES = text(f"""
    SELECT DISTINCT mark.trace FROM unnest(:types, :ids) AS held (object_type, object_id)
    JOIN index_mark mark USING (object_type, object_id) WHERE mark.trace IS NOT NULL ORDER BY 1 LIMIT {MAX_TRACES}
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))


def read_mark_traces(session: Session, keys: Sequence[DocumentKey]) -> list[str]:
    """Return the traces of the changes that these documents are reindexed for."""
    if not (is_tracing() and keys):
        return []
    return list(session.scalars(SELECT_MARK_TRACES, _key_parameters(keys)))


def release_marks(session: Session, keys: Sequence[DocumentKey]) -> None:
    """Release leases after a fault that was not the document's: the counted try is taken back."""
    session.execute(RELEASE_MARKS, _key_parameters(keys))


COUNT_CLAIMABLE_MARKS = text(
    f"SELECT count(*) FROM (SELECT FROM index_mark WHERE {IS_MARK_DUE} AND lease_until IS NULL LIMIT :most) AS free"
)


def count_claimable_marks(session: Session, most: int) -> int:
    """Count the documents that a drain could claim now, up to `most`."""
    return int(session.execute(COUNT_CLAIMABLE_MARKS, {"most": most}).scalar_one())


# One index probe for each pair of `narrowed` and `bulk`, so that the cost does not grow with the queue.
SELECT_INDEX_LAG = text(f"""
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(oldest.dirty_since)), 0)::float8
    FROM (VALUES (false, false), (false, true), (true, false), (true, true)) AS kind (narrowed, bulk)
    CROSS JOIN LATERAL (
        SELECT mark.dirty_since FROM index_mark mark
        WHERE mark.narrowed = kind.narrowed AND mark.bulk = kind.bulk AND {IS_MARK_DUE}
        ORDER BY mark.dirty_since LIMIT 1
    ) AS oldest
""")


def index_lag_seconds(session: Session) -> float:
    """Return the age in seconds of the oldest difference between rows and index; 0 if there is none."""
    return float(session.execute(SELECT_INDEX_LAG).scalar_one())


def has_pending_single_changes(session: Session) -> bool:
    """Whether single changes are pending, which take precedence over bulk work."""
    query = f"SELECT EXISTS (SELECT FROM index_mark WHERE {IS_MARK_DUE} AND NOT bulk AND lease_until IS NULL)"
    return bool(session.execute(text(query)).scalar_one())


SEGMENTS_OF_ASSET = "segments_of"
"""Type of a key that names an asset and means all segments created on it."""
MAX_REDUCED_MARKS_READ = 100_000

# An existing segment lost readers together with its asset, which may have thousands of lines: they become one key.
SELECT_ACCESS_REDUCED_KEYS = text(f"""
    SELECT CASE WHEN segment.status = 'ACTIVE' THEN '{SEGMENTS_OF_ASSET}' ELSE object_type END,
        CASE WHEN segment.status = 'ACTIVE' THEN segment.made_on ELSE object_id END, count(*)
    FROM (
        SELECT object_type, object_id FROM index_mark WHERE narrowed AND dirty_since IS NOT NULL LIMIT :looked_at
    ) AS mark LEFT JOIN segment ON mark.object_type = 'segments' AND segment.id = mark.object_id
    GROUP BY 1, 2
""")


def access_reduced_keys(session: Session) -> frozenset[DocumentKey]:
    """Return the objects with reduced access that were not reindexed since: queries filter them by id."""
    rows = session.execute(SELECT_ACCESS_REDUCED_KEYS, {"looked_at": MAX_REDUCED_MARKS_READ}).all()
    if len(rows) > MAX_ACCESS_REDUCED or sum(row[2] for row in rows) >= MAX_REDUCED_MARKS_READ:
        raise TooManyAccessReducedError(
            f"more than {MAX_ACCESS_REDUCED} objects were hidden since the index was last drained"
        )
    return frozenset(DocumentKey(*row[:2]) for row in rows)


# Rows are locked in primary key order, as in the acknowledgement, so that the two cannot deadlock.
REQUEUE_MARKS = text("""
    UPDATE index_mark AS mark SET dirty_since = now(), bulk = :bulk
    FROM (
        SELECT object_type, object_id FROM index_mark JOIN unnest(:types, :ids) AS lost (object_type, object_id)
            USING (object_type, object_id)
        WHERE dirty_since IS NULL ORDER BY object_type, object_id FOR UPDATE OF index_mark
    ) AS lost
    WHERE mark.object_type = lost.object_type AND mark.object_id = lost.object_id
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))

REQUEUE_ALL_MARKS = text("UPDATE index_mark SET dirty_since = now(), bulk = true WHERE dirty_since IS NULL")


def requeue_marks(session: Session, keys: Sequence[DocumentKey]) -> int:
    """Requeue documents that the engine lost. Their objects are unchanged, so they keep their revision."""
    is_backfill = len(keys) > LOW_PRIORITY_DOCUMENTS
    return execute_dml(session, REQUEUE_MARKS, _key_parameters(keys) | {"bulk": is_backfill})


def requeue_all_marks(session: Session) -> int:
    """Requeue all documents, for an empty engine."""
    return execute_dml(session, REQUEUE_ALL_MARKS)


# The first run records since when an object is gone, because a clean mark has no other timestamp.
RECORD_GONE_SINCE = text("""
    UPDATE index_mark AS mark SET gone_since = now() WHERE dirty_since IS NULL AND gone_since IS NULL
        AND NOT EXISTS (SELECT FROM asset WHERE id = mark.object_id AND mark.object_type = 'assets')
        AND NOT EXISTS (SELECT FROM collection WHERE id = mark.object_id AND mark.object_type = 'collections')
        AND NOT EXISTS (SELECT FROM segment WHERE id = mark.object_id AND mark.object_type = 'segments')
""")
DELETE_GONE_MARKS = text("""
    DELETE FROM index_mark AS mark USING unnest(:types, :ids) AS old (object_type, object_id)
    WHERE mark.object_type = old.object_type AND mark.object_id = old.object_id
        AND dirty_since IS NULL AND gone_since IS NOT NULL
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))


def record_gone_objects(session: Session) -> int:
    """Note in their marks which objects are permanently gone; return the number of new ones."""
    return execute_dml(session, RECORD_GONE_SINCE)


def delete_gone_marks(session: Session, keys: Sequence[DocumentKey]) -> int:
    """Delete marks of objects that are gone; return their number."""
    return execute_dml(session, DELETE_GONE_MARKS, _key_parameters(keys))


MARK_QUEUE = WorkQueue(
    table="index_mark",
    noun="document",
    plural="documents",
    task="index.drain",
    celery_queue="index",
    key="object_id",
    tries="errors",
    title="work.object_type || ' ' || work.object_id",
    subject="work.object_type, CAST(work.object_id AS text) AS object_id",
    is_pending=IS_MARK_DUE,
    pending_since="dirty_since",
    discarded="dirty_since = NULL, errors = 0",
    requeued="errors = 0",
    waits=f"EXISTS (SELECT FROM index_mark WHERE {IS_MARK_DUE} AND {IS_UNLEASED})",
)
