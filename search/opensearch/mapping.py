"""Mapping of an OpenSearch index, and documents as it stores them: tokens, term keys, and the content of a hit.

The mapping is fixed, so that neither metadata nor newer documents can add fields.

Analysis happens in Python: OpenSearch receives tokens separated by spaces and only splits them. A query therefore finds
the same in both engines, and a token costs a third of a keyword of its own (measured: 12,000 documents a second as
texts, 6,600 as lists of keywords).

Terms are keys of name and value (`search.query.term_keys`) in a fixed number of slots: a facet counts, and a refresh
sorts, only one slot. Built-in names have dedicated slots.
"""

import uuid
import zlib
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from models.queues.index_queue import DocumentKey
from search.document import EPOCH, SCALAR_TERMS, SHARED_TEXT_FIELDS, Document
from search.encoding import encode_json
from search.query.analysis import text_sort_key, token_set, truncate_utf8
from search.query.sql_predicates import field_token
from search.query.term_keys import term_keys_of

MAPPING_VERSION = 2
"""Increment with every change below or of the content of a document's fields: the next check of the index then starts a
rebuild. Searches must understand the index of the previous version."""

HASHED_SLOT_COUNT = 32
"""Shared slots of all other names. More slots separate metadata fields better, but cost more per document."""
DEDICATED_SLOTS = frozenset({*SCALAR_TERMS, "title", "format_kind", "format", "storage_id", "in_collections"})
REFRESH_INTERVAL = "500ms"
"""How late a stored document is found: 95 of 100 writes over the API were found within 0.90 s; with an interval of one
second, within 1.31 s (`benchmarks.write_to_search`)."""

KEYWORD_FIELD = {"type": "keyword"}
UNSORTED_KEYWORD_FIELD = {"type": "keyword", "doc_values": False}
SORT_ONLY_KEYWORD_FIELD = {"type": "keyword", "index": False}
TOKEN_TEXT_FIELD = {"type": "text", "analyzer": "tokens", "norms": False, "index_options": "docs"}
STORED_OBJECT_FIELD = {"type": "object", "enabled": False}

INDEX_SETTINGS: dict[str, Any] = {
    # Set explicitly: by default OpenSearch stops refreshing an index that was not searched for 30 s.
    "refresh_interval": REFRESH_INTERVAL,
    "analysis": {
        "tokenizer": {"blanks": {"type": "whitespace", "max_token_length": 4_000}},
        "analyzer": {"tokens": {"type": "custom", "tokenizer": "blanks"}},
    },
}


def replica_settings(replicas: int | None) -> dict[str, Any]:
    """Return the settings of a searched index; without a number it is green with one node, and two hold a replica."""
    if replicas is None:
        return {"auto_expand_replicas": "0-1"}
    return {"auto_expand_replicas": False, "number_of_replicas": replicas}


BUILDING_INDEX_SETTINGS: dict[str, Any] = {
    "auto_expand_replicas": False,
    "number_of_replicas": 0,
    "refresh_interval": "-1",
}
"""Settings while an index is filled and not yet searched."""

TITLE_TOKENS, FILE_NAME_TOKENS, OTHER_TOKENS = "tokens.title", "tokens.files", "tokens.rest"
TOKEN_FIELDS = {"title": TITLE_TOKENS, "file_names": FILE_NAME_TOKENS}
"""Text fields with a field of their own; others share one, where each token is repeated with its field's name."""


MICROSECOND = timedelta(microseconds=1)
MAX_TITLE_KEY_BYTES = 2_000


@lru_cache(maxsize=10_000)
def slot_for_name(name: str) -> str:
    """Return the slot that stores a name's keys."""
    return name if name in DEDICATED_SLOTS else f"h{zlib.crc32(name.encode('utf-8', 'replace')) % HASHED_SLOT_COUNT:02}"


def slot_field(name: str) -> str:
    """Return the slot's field name for queries."""
    return f"slots.{slot_for_name(name)}"


def build_index_body(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the request body that creates an index."""
    slots = [*sorted(DEDICATED_SLOTS), *(f"h{number:02}" for number in range(HASHED_SLOT_COUNT))]
    return {
        "settings": {"index": INDEX_SETTINGS | settings},
        "mappings": {
            "dynamic": False,
            "_meta": {"version": MAPPING_VERSION},
            # Documents are always written whole, so these fields are never read back.
            "_source": {"excludes": ["tokens", "slots", "readers"]},
            "properties": {
                "object_type": KEYWORD_FIELD,
                "object_id": KEYWORD_FIELD,
                "revision": {"type": "long", "index": False},
                "deleted": {"type": "boolean"},
                "title": {"type": "keyword", "index": False, "doc_values": False},
                "title_key": SORT_ONLY_KEYWORD_FIELD,
                # Microseconds as long: `date` has milliseconds, `date_nanos` ends in 2262.
                "created_us": {"type": "long"},
                "readers": UNSORTED_KEYWORD_FIELD,
                "tokens": {
                    "properties": {"title": TOKEN_TEXT_FIELD, "files": TOKEN_TEXT_FIELD, "rest": TOKEN_TEXT_FIELD}
                },
                "slots": {"properties": dict.fromkeys(slots, KEYWORD_FIELD)},
                "terms": STORED_OBJECT_FIELD,
                "body": STORED_OBJECT_FIELD,
            },
        },
    }


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
