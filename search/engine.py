"""What both engines share: Postgres for one machine, OpenSearch for everybody else, behind one small interface.

An engine stores whole documents by revision and answers criteria. A write of an older revision than the stored one
changes nothing and counts as success, because somebody newer won; a tombstone is a document like any other to a write
and to an audit, and nothing to a search.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from models.index_queue import DocumentKey
from search.criteria import Criteria, Visibility
from search.documents import Document


class SearchUnavailableError(Exception):
    """The engine does not answer or takes no writes now; what was to be written is still marked."""


class IndexMissingError(SearchUnavailableError):
    """The engine answers and has no such index: somebody removed it, or it is another engine than before."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document that was written."""

    key: DocumentKey
    revision: int | None
    """Null where the document could not be built."""
    result: Literal["written", "stale", "refused"]
    reason: str = ""
    """Why the engine refused it: sending it again unchanged ends the same."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One object that answers, as much of it as was asked for."""

    object_type: str
    object_id: uuid.UUID
    title: str
    date_created: datetime | None
    body: dict[str, Any]
    sort: list[Any]
    """Where it stands in the order; a client sends it back as `search_after`."""

    def as_object(self) -> dict[str, Any]:
        """The hit as the API and `--json` show it."""
        shown = {"id": str(self.object_id), "object_type": self.object_type, "title": self.title}
        return {**shown, **self.body, "_sort": self.sort}


class Bucket(NamedTuple):
    """How many documents have a value."""

    key: Any
    doc_count: int


@dataclass(frozen=True, slots=True)
class Results:
    """A page of hits, how many there are in all, and the facets that were asked for."""

    total: int
    hits: list[Hit]
    facets: dict[str, list[Bucket]] = field(default_factory=dict)


class StoredRevision(NamedTuple):
    """What the engine holds of one object."""

    object_id: uuid.UUID
    revision: int
    deleted: bool


class IndexKeeper(Protocol):
    """What an engine with indexes of its own does to them; each has a name that no other had before."""

    version: int
    """Of the mapping: an index of another version is to be replaced."""

    def new_name(self) -> str:
        """A name for an index that is to be made."""
        ...

    def create(self, name: str, building: bool = False) -> None:
        """Make an index that takes writes; what is written into a building one is found once it is opened."""
        ...

    def open(self, name: str) -> None:
        """Have everything found that was written, now and from now on."""
        ...

    def drop(self, name: str) -> None:
        """Remove an index; one that is gone already is no error."""
        ...

    def names(self) -> list[str]:
        """Our indexes, whatever they are for."""
        ...

    def live(self) -> list[str]:
        """Where searches go."""
        ...

    def point_to(self, name: str) -> None:
        """Let searches go to this index alone, in one step."""
        ...

    def count(self, name: str) -> int:
        """Documents of an index, tombstones included."""
        ...


class SearchEngine(Protocol):
    """No method runs inside a transaction of its caller."""

    indexes: IndexKeeper | None
    """None where documents stand in the database, where nothing has to be built beside anything."""

    def check(self, look: bool = False) -> None:
        """Raise SearchUnavailableError, without waiting, where the engine is known to be away; or `look` whether."""
        ...

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[Outcome]:
        """Store whole documents where theirs is not older than what is stored; one outcome each, in their order.

        They go to the indexes of all `targets`; without any, to where searches look.
        """
        ...

    def search(self, criteria: Criteria, visibility: Visibility) -> Results:
        """Answer `criteria` with nothing that `visibility` leaves out, in hits, total and facets alike."""
        ...

    def revisions(
        self, object_type: str, after: uuid.UUID | None = None, limit: int = 10_000, target: str | None = None
    ) -> list[StoredRevision]:
        """Stored revisions by id, tombstones included, from behind `after` on: an audit walks them page by page."""
        ...

    def revisions_of(self, keys: Sequence[DocumentKey], target: str | None = None) -> dict[DocumentKey, StoredRevision]:
        """Stored revisions of `keys`, without those that the engine has nothing of."""
        ...

    def purge(self, keys: Sequence[DocumentKey]) -> int:
        """Forget the tombstones among `keys`, and say how many there were."""
        ...

    def close(self) -> None:
        """Give back all connections."""
        ...
