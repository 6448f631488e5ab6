"""Management of this system's indexes: create, fill beside the live one, switch, delete.

Searches use an alias. Every index has a second alias for writes, and writes require an alias: writing to a removed
index is then an error, and does not create one with a mapping that OpenSearch infers.
"""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from models.core.base import new_id
from search.engine import IndexMissingError, StoredRevision
from search.opensearch.client import ClusterRequestError, OpenSearchClient
from search.opensearch.mapping import (
    BUILDING_INDEX_SETTINGS,
    MAPPING_VERSION,
    REFRESH_INTERVAL,
    build_index_body,
    replica_settings,
)

WRITE_ALIAS_SUFFIX = "-write"


class OpenSearchIndexes:
    """Indexes of this system in a cluster."""

    version = MAPPING_VERSION

    def __init__(self, client: OpenSearchClient) -> None:
        self._client = client
        self.alias = client.cluster.index

    def new_name(self) -> str:
        """Return a name that was never used."""
        return f"{self.alias}-{new_id().hex}"

    def create(self, name: str, building: bool = False, live: bool = False) -> None:
        """Create an index that accepts writes; a building one is not refreshed until `open`, a live one is searched."""
        cluster = self._client.cluster
        copies = BUILDING_INDEX_SETTINGS if building else replica_settings(cluster.replicas)
        aliases = [f"{name}{WRITE_ALIAS_SUFFIX}", *([self.alias] if live else [])]
        body = build_index_body({"number_of_shards": cluster.shards, **copies}) | {
            "aliases": {alias: {} for alias in aliases}
        }
        try:
            self._client.ask("PUT", f"/{name}", body)
        except ClusterRequestError as error:
            if error.kind != "resource_already_exists_exception":
                raise

    def open(self, name: str) -> None:
        """Make an index searchable, including later writes."""
        live = {"refresh_interval": REFRESH_INTERVAL, **replica_settings(self._client.cluster.replicas)}
        self._client.ask("PUT", f"/{name}/_settings", {"index": live})
        self.refresh(name)

    def refresh(self, name: str | None = None) -> None:
        """Make all previous writes searchable."""
        self._client.ask("POST", f"/{name or self.alias}/_refresh")

    def drop(self, name: str) -> None:
        """Delete an index; a missing one is no error."""
        try:
            self._client.ask("DELETE", f"/{name}")
        except IndexMissingError:
            return

    def names(self) -> list[str]:
        """List all indexes of this system, whichever their state."""
        return sorted(self._aliases())

    def live(self) -> list[str]:
        """List the indexes that searches use: one, or none if the alias was removed."""
        return sorted(name for name, aliases in self._aliases().items() if self.alias in aliases)

    def point_to(self, name: str) -> None:
        """Switch searches to this index in one step."""
        actions = [{"remove": {"index": other, "alias": self.alias}} for other in self.live() if other != name]
        self._client.ask("POST", "/_aliases", {"actions": [*actions, {"add": {"index": name, "alias": self.alias}}]})

    def count(self, name: str) -> int:
        """Count the documents of an index, including tombstones."""
        return int(self._client.ask("GET", f"/{name}/_count")["count"])

    def revisions(self, name: str, object_type: str, after: uuid.UUID | None, limit: int) -> list[StoredRevision]:
        """Return stored revisions by id after `after`."""
        body: dict[str, Any] = {
            "query": {"term": {"object_type": object_type}},
            "sort": [{"object_id": "asc"}],
            "size": limit,
            "_source": False,
            "docvalue_fields": ["revision", "deleted"],
            "track_total_hits": False,
        }
        if after is not None:
            body["search_after"] = [str(after)]
        answer = self._client.ask("POST", f"/{name}/_search", body, filter_path="hits.hits.sort,hits.hits.fields")
        hits = answer.get("hits", {}).get("hits", [])
        return [
            StoredRevision(uuid.UUID(hit["sort"][0]), hit["fields"]["revision"][0], hit["fields"]["deleted"][0])
            for hit in hits
        ]

    def _aliases(self) -> dict[str, Sequence[str]]:
        found = self._client.ask("GET", f"/{self.alias}-*/_alias")
        # The wildcard also matches indexes of another system with an alias that begins like ours.
        ours = re.compile(rf"{re.escape(self.alias)}-[0-9a-f]{{32}}")
        return {name: list(entry["aliases"]) for name, entry in found.items() if ours.fullmatch(name)}
