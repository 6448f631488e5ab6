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

from search.documents import SCALARS

MAPPING_VERSION = 1
"""Increment with every change below or of the content of a document's fields: the next check of the index then starts a
rebuild. Searches must understand the index of the previous version."""

HASHED = 32
"""Shared slots of all other names. More slots separate metadata fields better, but cost more per document."""
OWN_SLOTS = frozenset({*SCALARS, "title", "format_kind", "format", "storage_id", "in_collections"})
REFRESH = "1s"

KEYWORD = {"type": "keyword"}
UNSORTED = {"type": "keyword", "doc_values": False}
SORTED_ONLY = {"type": "keyword", "index": False}
TOKENS = {"type": "text", "analyzer": "tokens", "norms": False, "index_options": "docs"}
HELD = {"type": "object", "enabled": False}

SETTINGS: dict[str, Any] = {
    "number_of_shards": 1,
    # Green with one node (no replica); two nodes hold one replica.
    "auto_expand_replicas": "0-1",
    # Set explicitly: by default OpenSearch stops refreshing an index that was not searched for 30 s.
    "refresh_interval": REFRESH,
    "analysis": {
        "tokenizer": {"blanks": {"type": "whitespace", "max_token_length": 4_000}},
        "analyzer": {"tokens": {"type": "custom", "tokenizer": "blanks"}},
    },
}
BUILDING: dict[str, Any] = {"auto_expand_replicas": False, "number_of_replicas": 0, "refresh_interval": "-1"}
"""Settings while an index is filled and not yet searched."""

TITLE, FILES, REST = "tokens.title", "tokens.files", "tokens.rest"
TOKEN_FIELDS = {"title": TITLE, "file_names": FILES}
"""Text fields with a field of their own; others share one, where each token is repeated with its field's name."""


@lru_cache(maxsize=10_000)
def slot_of(name: str) -> str:
    """Return the slot that stores a name's keys."""
    return name if name in OWN_SLOTS else f"h{zlib.crc32(name.encode('utf-8', 'replace')) % HASHED:02}"


def slot_field(name: str) -> str:
    """Return the slot's field name for queries."""
    return f"slots.{slot_of(name)}"


def index_body(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the request body that creates an index."""
    slots = [*sorted(OWN_SLOTS), *(f"h{number:02}" for number in range(HASHED))]
    return {
        "settings": {"index": SETTINGS | settings},
        "mappings": {
            "dynamic": False,
            "_meta": {"version": MAPPING_VERSION},
            # Documents are always written whole, so these fields are never read back.
            "_source": {"excludes": ["tokens", "slots", "readers"]},
            "properties": {
                "object_type": KEYWORD,
                "object_id": KEYWORD,
                "revision": {"type": "long", "index": False},
                "deleted": {"type": "boolean"},
                "title": {"type": "keyword", "index": False, "doc_values": False},
                "title_key": SORTED_ONLY,
                # Microseconds as long: `date` has milliseconds, `date_nanos` ends in 2262.
                "created_us": {"type": "long"},
                "readers": UNSORTED,
                "tokens": {"properties": {"title": TOKENS, "files": TOKENS, "rest": TOKENS}},
                "slots": {"properties": dict.fromkeys(slots, KEYWORD)},
                "terms": HELD,
                "body": HELD,
            },
        },
    }
