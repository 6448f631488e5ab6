"""OpenSearch engine, for catalogues too large for the database or sites that already run a cluster.

Documents are complete, and their version is the revision (`external_gte`): the index itself rejects stale writes and
accepts repeated ones. Tombstones are ordinary documents that every search excludes.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models.index_queue import DocumentKey
from search.criteria import Criteria, CriteriaError, Visibility
from search.documents import Document
from search.engine import Bucket, Hit, Outcome, Results, StoredRevision
from search.highlighting import make_hit
from search.opensearch_bulk import write_documents
from search.opensearch_client import LOOK_SECONDS, SEARCH_SECONDS, Client, Cluster, RequestError
from search.opensearch_indexes import WRITE, Indexes
from search.opensearch_order import behind, order_of
from search.opensearch_query import facet_clause, facet_value, query_clause, term_clause, words_of
from search.opensearch_rows import id_of, key_of

SHOWN = ["title", "date_created", "terms", "body"]
MAX_CLAUSES = 900
"""Limit for the words of a query; OpenSearch's limit for the whole query is 1,024."""


class OpenSearchEngine:
    """Documents in one index of a cluster, addressed by an alias."""

    def __init__(self, cluster: Cluster, client: Client | None = None) -> None:
        self.client = client or Client(cluster)
        self.indexes = Indexes(self.client)

    def check(self, look: bool = False) -> None:
        """Raise SearchUnavailableError if the cluster is known to be down; with `look`, request the index."""
        self.client.check()
        if look:
            self.client.ask("GET", f"/{self.indexes.alias}/_alias", seconds=LOOK_SECONDS)

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[Outcome]:
        """Store documents that are not older than the stored ones, in the live index or in all `targets`."""
        return write_documents(self.client, documents, [f"{name}{WRITE}" for name in targets] or [self.indexes.alias])

    def search(self, criteria: Criteria, visibility: Visibility) -> Results:
        """Execute criteria in one request."""
        if criteria.query is not None and words_of(criteria.query) > MAX_CLAUSES:
            raise CriteriaError("query", "has too many words; ask for fewer of them")
        path = f"/{self.indexes.alias}/_search"
        try:
            answer = self.client.ask("POST", path, request_body(criteria, visibility), seconds=SEARCH_SECONDS)
        except RequestError as error:
            if error.kind == "too_many_clauses":
                raise CriteriaError("filter", "asks for too much at once; ask in several searches") from error
            raise
        facets = {
            name: _buckets(name, answer["aggregations"][f"f{place}"]["buckets"])
            for place, name in enumerate(criteria.facets)
        }
        hits = [_hit(hit, criteria) for hit in answer["hits"]["hits"]]
        return Results(answer["hits"]["total"]["value"], hits, facets)

    def revisions(
        self, object_type: str, after: uuid.UUID | None = None, limit: int = 10_000, target: str | None = None
    ) -> list[StoredRevision]:
        """Return stored revisions by id, including tombstones, of the live index or of `target`."""
        name = target or self.indexes.alias
        if after is None:
            self.indexes.refresh(name)
        return self.indexes.revisions(name, object_type, after, limit)

    def revisions_of(self, keys: Sequence[DocumentKey], target: str | None = None) -> dict[DocumentKey, StoredRevision]:
        """Return the current stored revisions of `keys`."""
        if not keys:
            return {}
        path = f"/{target or self.indexes.alias}/_mget"
        fields = "revision,deleted"
        answer = self.client.ask("POST", path, {"ids": [id_of(key) for key in keys]}, _source_includes=fields)
        found = [(key_of(one["_id"]), one["_source"]) for one in answer["docs"] if one.get("found")]
        return {key: StoredRevision(key.object_id, held["revision"], held["deleted"]) for key, held in found}

    def purge(self, keys: Sequence[DocumentKey]) -> int:
        """Delete the tombstones among `keys`; return their number."""
        if not keys:
            return 0
        dead = {"bool": {"filter": [{"ids": {"values": [id_of(key) for key in keys]}}, {"term": {"deleted": True}}]}}
        self.indexes.refresh()
        path = f"/{self.indexes.alias}/_delete_by_query"
        return int(self.client.ask("POST", path, {"query": dead}, conflicts="proceed")["deleted"])

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


def request_body(criteria: Criteria, visibility: Visibility) -> dict[str, Any]:
    """Build the body of a search request."""
    columns = order_of(criteria)
    body: dict[str, Any] = {
        "query": query_clause(criteria, visibility),
        "sort": [column.spec for column in columns],
        "size": criteria.per_page,
        "track_total_hits": True,
        "_source": SHOWN,
    }
    if criteria.facets:
        body["aggs"] = {f"f{place}": facet_clause(name) for place, name in enumerate(criteria.facets)}
    if criteria.facets_filters:
        body["post_filter"] = {"bool": {"filter": [*map(term_clause, criteria.facets_filters)]}}
    if criteria.search_after:
        body["search_after"] = behind(columns, criteria.search_after)
    else:
        body["from"] = (criteria.page - 1) * criteria.per_page
    return body


def _buckets(name: str, buckets: list[dict[str, Any]]) -> list[Bucket]:
    found = [Bucket(facet_value(name, bucket["key"]), bucket["doc_count"]) for bucket in buckets]
    return sorted(found, key=lambda bucket: (-bucket.doc_count, str(bucket.key)))


def _hit(hit: dict[str, Any], criteria: Criteria) -> Hit:
    source, key = hit["_source"], key_of(hit["_id"])
    created = datetime.fromisoformat(source["date_created"]) if source.get("date_created") else None
    terms, body = source.get("terms", {}), source.get("body", {})
    return make_hit(criteria, key, source["title"], created, terms, body, hit["sort"])
