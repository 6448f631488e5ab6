"""Search documents: what the index holds of an object, whole, built from its rows in one snapshot.

Documents are always whole, because an engine that merges parts can keep a part of an older state; and revision and
content come out of one snapshot, because a revision that belongs to other content would hide the difference for good.
`file` rows are never read: a sequence has hundreds of thousands, and what search shows of them stands on the file set.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, Row, bindparam
from sqlalchemy.types import UserDefinedType

from models.index_queue import DocumentKey
from search.criteria import Criteria


class IdArray(UserDefinedType[Sequence[uuid.UUID]]):
    """Ids on their way into `uuid[]`, as one text: psycopg turns a list over value by value, and for the eleven
    questions of a batch that took a tenth of a drain (benchmarks.opensearch_drain)."""

    cache_ok = True

    def get_col_spec(self) -> str:
        return "uuid[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Iterable[uuid.UUID]], str]:
        return lambda ids: "{" + ",".join([f"{each.int:032x}" for each in ids]) + "}"


IDS = bindparam("ids", type_=IdArray())


@dataclass(frozen=True, slots=True)
class Document:
    """One object as an engine stores it, or a tombstone that keeps late writes from bringing it back."""

    object_type: str
    object_id: uuid.UUID
    revision: int
    deleted: bool = False
    title: str = ""
    date_created: datetime | None = None
    texts: dict[str, str] = field(default_factory=dict)
    """What free text finds, by field name: title, file_names, external_id …"""
    terms: dict[str, list[Any]] = field(default_factory=dict)
    """What criteria and facets ask, by name: texts, numbers, truth values, dates as `date_term` writes; each once."""
    readers: list[str] = field(default_factory=list)
    """`user:ID` and `group:ID` of the rights to read it."""
    collections: list[str] = field(default_factory=list)
    """Ids of the collections that directly hold it; a query names those whose rights propagate to the asker."""
    body: dict[str, Any] = field(default_factory=dict)
    """What a hit shows besides its terms."""

    @property
    def key(self) -> DocumentKey:
        return DocumentKey(self.object_type, self.object_id)

    @property
    def audience(self) -> list[str]:
        """Readers and collections in one list, so that who may see a hit is a single question to the index."""
        return [*self.readers, *(f"collection:{collection}" for collection in self.collections)]


def date_term(moment: datetime) -> str:
    """A date as documents write it: UTC with microseconds, so that order of text is order in time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


METADATA = "metadata."
"""Begins the name of a term that is a metadata field's values; a hit shows them under `metadata`."""
SCALARS = (
    *("status", "type", "media_type", "is_online", "external_id", "created_by_user", "date_created", "date_modified"),
    *("asset_id", "version_id", "made_on", "segment_type", "parent_id", "time_start_milliseconds"),
    *("time_end_milliseconds", "segment_color", "segment_track", "segment_checked", "is_internal", "person_id"),
    *("project_id", "transcription_id", "user_id", "share_id", "comments_count"),
    *("description", "archive_status", "approval_status", "missing_frames", "size_bytes", "file_count"),
    "duration_milliseconds",
)
"""Terms that have one value: a hit shows them by themselves. All others it shows as lists, but for the title."""


def shown_body(terms: dict[str, list[Any]], body: dict[str, Any]) -> dict[str, Any]:
    """What a hit shows of a stored document; both engines store terms and body apart, so that nothing stands twice."""
    shown: dict[str, Any] = {}
    for name, values in terms.items():
        if name.startswith(METADATA):
            shown.setdefault("metadata", {})[name.removeprefix(METADATA)] = values
        elif name != "title":
            shown[name] = values[0] if name in SCALARS and values else values
    return shown | body


def asked_body(body: dict[str, Any], criteria: Criteria) -> dict[str, Any]:
    """The part of a body that was asked for."""
    return {
        name: value
        for name, value in body.items()
        if (criteria.include_fields is None or name in criteria.include_fields) and name not in criteria.exclude_fields
    }


def newest_of(documents: Sequence[Document]) -> dict[DocumentKey, Document]:
    """The newest document of each object in a batch."""
    newest: dict[DocumentKey, Document] = {}
    for document in documents:
        key = document.key
        known = newest.get(key)
        if known is None or known.revision < document.revision:
            newest[key] = document
    return newest


def by_object(rows: Iterable[Row[Any]]) -> dict[uuid.UUID, list[Row[Any]]]:
    """Rows by their first column."""
    grouped: dict[uuid.UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return grouped


def once(values: Iterable[str]) -> list[str]:
    """Values in their order, each once."""
    return list(dict.fromkeys(values))
