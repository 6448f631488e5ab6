"""The mapping of an OpenSearch index: fixed, so that neither metadata nor a newer document can make fields by itself.

Analysis stays here, in Python: OpenSearch gets finished tokens with blanks between them and only takes them apart
again. So a word finds the same in both engines, and a token costs a third of what it costs as a keyword of its own
(measured: 12,000 documents a second as texts, 6,600 as lists of keywords).

Terms are keys of name and value (`search.term_keys`), spread over a fixed number of slots: a facet counts, and a
refresh sorts, no more than one slot. The names of our own have slots of their own.
"""

import zlib
from functools import lru_cache
from typing import Any

from search.documents import SCALARS

MAPPING_VERSION = 1
"""To be raised with every change below, and with every change of what a document's fields hold: the next look at the
index then starts a rebuild. A search of the new code must understand the index of the version before."""

HASHED = 32
"""Slots for all other names. With more, a hundred fields of metadata share less, and a document costs more."""
OWN_SLOTS = frozenset({*SCALARS, "title", "format_kind", "format", "storage_id", "in_collections"})
REFRESH = "1s"

KEYWORD = {"type": "keyword"}
UNSORTED = {"type": "keyword", "doc_values": False}
SORTED_ONLY = {"type": "keyword", "index": False}
TOKENS = {"type": "text", "analyzer": "tokens", "norms": False, "index_options": "docs"}
HELD = {"type": "object", "enabled": False}

SETTINGS: dict[str, Any] = {
    "number_of_shards": 1,
    # One node keeps no copy and is green; two keep one.
    "auto_expand_replicas": "0-1",
    # Said in full: left to its default, an index that nobody searched for 30 s is not refreshed at all.
    "refresh_interval": REFRESH,
    "analysis": {
        "tokenizer": {"blanks": {"type": "whitespace", "max_token_length": 4_000}},
        "analyzer": {"tokens": {"type": "custom", "tokenizer": "blanks"}},
    },
}
BUILDING: dict[str, Any] = {"auto_expand_replicas": False, "number_of_replicas": 0, "refresh_interval": "-1"}
"""While an index is filled that nobody searches yet."""

TITLE, FILES, REST = "tokens.title", "tokens.files", "tokens.rest"
TOKEN_FIELDS = {"title": TITLE, "file_names": FILES}
"""Fields of text with a field of their own; all others share one, and stand there once more under their name."""


@lru_cache(maxsize=10_000)
def slot_of(name: str) -> str:
    """The slot in which a name's keys stand."""
    return name if name in OWN_SLOTS else f"h{zlib.crc32(name.encode('utf-8', 'replace')) % HASHED:02}"


def slot_field(name: str) -> str:
    """The same as a query names it."""
    return f"slots.{slot_of(name)}"


def index_body(settings: dict[str, Any]) -> dict[str, Any]:
    """What makes an index."""
    slots = [*sorted(OWN_SLOTS), *(f"h{number:02}" for number in range(HASHED))]
    return {
        "settings": {"index": SETTINGS | settings},
        "mappings": {
            "dynamic": False,
            "_meta": {"version": MAPPING_VERSION},
            # Documents are always written whole, so nothing ever reads these back.
            "_source": {"excludes": ["tokens", "slots", "readers"]},
            "properties": {
                "object_type": KEYWORD,
                "object_id": KEYWORD,
                "revision": {"type": "long", "index": False},
                "deleted": {"type": "boolean"},
                "title": {"type": "keyword", "index": False, "doc_values": False},
                "title_key": SORTED_ONLY,
                # Microseconds: `date` has milliseconds, `date_nanos` ends in 2262.
                "created_us": {"type": "long"},
                "readers": UNSORTED,
                "tokens": {"properties": {"title": TOKENS, "files": TOKENS, "rest": TOKENS}},
                "slots": {"properties": dict.fromkeys(slots, KEYWORD)},
                "terms": HELD,
                "body": HELD,
            },
        },
    }
