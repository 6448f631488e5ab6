"""Mapping of an OpenSearch index: fixed, so that neither metadata nor newer documents can add fields.

Analysis happens in Python: OpenSearch receives tokens separated by spaces and only splits them. A query therefore finds
the same in both engines, and a token costs a third of a keyword of its own (measured: 12,000 documents a second as
texts, 6,600 as lists of keywords).

Terms are keys of name and value (`search.query.term_keys`) in a fixed number of slots: a facet counts, and a refresh
sorts, only one slot. Built-in names have dedicated slots.
"""

import zlib
from functools import lru_cache
from typing import Any

from search.document import SCALAR_TERMS

MAPPING_VERSION = 1
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
    "number_of_shards": 1,
    # Green with one node (no replica); two nodes hold one replica.
    "auto_expand_replicas": "0-1",
    # Set explicitly: by default OpenSearch stops refreshing an index that was not searched for 30 s.
    "refresh_interval": REFRESH_INTERVAL,
    "analysis": {
        "tokenizer": {"blanks": {"type": "whitespace", "max_token_length": 4_000}},
        "analyzer": {"tokens": {"type": "custom", "tokenizer": "blanks"}},
    },
}
BUILDING_INDEX_SETTINGS: dict[str, Any] = {
    "auto_expand_replicas": False,
    "number_of_replicas": 0,
    "refresh_interval": "-1",
}
"""Settings while an index is filled and not yet searched."""

TITLE_TOKENS, FILE_NAME_TOKENS, OTHER_TOKENS = "tokens.title", "tokens.files", "tokens.rest"
TOKEN_FIELDS = {"title": TITLE_TOKENS, "file_names": FILE_NAME_TOKENS}
"""Text fields with a field of their own; others share one, where each token is repeated with its field's name."""


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
