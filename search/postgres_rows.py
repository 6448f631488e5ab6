"""Writing documents into `search_document`: a batch is one COPY and one upsert, guarded by the revision.

A document that the database refuses must not keep back the others: a refused batch is halved until it stands alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.index_queue import DocumentKey
from models.sessions import Sessions, transact
from search.analysis import sort_key, token_set
from search.documents import Document, newest_of
from search.encoding import encode
from search.engine import Outcome
from search.predicates import FIELD_WEIGHTS, tagged

MAX_LEXEMES_BYTES = 1_000_000
"""PostgreSQL takes 1 MB of lexemes with their places. Only text in which every character is a word comes near it."""
PLACES_BYTES = 10
"""What the places of a lexeme take beside its text, at most."""

FIELD_LABELS = {name: f"{place}{weight}" for place, (name, weight) in enumerate(FIELD_WEIGHTS.items(), start=1)}
"""Place and weight of a lexeme, by the field that it stands in; weights are kept at places alone."""
NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
OTHER_FIELDS = "3D"
SHARED = frozenset({"folders"})
"""Fields whose text many documents have in common: their tokens are worth remembering."""
LONG = 50_000
"""Characters; shorter texts cannot have too many lexemes."""

COLUMNS = "object_type, object_id, revision, deleted, title, title_key, date_created, tokens, terms, readers, body"

STAGE = text("""
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_document (LIKE search_document) ON COMMIT DELETE ROWS
""")

# The rows are taken in the order of their key, so that two writers of the same documents wait instead of deadlocking.
UPSERT = text(f"""
    INSERT INTO search_document AS stored ({COLUMNS})
    SELECT {COLUMNS} FROM staged_document ORDER BY object_type, object_id
    ON CONFLICT (object_type, object_id) DO UPDATE SET
        revision = excluded.revision, deleted = excluded.deleted, title = excluded.title,
        title_key = excluded.title_key, date_created = excluded.date_created, tokens = excluded.tokens,
        terms = excluded.terms, readers = excluded.readers, body = excluded.body
    WHERE stored.revision <= excluded.revision
    RETURNING object_type, object_id
""")

# Classes of SQLSTATE that the data itself causes: 22 data exception, 54 program limit exceeded.
CAUSED_BY_DATA = ("22", "54")


def write_documents(sessions: Sessions, documents: Sequence[Document]) -> list[Outcome]:
    """Write documents; one outcome each, in their order. The same key twice in one batch: the newer one counts."""
    newest = newest_of(documents)
    outcomes = {outcome.key: outcome for outcome in _write(sessions, list(newest.values()))}
    return [
        outcomes[document.key]
        if document is newest[document.key]
        else Outcome(document.key, document.revision, "stale")
        for document in documents
    ]


def _write(sessions: Sessions, documents: Sequence[Document]) -> list[Outcome]:
    if not documents:
        return []
    try:
        written = transact(sessions, lambda session: _upsert(session, documents))
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error  # COPY's errors come as the driver's own
        if not (getattr(cause, "sqlstate", None) or "").startswith(CAUSED_BY_DATA):
            raise
        if len(documents) == 1:
            reason = str(cause).strip()
            return [Outcome(documents[0].key, documents[0].revision, "refused", reason)]
        middle = len(documents) // 2
        return _write(sessions, documents[:middle]) + _write(sessions, documents[middle:])
    return [
        Outcome(document.key, document.revision, "written" if document.key in written else "stale")
        for document in documents
    ]


def _upsert(session: Session, documents: Sequence[Document]) -> set[DocumentKey]:
    """Write a batch in the session's transaction; the keys that were not stale."""
    session.execute(STAGE)
    driver = session.connection().connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY staged_document ({COLUMNS}) FROM STDIN") as copy:
        for document in documents:
            copy.write_row(_row(document))
    return {DocumentKey(*row) for row in session.execute(UPSERT)}


def _row(document: Document) -> tuple[Any, ...]:
    return (
        document.object_type,
        document.object_id,
        document.revision,
        document.deleted,
        document.title,
        sort_key(document.title),
        document.date_created or NO_DATE,
        lexemes(document.texts),
        encode(document.terms).decode(),
        f"{{{','.join(document.audience)}}}",
        encode(document.body).decode(),
    )


def lexemes(texts: dict[str, str]) -> str:
    """All tokens of a document as the text of a tsvector, each with the labels of the fields that it stands in.

    Tokens hold no quote, backslash, colon or blank, so nothing has to be escaped, and all tokens of the same labels are
    one join: that is three times as fast as a line of Python for each.
    """
    labelled: dict[str, set[str]] = {}
    others: set[str] = set()
    for name, whole in texts.items():
        tokens = _shared_tokens(whole) if name in SHARED else token_set(whole)
        if (label := FIELD_LABELS.get(name)) is not None:
            _label(labelled, tokens, label)
        elif tokens:
            others |= tokens
            labelled.setdefault(OTHER_FIELDS, set()).update(tagged(name, token) for token in tokens)
    _label(labelled, others, OTHER_FIELDS)
    if sum(map(len, texts.values())) > LONG:
        _bound(labelled)
    return " ".join(f"{f':{label} '.join(tokens)}:{label}" for label, tokens in labelled.items() if tokens)


def _label(labelled: dict[str, set[str]], tokens: set[str], label: str) -> None:
    """Give a label to `tokens`, besides the ones that they have."""
    rest = tokens
    for labels, known in list(labelled.items()):
        if both := rest & known:
            labelled[labels] = known - both
            labelled.setdefault(f"{labels},{label}", set()).update(both)
            rest = rest - both
    labelled.setdefault(label, set()).update(rest)


def _bound(labelled: dict[str, set[str]]) -> None:
    """Take out the lexemes that do not fit into a tsvector."""
    left = MAX_LEXEMES_BYTES
    for tokens in labelled.values():
        for token in sorted(tokens):
            left -= len(token.encode()) + PLACES_BYTES
            if left < 0:
                tokens.discard(token)


@lru_cache(maxsize=4096)
def _shared_tokens(text: str) -> frozenset[str]:
    return frozenset(token_set(text))
