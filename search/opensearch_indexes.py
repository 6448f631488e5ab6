"""The indexes of a cluster that are ours: made, filled beside the live one, put in its place, removed.

Searches go to an alias. Every index has a second alias of its own for writes, and writes insist on an alias: an index
that somebody removed is then an error, and not silently made anew with a mapping that OpenSearch invents.
"""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from models.base import new_id
from search.engine import IndexMissingError, StoredRevision
from search.mapping import BUILDING, MAPPING_VERSION, SETTINGS, index_body
from search.opensearch_client import Client, RequestError

WRITE = "-write"
READY = {name: SETTINGS[name] for name in ("refresh_interval", "auto_expand_replicas")}


class Indexes:
    """What a rebuild does to a cluster."""

    version = MAPPING_VERSION

    def __init__(self, client: Client) -> None:
        self._client = client
        self.alias = client.cluster.index

    def new_name(self) -> str:
        """A name that no index has or had."""
        return f"{self.alias}-{new_id().hex}"

    def create(self, name: str, building: bool = False) -> None:
        """Make an index that takes writes; a building one is not refreshed until it is `opened`."""
        body = index_body(BUILDING if building else {}) | {"aliases": {f"{name}{WRITE}": {}}}
        try:
            self._client.ask("PUT", f"/{name}", body)
        except RequestError as error:
            if error.kind != "resource_already_exists_exception":
                raise

    def open(self, name: str) -> None:
        """Have everything that was written found, now and from now on."""
        self._client.ask("PUT", f"/{name}/_settings", {"index": READY})
        self.refresh(name)

    def refresh(self, name: str | None = None) -> None:
        """Have everything found that was written until now."""
        self._client.ask("POST", f"/{name or self.alias}/_refresh")

    def drop(self, name: str) -> None:
        """Remove an index; one that is gone already is no error."""
        try:
            self._client.ask("DELETE", f"/{name}")
        except IndexMissingError:
            return

    def names(self) -> list[str]:
        """Our indexes, whatever they are for."""
        return sorted(self._aliases())

    def live(self) -> list[str]:
        """Where searches go: one index, or none where somebody took the alias away."""
        return sorted(name for name, aliases in self._aliases().items() if self.alias in aliases)

    def point_to(self, name: str) -> None:
        """Let searches go to this index alone, in one step."""
        actions = [{"remove": {"index": other, "alias": self.alias}} for other in self.live() if other != name]
        self._client.ask("POST", "/_aliases", {"actions": [*actions, {"add": {"index": name, "alias": self.alias}}]})

    def count(self, name: str) -> int:
        """Documents of an index, tombstones included."""
        return int(self._client.ask("GET", f"/{name}/_count")["count"])

    def revisions(self, name: str, object_type: str, after: uuid.UUID | None, limit: int) -> list[StoredRevision]:
        """Stored revisions by id, from behind `after` on."""
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
        # The pattern also finds those of a system whose alias begins as ours does.
        ours = re.compile(rf"{re.escape(self.alias)}-[0-9a-f]{{32}}")
        return {name: list(entry["aliases"]) for name, entry in found.items() if ours.fullmatch(name)}
