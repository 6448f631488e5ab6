"""Writing documents into `search_document`: a batch is one COPY and one upsert, guarded by the revision.

A document that the database refuses must not keep back the others: a refused batch is halved until it stands alone.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.index_queue import DocumentKey
from models.sessions import Sessions, transact
from search.analysis import sort_key, tokens_of
from search.documents import Document
from search.engine import Outcome
from search.predicates import FIELD_WEIGHTS, tagged

MAX_TOKENS_BYTES = 900_000
"""Of a document's tokens; PostgreSQL takes 1 MB. Only text in which every character is a word comes near it."""

OTHER_FIELDS = "3D"
"""Place and label of what stands in no field with a label of its own."""

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

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def write_documents(sessions: Sessions, documents: Sequence[Document]) -> list[Outcome]:
    """Write documents; one outcome each, in their order. The same key twice in one batch: the newer one counts."""
    newest: dict[DocumentKey, Document] = {}
    for document in documents:
        if document.key not in newest or newest[document.key].revision < document.revision:
            newest[document.key] = document
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
    except DBAPIError as error:
        if not (getattr(error.orig, "sqlstate", None) or "").startswith(CAUSED_BY_DATA):
            raise
        if len(documents) == 1:
            reason = str(error.orig).strip()
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
        document.date_created,
        lexemes(document.texts),
        encode(document.terms),
        document.audience,
        encode(document.body),
    )


def lexemes(texts: dict[str, str]) -> str:
    """All tokens of a document as the text of a tsvector, each with the labels of the fields that it stands in.

    Tokens hold no quote, backslash, colon or blank, so nothing has to be escaped.
    """
    labels: dict[str, str] = {}
    for place, (name, label) in enumerate(FIELD_WEIGHTS.items(), start=1):
        for token in tokens_of(texts.get(name, "")):
            labels[token] = f"{labels[token]},{place}{label}" if token in labels else f"{place}{label}"
    for name in texts.keys() - FIELD_WEIGHTS.keys():
        for token in tokens_of(texts[name]):
            labels[tagged(name, token)] = OTHER_FIELDS
            if token not in labels:
                labels[token] = OTHER_FIELDS
            elif not labels[token].endswith(OTHER_FIELDS):
                labels[token] += f",{OTHER_FIELDS}"
    return " ".join(_bounded(labels))


def _bounded(labels: dict[str, str]) -> Iterator[str]:
    """The lexemes that fit into a tsvector."""
    left = MAX_TOKENS_BYTES
    for token, label in labels.items():
        left -= len(token) if token.isascii() else len(token.encode())
        if left < 0:
            return
        yield f"{token}:{label}"
