"""Interface of search engines: PostgreSQL for a single machine, OpenSearch for clusters.

An engine stores complete documents by revision and executes criteria. A write of a revision older than the stored one
changes nothing and counts as success, because a newer write was faster. A tombstone is an ordinary document to writes
and audits, and invisible to searches.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from models.queues.index_queue import DocumentKey
from search.document import Document
from search.query.criteria import Criteria, Visibility


class SearchUnavailableError(Exception):
    """The engine is down or rejects writes; documents that were not written are still marked."""


class IndexMissingError(SearchUnavailableError):
    """The engine has no such index: it was removed, or it is a different engine."""


SEARCH_STATEMENT_SECONDS = 5.0
"""Limit of one statement, or of one request to OpenSearch: a search that takes longer would hold one of few places."""


class SearchTooSlowError(SearchUnavailableError):
    """The engine cancelled the search; the same search takes as long again."""

    def __init__(self) -> None:
        super().__init__(f"the search took longer than {SEARCH_STATEMENT_SECONDS:g} s: ask for less at once")


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """Result of writing one document."""

    key: DocumentKey
    revision: int | None
    """None if the document could not be built."""
    result: Literal["written", "stale", "refused"]
    reason: str = ""
    """Reason of a refusal; a retry without a change fails again."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """Matching object with its requested fields."""

    object_type: str
    object_id: uuid.UUID
    title: str
    date_created: datetime | None
    body: dict[str, Any]
    sort: list[Any]
    """Sort values; a client sends them back as `search_after`."""

    def as_object(self) -> dict[str, Any]:
        """Return the hit in the form of the API and `--json`."""
        shown = {"id": str(self.object_id), "object_type": self.object_type, "title": self.title}
        return {**shown, **self.body, "_sort": self.sort}


MAX_FACET_BUCKETS = 100
"""Limit of values in a facet, most frequent first."""


class FacetBucket(NamedTuple):
    """Facet value with its number of documents."""

    key: Any
    doc_count: int


@dataclass(frozen=True, slots=True)
class SearchResults:
    """Page of hits, total number of hits, and requested facets."""

    total: int
    hits: list[SearchHit]
    facets: dict[str, list[FacetBucket]] = field(default_factory=dict)


class StoredRevision(NamedTuple):
    """Stored revision of one object."""

    object_id: uuid.UUID
    revision: int
    deleted: bool


class IndexManager(Protocol):
    """Index management of an engine with its own indexes; names are never reused."""

    version: int
    """Version of the mapping; an index with another version is replaced."""

    def new_name(self) -> str:
        """Return an unused name for a new index."""

    def create(self, name: str, building: bool = False, live: bool = False) -> None:
        """Create an index that accepts writes; a building one becomes searchable once it is opened.

        A live one is searched from its first moment, beside any other that is, until `point_to`.
        """

    def open(self, name: str) -> None:
        """Make an index searchable, including later writes."""

    def drop(self, name: str) -> None:
        """Delete an index; a missing one is no error."""

    def names(self) -> list[str]:
        """List all indexes of this system, whichever their state."""

    def live(self) -> list[str]:
        """List the indexes that searches use."""

    def point_to(self, name: str) -> None:
        """Switch searches to this index in one step."""

    def count(self, name: str) -> int:
        """Count the documents of an index, including tombstones."""


class SearchEngine(Protocol):
    """Search engine; no method may be called inside a transaction of the caller."""

    @property
    def indexes(self) -> IndexManager | None:
        """None if documents are stored in the database, which needs no separate indexes."""

    def check(self, look: bool = False) -> None:
        """Raise SearchUnavailableError if the engine is known to be down; with `look`, send a request to find out."""

    def find_write_blocks(self) -> list[str]:
        """Return what keeps documents from being written, by the engine's own names; empty where nothing does."""

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[WriteOutcome]:
        """Store documents that are not older than the stored ones; returns one result each, in their order.

        Writes to all indexes of `targets`, or to the live index.
        """

    def search(self, criteria: Criteria, visibility: Visibility) -> SearchResults:
        """Execute `criteria`, with `visibility` applied to hits, total and facets."""

    def revisions(
        self, object_type: str, after: uuid.UUID | None = None, limit: int = 10_000, target: str | None = None
    ) -> list[StoredRevision]:
        """Return stored revisions by id after `after`, including tombstones: an audit reads them in pages."""

    def revisions_of(self, keys: Sequence[DocumentKey], target: str | None = None) -> dict[DocumentKey, StoredRevision]:
        """Return the stored revisions of `keys` that exist."""

    def purge(self, keys: Sequence[DocumentKey]) -> int:
        """Delete the tombstones among `keys`; return their number."""

    def close(self) -> None:
        """Close all connections."""
