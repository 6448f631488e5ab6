"""Search documents: complete index content of an object, built from its rows in one snapshot.

Documents are always complete, because an engine that merges parts can keep a part of an older state. Revision and
content come from one snapshot, because a revision of other content would hide the difference permanently. `file` rows
are never read: a sequence has hundreds of thousands, and the file set stores what a search shows of them.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, bindparam
from sqlalchemy.types import UserDefinedType

from models.core.statements import AnyRow
from models.queues.index_queue import DocumentKey
from search.query.criteria import Criteria


class IdArray(UserDefinedType[Sequence[uuid.UUID]]):
    """Bind type that passes ids as one `uuid[]` literal: psycopg converts a list value by value, which for the eleven
    queries of a batch took a tenth of a drain (benchmarks.opensearch_drain)."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "uuid[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[uuid.UUID] | None], str]:
        # 32 hex digits: PostgreSQL accepts UUIDs without hyphens.
        return lambda value: "{" + ",".join([f"{each.int:032x}" for each in value or ()]) + "}"


OBJECT_IDS_PARAMETER = bindparam("ids", type_=IdArray())


@dataclass(frozen=True, slots=True)
class Document:
    """Object as an engine stores it, or a tombstone that prevents late writes from restoring it."""

    object_type: str
    object_id: uuid.UUID
    revision: int
    deleted: bool = False
    title: str = ""
    date_created: datetime | None = None
    texts: dict[str, str] = field(default_factory=dict)
    """Full-text content by field name: title, file_names, external_id …"""
    terms: dict[str, list[Any]] = field(default_factory=dict)
    """Values for criteria and facets by name: texts, numbers, booleans, dates of `format_date_term`; no duplicates."""
    readers: list[str] = field(default_factory=list)
    """`user:ID` and `group:ID` with permission to read it."""
    collections: list[str] = field(default_factory=list)
    """Ids of the direct parent collections; a query lists those with permissions that propagate to the user."""
    body: dict[str, Any] = field(default_factory=dict)
    """Content of a hit besides its terms."""

    @property
    def key(self) -> DocumentKey:
        return DocumentKey(self.object_type, self.object_id)

    @property
    def audience(self) -> list[str]:
        """Return readers and collections in one list, so that access is a single condition in the index."""
        return [*self.readers, *(f"collection:{collection}" for collection in self.collections)]


def format_date_term(moment: datetime) -> str:
    """Format a date for documents: UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHARED_TEXT_FIELDS = frozenset({"folders"})
"""Fields with text that many documents share: their tokens are worth caching."""
METADATA_TERM_PREFIX = "metadata."
"""Prefix of the terms of metadata fields; a hit shows them under `metadata`."""
NO_APPROVAL = "N/A"
"""Status of objects without a request for approval: iconik's word, which is in no row."""
SCALAR_TERMS = (
    *("status", "type", "media_type", "is_online", "external_id", "created_by_user", "date_created", "date_modified"),
    *("asset_id", "version_id", "made_on", "segment_type", "parent_id", "time_start_milliseconds"),
    *("time_end_milliseconds", "segment_color", "segment_track", "segment_checked", "is_internal", "person_id"),
    *("project_id", "transcription_id", "user_id", "share_id", "comments_count"),
    *("description", "archive_status", "approval_status", "missing_frames", "size_bytes", "file_count"),
    *("duration_milliseconds", "has_warning", "verified_copies"),
)
"""Terms with a single value, which a hit shows as such. Other terms are lists in a hit, except the title."""


def build_hit_body(terms: dict[str, list[Any]], body: dict[str, Any]) -> dict[str, Any]:
    """Build the body of a hit; engines store terms and body separately, so that nothing is stored twice."""
    shown: dict[str, Any] = {}
    for name, values in terms.items():
        if name.startswith(METADATA_TERM_PREFIX):
            shown.setdefault("metadata", {})[name.removeprefix(METADATA_TERM_PREFIX)] = values
        elif name != "title":
            shown[name] = values[0] if name in SCALAR_TERMS and values else values
    return shown | body


def select_body_fields(body: dict[str, Any], criteria: Criteria) -> dict[str, Any]:
    """Return the requested fields of a body."""
    return {
        name: value
        for name, value in body.items()
        if (criteria.include_fields is None or name in criteria.include_fields) and name not in criteria.exclude_fields
    }


def newest_by_key(documents: Sequence[Document]) -> dict[DocumentKey, Document]:
    """Return the newest document of each object in a batch."""
    newest: dict[DocumentKey, Document] = {}
    for document in documents:
        key = document.key
        known = newest.get(key)
        if known is None or known.revision < document.revision:
            newest[key] = document
    return newest


def group_by_object(rows: Iterable[AnyRow]) -> dict[uuid.UUID, list[AnyRow]]:
    """Group rows by their first column."""
    grouped: dict[uuid.UUID, list[AnyRow]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return grouped


def unique_values(values: Iterable[str]) -> list[str]:
    """Return values in their order without duplicates."""
    return list(dict.fromkeys(values))
