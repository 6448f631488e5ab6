"""Writes to `search_document`: one COPY and one upsert per batch, guarded by the revision.

A document that the database rejects must not block the others: a rejected batch is halved until the document is alone.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.statements import psycopg_connection
from models.queues.index_queue import DocumentKey
from search.document import EPOCH, SHARED_TEXT_FIELDS, Document, newest_by_key
from search.encoding import encode_json
from search.engine import WriteOutcome
from search.query.analysis import text_sort_key, token_set
from search.query.sql_predicates import FIELD_WEIGHTS, field_token

MAX_LEXEMES_BYTES = 1_000_000
"""PostgreSQL limits a tsvector to 1 MB including positions; only text with a token per character comes near it."""
MAX_POSITION_BYTES = 10
"""Limit of the size of a lexeme's positions, besides its text."""

LEXEME_LABELS = {name: f"{place}{weight}" for place, (name, weight) in enumerate(FIELD_WEIGHTS.items(), start=1)}
"""Position and weight of lexemes by field; a tsvector stores weights only at positions."""
OTHER_FIELDS_LABEL = "3D"
MIN_LIMITED_CHARACTERS = 50_000
"""Shorter texts cannot exceed the size of a tsvector."""

SEARCH_DOCUMENT_COLUMNS = (
    "object_type, object_id, revision, deleted, title, title_key, date_created, tokens, terms, readers, body"
)

# A temporary table, because COPY cannot resolve conflicts.
CREATE_STAGING_TABLE = text("""
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_document (LIKE search_document) ON COMMIT DELETE ROWS
""")

# Rows are locked in key order, so that two writers of the same documents wait for each other instead of deadlocking.
UPSERT_DOCUMENTS = text(f"""
    INSERT INTO search_document AS stored ({SEARCH_DOCUMENT_COLUMNS})
    SELECT {SEARCH_DOCUMENT_COLUMNS} FROM staged_document ORDER BY object_type, object_id
    ON CONFLICT (object_type, object_id) DO UPDATE SET
        revision = excluded.revision, deleted = excluded.deleted, title = excluded.title,
        title_key = excluded.title_key, date_created = excluded.date_created, tokens = excluded.tokens,
        terms = excluded.terms, readers = excluded.readers, body = excluded.body
    WHERE stored.revision <= excluded.revision
    RETURNING object_type, object_id
""")

# SQLSTATE classes caused by the data itself: 22 data exception, 54 program limit exceeded.
DATA_ERROR_CLASSES = ("22", "54")


def upsert_documents(sessions: Sessions, documents: Sequence[Document]) -> list[WriteOutcome]:
    """Write documents; return one result each, in their order. Of equal keys the newest is written."""
    newest = newest_by_key(documents)
    outcomes = {outcome.key: outcome for outcome in _upsert_or_halve(sessions, list(newest.values()))}
    return [
        outcomes[document.key]
        if document is newest[document.key]
        else WriteOutcome(document.key, document.revision, "stale")
        for document in documents
    ]


def _upsert_or_halve(sessions: Sessions, documents: Sequence[Document]) -> list[WriteOutcome]:
    if not documents:
        return []
    try:
        written = transact(sessions, lambda session: _upsert(session, documents))
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error  # COPY's errors come as the driver's own
        # Only errors of the data are bisected; with any other error every half would fail too.
        if not (getattr(cause, "sqlstate", None) or "").startswith(DATA_ERROR_CLASSES):
            raise
        if len(documents) == 1:
            reason = str(cause).strip()
            return [WriteOutcome(documents[0].key, documents[0].revision, "refused", reason)]
        middle = len(documents) // 2
        return _upsert_or_halve(sessions, documents[:middle]) + _upsert_or_halve(sessions, documents[middle:])
    return [
        WriteOutcome(document.key, document.revision, "written" if document.key in written else "stale")
        for document in documents
    ]


def _upsert(session: Session, documents: Sequence[Document]) -> set[DocumentKey]:
    """Write a batch in the session's transaction; return the keys that were not stale."""
    session.execute(CREATE_STAGING_TABLE)
    statement = f"COPY staged_document ({SEARCH_DOCUMENT_COLUMNS}) FROM STDIN"
    with psycopg_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        for document in documents:
            copy.write_row(_staged_row(document))
    return {DocumentKey(*row) for row in session.execute(UPSERT_DOCUMENTS)}


def _staged_row(document: Document) -> tuple[Any, ...]:
    return (
        document.object_type,
        document.object_id,
        document.revision,
        document.deleted,
        document.title,
        text_sort_key(document.title),
        document.date_created or EPOCH,
        build_tsvector(document.texts),
        encode_json(document.terms).decode(),
        f"{{{','.join(document.audience)}}}",
        encode_json(document.body).decode(),
    )


def build_tsvector(texts: dict[str, str]) -> str:
    """Return all tokens of a document as tsvector text, each with the labels of its fields.

    Tokens contain no quote, backslash, colon or space, so no escaping is needed, and all tokens with the same labels
    are joined at once: three times as fast as a loop over tokens.
    """
    labelled: dict[str, set[str]] = {}
    others: set[str] = set()
    for name, whole in texts.items():
        tokens = _shared_tokens(whole) if name in SHARED_TEXT_FIELDS else token_set(whole)
        if (label := LEXEME_LABELS.get(name)) is not None:
            _label(labelled, tokens, label)
        elif tokens:
            others |= tokens
            labelled.setdefault(OTHER_FIELDS_LABEL, set()).update(field_token(name, token) for token in tokens)
    _label(labelled, others, OTHER_FIELDS_LABEL)
    if sum(map(len, texts.values())) > MIN_LIMITED_CHARACTERS:
        _limit_lexemes(labelled)
    return " ".join(f"{f':{label} '.join(tokens)}:{label}" for label, tokens in labelled.items() if tokens)


def _label(labelled: dict[str, set[str]], tokens: AbstractSet[str], label: str) -> None:
    """Add a label to `tokens`, besides the labels they have."""
    rest = tokens
    for labels, known in list(labelled.items()):
        if both := rest & known:
            labelled[labels] = known - both
            labelled.setdefault(f"{labels},{label}", set()).update(both)
            rest = rest - both
    labelled.setdefault(label, set()).update(rest)


def _limit_lexemes(labelled: dict[str, set[str]]) -> None:
    """Remove lexemes beyond the size limit of a tsvector."""
    left = MAX_LEXEMES_BYTES
    for tokens in labelled.values():
        for token in sorted(tokens):
            left -= len(token.encode()) + MAX_POSITION_BYTES
            if left < 0:
                tokens.discard(token)


@lru_cache(maxsize=4096)
def _shared_tokens(text: str) -> frozenset[str]:
    return frozenset(token_set(text))
