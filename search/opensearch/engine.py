"""OpenSearch engine, for catalogues too large for the database or sites that already run a cluster.

Documents are complete, and their version is the revision (`external_gte`): the index itself rejects stale writes and
accepts repeated ones. Tombstones are ordinary documents that every search excludes.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models.queues.index_queue import DocumentKey
from search.document import Document
from search.engine import (
    SEARCH_STATEMENT_SECONDS,
    FacetBucket,
    SearchHit,
    SearchResults,
    SearchTooSlowError,
    StoredRevision,
    WriteOutcome,
)
from search.highlighting import build_hit
from search.opensearch.bulk import bulk_write_documents
from search.opensearch.client import (
    HEALTH_CHECK_TIMEOUT_SECONDS,
    SEARCH_TIMEOUT_SECONDS,
    ClusterConfig,
    ClusterRequestError,
    OpenSearchClient,
)
from search.opensearch.indexes import WRITE_ALIAS_SUFFIX, OpenSearchIndexes
from search.opensearch.mapping import document_id_of, document_key_of
from search.opensearch.ordering import opensearch_sort_columns
from search.opensearch.query import (
    count_word_clauses,
    facet_clause,
    facet_value,
    opensearch_query_clause,
    opensearch_term_clause,
)
from search.query.budget import CriteriaError
from search.query.criteria import Criteria, Visibility
from search.query.ordering import read_sort_values

HIT_SOURCE_FIELDS = ["title", "date_created", "terms", "body"]
MAX_QUERY_CLAUSES = 900
"""Limit for the words of a query; OpenSearch's limit for the whole query is 1,024."""


class OpenSearchEngine:
    """Documents in one index of a cluster, addressed by an alias."""

    def __init__(self, cluster: ClusterConfig, client: OpenSearchClient | None = None) -> None:
        self.client = client or OpenSearchClient(cluster)
        self.indexes = OpenSearchIndexes(self.client)

    def check(self, look: bool = False) -> None:
        """Raise SearchUnavailableError if the cluster is known to be down; with `look`, request the index."""
        self.client.check()
        if look:
            self.client.ask("GET", f"/{self.indexes.alias}/_alias", seconds=HEALTH_CHECK_TIMEOUT_SECONDS)

    def find_write_blocks(self) -> list[str]:
        """Return the blocks of the live index: OpenSearch sets one where its disk is almost full."""
        path = f"/{self.indexes.alias}/_settings/index.blocks.*"
        found = self.client.ask("GET", path, seconds=HEALTH_CHECK_TIMEOUT_SECONDS, flat_settings="true")
        settings = [name for index in found.values() for name, value in index["settings"].items() if value == "true"]
        return sorted(set(settings))

    def write(self, documents: Sequence[Document], targets: Sequence[str] = ()) -> list[WriteOutcome]:
        """Store documents that are not older than the stored ones, in the live index or in all `targets`."""
        return bulk_write_documents(
            self.client, documents, [f"{name}{WRITE_ALIAS_SUFFIX}" for name in targets] or [self.indexes.alias]
        )

    def search(self, criteria: Criteria, visibility: Visibility) -> SearchResults:
        """Execute criteria in one request."""
        if criteria.query is not None and count_word_clauses(criteria.query) > MAX_QUERY_CLAUSES:
            raise CriteriaError("query", "has too many words; ask for fewer of them")
        path = f"/{self.indexes.alias}/_search"
        try:
            answer = self.client.ask(
                "POST", path, build_search_request(criteria, visibility), seconds=SEARCH_TIMEOUT_SECONDS
            )
        except ClusterRequestError as error:
            if error.kind == "too_many_clauses":
                raise CriteriaError("filter", "asks for too much at once; ask in several searches") from error
            raise
        if answer["timed_out"]:
            raise SearchTooSlowError
        facets = {
            name: _facet_buckets(name, answer["aggregations"][f"f{place}"]["buckets"])
            for place, name in enumerate(criteria.facets)
        }
        hits = [_hit(hit, criteria) for hit in answer["hits"]["hits"]]
        return SearchResults(answer["hits"]["total"]["value"], hits, facets)

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
        answer = self.client.ask("POST", path, {"ids": [document_id_of(key) for key in keys]}, _source_includes=fields)
        found = [(document_key_of(one["_id"]), one["_source"]) for one in answer["docs"] if one.get("found")]
        return {key: StoredRevision(key.object_id, held["revision"], held["deleted"]) for key, held in found}

    def purge(self, keys: Sequence[DocumentKey]) -> int:
        """Delete the tombstones among `keys`; return their number."""
        if not keys:
            return 0
        dead = {
            "bool": {
                "filter": [{"ids": {"values": [document_id_of(key) for key in keys]}}, {"term": {"deleted": True}}]
            }
        }
        self.indexes.refresh()
        path = f"/{self.indexes.alias}/_delete_by_query"
        return int(self.client.ask("POST", path, {"query": dead}, conflicts="proceed")["deleted"])

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


def build_search_request(criteria: Criteria, visibility: Visibility) -> dict[str, Any]:
    """Build the body of a search request."""
    columns = opensearch_sort_columns(criteria)
    body: dict[str, Any] = {
        "query": opensearch_query_clause(criteria, visibility),
        "sort": [column.spec for column in columns],
        "size": criteria.per_page,
        "track_total_hits": True,
        "_source": HIT_SOURCE_FIELDS,
        "timeout": f"{SEARCH_STATEMENT_SECONDS:g}s",
    }
    if criteria.facets:
        body["aggs"] = {f"f{place}": facet_clause(name) for place, name in enumerate(criteria.facets)}
    if criteria.facets_filters:
        body["post_filter"] = {"bool": {"filter": [*map(opensearch_term_clause, criteria.facets_filters)]}}
    if criteria.search_after:
        body["search_after"] = read_sort_values([column.read for column in columns], criteria.search_after)
    else:
        body["from"] = (criteria.page - 1) * criteria.per_page
    return body


def _facet_buckets(name: str, buckets: list[dict[str, Any]]) -> list[FacetBucket]:
    found = [FacetBucket(facet_value(name, bucket["key"]), bucket["doc_count"]) for bucket in buckets]
    return sorted(found, key=lambda bucket: (-bucket.doc_count, str(bucket.key)))


def _hit(hit: dict[str, Any], criteria: Criteria) -> SearchHit:
    source, key = hit["_source"], document_key_of(hit["_id"])
    created = datetime.fromisoformat(source["date_created"]) if source.get("date_created") else None
    terms, body = source.get("terms", {}), source.get("body", {})
    return build_hit(criteria, key, source["title"], created, terms, body, hit["sort"])
