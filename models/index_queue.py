"""Claiming and clearing marks: the index queue's statements, each for a whole batch.

The life of a mark:

1. a trigger makes it dirty, or bumps its revision where it is dirty already;
2. a claim takes a lease by the database's clock, singles before floods, what was narrowed before both;
3. the drain builds the documents and sends them with no transaction open;
4. a clear makes clean what still has the revision that was sent; the rest stays dirty and is free again;
5. what an engine refuses, or what a drain died on, is taken again alone, a bounded number of times, and then parked
   with its reason until it changes or a person asks for it.

Two drains that meet on a mark harm nothing: an engine keeps the newer document, and a clear names its revision.
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

from models.index_mark import DUE
from models.migrations.marking import BULK
from models.tracing import MOST_TRACES, is_tracing

MAX_ERRORS = 3
"""Tries alone before a mark is parked."""
BULK_SHARE = 5
"""One in so many of a batch is kept for floods, so that a steady stream of singles cannot starve them."""
MAX_NARROWED = 10_000
"""Objects that a query leaves out by name; beyond that it waits for the drain instead."""


class DocumentKey(NamedTuple):
    """Which object a document is about; the type is the API's word (`assets`)."""

    object_type: str
    object_id: uuid.UUID


class Sent(NamedTuple):
    """A document that an engine has now."""

    object_type: str
    object_id: uuid.UUID
    revision: int


class Refused(NamedTuple):
    """A document that could not be built or stored, and why."""

    object_type: str
    object_id: uuid.UUID
    revision: int | None
    """Null where it could not even be built."""
    reason: str


class TooManyNarrowedError(Exception):
    """So much was hidden since the last drain that a query cannot leave it out by name."""


def _taking(which: str, order: str, counted: str = "") -> TextClause:
    return text(f"""
        UPDATE index_mark AS mark SET lease_until = now() + make_interval(secs => :lease_seconds){counted}
        FROM (
            SELECT object_type, object_id FROM index_mark WHERE {DUE} AND {which}
            ORDER BY {order} LIMIT :limit FOR UPDATE SKIP LOCKED
        ) AS due
        WHERE mark.object_type = due.object_type AND mark.object_id = due.object_id
        RETURNING mark.object_type, mark.object_id
    """)


NARROWED = _taking("narrowed AND lease_until IS NULL", "dirty_since")
SINGLES = _taking("NOT narrowed AND NOT bulk AND lease_until IS NULL", "dirty_since")
FLOODS = _taking("NOT narrowed AND bulk AND lease_until IS NULL", "dirty_since")
SUSPECTS = _taking("lease_until < now()", "lease_until", ", errors = mark.errors + 1")


def claim(session: Session, limit: int, lease_seconds: float) -> list[DocumentKey]:
    """Lease up to `limit` marks (a few more where floods wait), most urgent first."""
    parameters = {"lease_seconds": lease_seconds}
    keys: list[DocumentKey] = []
    for statement in (NARROWED, SINGLES):
        if len(keys) < limit:
            keys += _run(session, statement, parameters | {"limit": limit - len(keys)})
    return keys + _run(session, FLOODS, parameters | {"limit": max(limit - len(keys), limit // BULK_SHARE)})


PARK_DEAD = text(f"""
    UPDATE index_mark SET parked_at = now(), lease_until = NULL,
        error = coalesce(error, 'its drain ended ' || errors || ' times without a word')
    WHERE {DUE} AND lease_until < now() AND errors >= :max_errors
""")


def claim_suspect(session: Session, lease_seconds: float) -> list[DocumentKey]:
    """Lease one mark whose last claim did not end well, alone, and count the try before it is made."""
    session.execute(PARK_DEAD, {"max_errors": MAX_ERRORS})
    return _run(session, SUSPECTS, {"lease_seconds": lease_seconds, "limit": 1})


def _run(session: Session, statement: TextClause, parameters: dict[str, Any]) -> list[DocumentKey]:
    return [DocumentKey(*row) for row in session.execute(statement, parameters)]


CLEAR = text("""
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


def clear(session: Session, sent: Sequence[Sent], built_at: datetime) -> None:
    """Make clean what has still the revision that was sent; what changed since is dirty from `built_at` on."""
    types, ids, revisions = ([each[place] for each in sent] for place in range(3))
    session.execute(CLEAR, {"types": types, "ids": ids, "revisions": revisions, "built_at": built_at})


REFUSE = text("""
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


def refuse(session: Session, refused: Sequence[Refused], backoff_seconds: float) -> None:
    """Keep the reasons; each is tried again alone after a while, and parked after the last of `MAX_ERRORS` tries."""
    types, ids, revisions, reasons = ([each[place] for each in refused] for place in range(4))
    arrays = {"types": types, "ids": ids, "revisions": revisions, "reasons": reasons}
    session.execute(REFUSE, arrays | {"max_errors": MAX_ERRORS, "backoff_seconds": backoff_seconds})


RELEASE = text("""
    UPDATE index_mark AS mark SET
        lease_until = CASE WHEN mark.errors > 0 THEN now() END, errors = greatest(mark.errors - 1, 0)
    FROM unnest(:types, :ids) AS held (object_type, object_id)
    WHERE mark.object_type = held.object_type AND mark.object_id = held.object_id AND mark.lease_until > now()
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))


RENEW = text("""
    UPDATE index_mark AS mark SET lease_until = now() + make_interval(secs => :lease_seconds)
    FROM unnest(:types, :ids) AS held (object_type, object_id)
    WHERE mark.object_type = held.object_type AND mark.object_id = held.object_id AND mark.lease_until > now()
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))


def renew(session: Session, keys: Sequence[DocumentKey], lease_seconds: float) -> None:
    """Keep the leases of a drain that is still at work."""
    held = {"types": [key.object_type for key in keys], "ids": [key.object_id for key in keys]}
    session.execute(RENEW, held | {"lease_seconds": lease_seconds})


TRACES = text(f"""
    SELECT DISTINCT mark.trace FROM unnest(:types, :ids) AS held (object_type, object_id)
    JOIN index_mark mark USING (object_type, object_id) WHERE mark.trace IS NOT NULL ORDER BY 1 LIMIT {MOST_TRACES}
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))


def traces_of(session: Session, keys: Sequence[DocumentKey]) -> list[str]:
    """The traces of the changes that these documents are made anew for."""
    if not (is_tracing() and keys):
        return []
    held = {"types": [key.object_type for key in keys], "ids": [key.object_id for key in keys]}
    return list(session.scalars(TRACES, held))


def release(session: Session, keys: Sequence[DocumentKey]) -> None:
    """Give leases back where the fault was not the document's: a try that was counted counts no more."""
    session.execute(RELEASE, {"types": [key.object_type for key in keys], "ids": [key.object_id for key in keys]})


def waiting(session: Session) -> int:
    """Documents that differ from their rows; parked ones wait for a person and are not among them."""
    return session.execute(text(f"SELECT count(*) FROM index_mark WHERE {DUE}")).scalar_one()


FREE = text(f"SELECT count(*) FROM (SELECT FROM index_mark WHERE {DUE} AND lease_until IS NULL LIMIT :most) AS free")


def count_free(session: Session, most: int) -> int:
    """How many documents a drain could take now, counted up to `most`."""
    return session.execute(FREE, {"most": most}).scalar_one()


def parked(session: Session) -> int:
    """Marks that wait for a person, or for their object to change."""
    return session.execute(text("SELECT count(*) FROM index_mark WHERE parked_at IS NOT NULL")).scalar_one()


# One probe of the index for each of its four beginnings, however long the queue is.
OLDEST = text(f"""
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(oldest.dirty_since)), 0)::float8
    FROM (VALUES (false, false), (false, true), (true, false), (true, true)) AS kind (narrowed, bulk)
    CROSS JOIN LATERAL (
        SELECT mark.dirty_since FROM index_mark mark
        WHERE mark.narrowed = kind.narrowed AND mark.bulk = kind.bulk AND {DUE}
        ORDER BY mark.dirty_since LIMIT 1
    ) AS oldest
""")


def lag_seconds(session: Session) -> float:
    """How long the oldest difference between rows and index exists; 0 where there is none."""
    return session.execute(OLDEST).scalar_one()


def is_fresh_waiting(session: Session) -> bool:
    """Whether single changes wait, before which nothing large should go."""
    query = f"SELECT EXISTS (SELECT FROM index_mark WHERE {DUE} AND NOT bulk AND lease_until IS NULL)"
    return session.execute(text(query)).scalar_one()


def needs_ring(session: Session) -> bool:
    """Whether a drain would find something to do now."""
    query = f"SELECT EXISTS (SELECT FROM index_mark WHERE {DUE} AND (lease_until IS NULL OR lease_until < now()))"
    return session.execute(text(query)).scalar_one()


SEGMENTS_OF = "segments_of"
"""Stands for the type where a key names an asset, and with it all segments that were made on it."""
MAX_LOOKED_AT = 100_000

# A segment that is still there was narrowed with its asset, and an asset may have thousands of lines: they are one key.
NARROWED_KEYS = text(f"""
    SELECT CASE WHEN segment.status = 'ACTIVE' THEN '{SEGMENTS_OF}' ELSE object_type END,
        CASE WHEN segment.status = 'ACTIVE' THEN segment.made_on ELSE object_id END, count(*)
    FROM (
        SELECT object_type, object_id FROM index_mark WHERE narrowed AND dirty_since IS NOT NULL LIMIT :looked_at
    ) AS mark LEFT JOIN segment ON mark.object_type = 'segments' AND segment.id = mark.object_id
    GROUP BY 1, 2
""")


def narrowed_keys(session: Session) -> frozenset[DocumentKey]:
    """Objects that were deleted or narrowed and not drained since: a query leaves them out by name."""
    rows = session.execute(NARROWED_KEYS, {"looked_at": MAX_LOOKED_AT}).all()
    if len(rows) > MAX_NARROWED or sum(row[2] for row in rows) >= MAX_LOOKED_AT:
        raise TooManyNarrowedError(f"more than {MAX_NARROWED} objects were hidden since the index was last drained")
    return frozenset(DocumentKey(*row[:2]) for row in rows)


MARK_UNSENT = text("""
    UPDATE index_mark AS mark SET dirty_since = now(), bulk = :bulk
    FROM (
        SELECT object_type, object_id FROM index_mark JOIN unnest(:types, :ids) AS lost (object_type, object_id)
            USING (object_type, object_id)
        WHERE dirty_since IS NULL ORDER BY object_type, object_id FOR UPDATE OF index_mark
    ) AS lost
    WHERE mark.object_type = lost.object_type AND mark.object_id = lost.object_id
""").bindparams(bindparam("types", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid)))

MARK_ALL_UNSENT = text("UPDATE index_mark SET dirty_since = now(), bulk = true WHERE dirty_since IS NULL")


def mark_unsent(session: Session, keys: Sequence[DocumentKey]) -> int:
    """Have documents sent that the engine lost; their objects are as they were, so they keep their revision."""
    lost = {
        "types": [key.object_type for key in keys],
        "ids": [key.object_id for key in keys],
        "bulk": len(keys) > BULK,
    }
    return session.execute(MARK_UNSENT, lost).rowcount


def mark_all_unsent(session: Session) -> int:
    """The same for an engine that has nothing."""
    return session.execute(MARK_ALL_UNSENT).rowcount


def unpark(session: Session) -> int:
    """Take everything that is parked up again, as a person asks for it; how many marks that were."""
    query = text("UPDATE index_mark SET parked_at = NULL, errors = 0, error = NULL WHERE parked_at IS NOT NULL")
    return session.execute(query).rowcount
