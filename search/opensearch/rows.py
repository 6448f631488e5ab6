"""Documents as OpenSearch stores them: tokens, term keys, and the content of a hit."""

import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from models.queues.index_queue import DocumentKey
from search.document import EPOCH, SHARED_TEXT_FIELDS, Document
from search.encoding import encode_json
from search.opensearch.mapping import TOKEN_FIELDS, slot_for_name
from search.query.analysis import text_sort_key, token_set, truncate_utf8
from search.query.sql_predicates import field_token
from search.query.term_keys import term_keys_of

MICROSECOND = timedelta(microseconds=1)
MAX_TITLE_KEY_BYTES = 2_000


def document_id_of(key: DocumentKey) -> str:
    """Return the document's id in the index."""
    return f"{key.object_type}:{key.object_id}"


def document_key_of(document_id: str) -> DocumentKey:
    """Return the object of a document id."""
    object_type, _, object_id = document_id.rpartition(":")
    return DocumentKey(object_type, uuid.UUID(object_id))


def to_microseconds(moment: datetime | None) -> int:
    """Return a date as microseconds since the epoch; 0 for a tombstone."""
    return 0 if moment is None else (moment - EPOCH) // MICROSECOND


def encode_source(document: Document) -> bytes:
    """Encode the document as one line of JSON."""
    row: dict[str, Any] = {
        "object_type": document.object_type,
        "object_id": str(document.object_id),
        "revision": document.revision,
        "deleted": document.deleted,
    }
    if not document.deleted:
        row |= {
            "title": document.title,
            "title_key": truncate_utf8(text_sort_key(document.title), MAX_TITLE_KEY_BYTES),
            "created_us": to_microseconds(document.date_created),
            "date_created": document.date_created.isoformat() if document.date_created else None,
            "readers": document.audience,
            "tokens": token_fields_of(document.texts),
            "slots": slots_of(document.terms),
            "terms": document.terms,
            "body": document.body,
        }
    return encode_json(row)


def token_fields_of(texts: dict[str, str]) -> dict[str, str]:
    """Return the tokens of all fields, separated by spaces, which no token contains."""
    fields: dict[str, str] = {}
    rest: set[str] = set()
    for name, whole in texts.items():
        if name in TOKEN_FIELDS:
            fields[TOKEN_FIELDS[name].rpartition(".")[2]] = " ".join(token_set(whole))
        else:
            rest |= _shared_tokens(name, whole) if name in SHARED_TEXT_FIELDS else _named_tokens(name, whole)
    if rest:
        fields["rest"] = " ".join(rest)
    return fields


def slots_of(terms: dict[str, list[Any]]) -> dict[str, list[str]]:
    """Return the keys of all terms by slot."""
    slots: dict[str, list[str]] = {}
    for name, values in terms.items():
        if values:
            slot, keys = slot_for_name(name), term_keys_of(name, values)
            if slot in slots:
                slots[slot] += keys
            else:
                slots[slot] = keys
    return slots


def _named_tokens(name: str, whole: str) -> set[str]:
    tokens = token_set(whole)
    return tokens | {field_token(name, token) for token in tokens}


@lru_cache(maxsize=4096)
def _shared_tokens(name: str, whole: str) -> frozenset[str]:
    return frozenset(_named_tokens(name, whole))
