"""OpenSearch client: translates errors of the library, and stops requests to a cluster that is down.

The circuit breaker opens for one second after a failure, then for two, up to half a minute; meanwhile every request
fails at once with the last error. A cluster that recovers then receives current requests, not an accumulated backlog.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as NoConnection
from opensearchpy.exceptions import ConnectionTimeout, TransportError

from search.engine import IndexMissingError, SearchUnavailableError

REQUEST_TIMEOUT_SECONDS = 60.0
"""Limit of a response; a write that takes longer is sent again."""
SEARCH_TIMEOUT_SECONDS = 15.0
HEALTH_CHECK_TIMEOUT_SECONDS = 2.0
"""For health checks: probes time out after five seconds."""
MIN_BREAKER_SECONDS, MAX_BREAKER_SECONDS = 1.0, 30.0
HTTP_TOO_MANY_REQUESTS = 429
BUSY_STATUSES = (502, 503, 504)
REFUSAL_MESSAGES = {401: "refuses the user or the password", 403: "refuses"}


class ClusterBusyError(SearchUnavailableError):
    """The cluster is overloaded; the same request may succeed in a second."""


class ClusterRequestError(Exception):
    """The cluster rejects the request as invalid."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(f"OpenSearch answered {status} {kind}: {reason}")
        self.status, self.kind, self.reason = status, kind, reason


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """Address and credentials of the cluster."""

    url: str = field(repr=False)
    """Includes user and password if the cluster requires them."""
    index: str = "tapeless"
    """Alias that searches use; the indexes behind it have longer names."""
    ca_file: Path | None = None
    """CA bundle for the cluster, if not in the system store."""
    shards: int = 1
    replicas: int | None = None
    """Copies of each shard beside the first; None has one as soon as there is a second node."""

    @property
    def hosts(self) -> list[str]:
        """The address of each node that the URL names."""
        scheme, mark, rest = self.url.partition("://")
        credentials, at, hosts = rest.rpartition("@")
        return [f"{scheme}{mark}{credentials}{at}{host}" for host in hosts.rstrip("/").split(",")]


class CircuitBreaker:
    """Circuit breaker with exponential backoff."""

    def __init__(
        self, first_seconds: float = MIN_BREAKER_SECONDS, longest_seconds: float = MAX_BREAKER_SECONDS
    ) -> None:
        self._first, self._longest = first_seconds, longest_seconds
        # Threads of a pool share the client; failures of concurrent requests must extend the wait only once.
        self._lock = threading.Lock()
        self._wait, self._until, self._reason = 0.0, 0.0, ""

    @property
    def has_failed(self) -> bool:
        """Return whether the last request failed."""
        return self._wait > 0

    def refuse(self) -> None:
        """Raise while the breaker is open."""
        if time.monotonic() < self._until:
            raise SearchUnavailableError(self._reason)

    def failed(self, reason: str) -> None:
        with self._lock:
            if time.monotonic() >= self._until:  # those who failed together count once
                self._wait = min(self._longest, self._wait * 2 or self._first)
                self._until, self._reason = time.monotonic() + self._wait, reason

    def worked(self) -> None:
        self._wait = self._until = 0.0


class OpenSearchClient:
    """Sends one request at a time; connections are opened on demand."""

    def __init__(self, cluster: ClusterConfig, breaker: CircuitBreaker | None = None) -> None:
        self.cluster = cluster
        self.breaker = breaker or CircuitBreaker()
        self._wire = _connect(cluster)

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        seconds: float = REQUEST_TIMEOUT_SECONDS,
        **params: Any,
    ) -> Any:
        """Send a request and return its JSON; raises SearchUnavailableError, a subclass, or ClusterRequestError."""
        self.breaker.refuse()
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        try:
            answer = self._wire.transport.perform_request(
                method, path, params={**params, "request_timeout": seconds}, body=sent
            )
        except (NoConnection, TransportError) as error:
            raise self._translated(error, seconds) from error
        self.breaker.worked()
        return answer

    def check(self) -> None:
        """Raise if the cluster is known to be down, or still is after a failure."""
        self.breaker.refuse()
        if self.breaker.has_failed:
            self.ask("GET", "/", seconds=SEARCH_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _translated(self, error: Exception, seconds: float) -> Exception:
        """Translate an error of the library."""
        if isinstance(error, ConnectionTimeout):
            return self._away(f"did not answer within {seconds:g} s")
        if isinstance(error, NoConnection):
            return self._away(f"does not answer: {_innermost(error)}")
        assert isinstance(error, TransportError)
        status = int(error.status_code) if str(error.status_code).isdigit() else 0
        kind, reason = _cause(error)
        if status in REFUSAL_MESSAGES or status >= 500:
            what = REFUSAL_MESSAGES.get(status, "is busy" if status in BUSY_STATUSES else "failed")
            return self._away(
                f"{what} ({status}): {reason or kind}", ClusterBusyError if status in BUSY_STATUSES else None
            )
        self.breaker.worked()
        if status == HTTP_TOO_MANY_REQUESTS:
            return ClusterBusyError(f"{self._name} is busy ({status}): {reason or kind}")
        if kind == "index_not_found_exception":
            return IndexMissingError(f"{self._name} has no such index: {reason}")
        return ClusterRequestError(status, kind, reason)

    def _away(self, what: str, kind: type[SearchUnavailableError] | None = None) -> SearchUnavailableError:
        reason = f"{self._name} {what}"
        self.breaker.failed(reason)
        return (kind or SearchUnavailableError)(reason)

    @property
    def _name(self) -> str:
        """Return the cluster's address without its password."""
        scheme, mark, rest = self.cluster.url.partition("://")
        return f"OpenSearch at {scheme}{mark}{rest.rpartition('@')[2]}"


def _connect(cluster: ClusterConfig) -> OpenSearch:
    options: dict[str, Any] = {} if cluster.ca_file is None else {"ca_certs": str(cluster.ca_file)}
    # No retries here: only callers know whether a request may be repeated, for example a drain by its marks. But where
    # a node does not answer, the next one is asked.
    options |= {"max_retries": len(cluster.hosts) - 1, "retry_on_timeout": False, "retry_on_status": ()}
    options |= {"timeout": REQUEST_TIMEOUT_SECONDS, "pool_maxsize": 20}
    return OpenSearch(cluster.hosts, **options)


def _innermost(error: TransportError) -> str:
    """Return the short message inside three libraries' wrappings of a failed connection."""
    text = str(getattr(error, "info", "") or error)
    return text.rpartition(": ")[2].strip("')\" ") or type(error).__name__


def _cause(error: TransportError) -> tuple[str, str]:
    """Return type and reason of an error, of its root cause if given."""
    info = error.info if isinstance(error.info, dict) else {}
    found = info.get("error", {})
    if not isinstance(found, dict):
        return str(found), str(error.error)
    root = next(iter(found.get("root_cause") or []), found)
    cause = found.get("caused_by") or {}
    kinds = {str(root.get("type", "")), str(found.get("type", "")), str(cause.get("type", ""))}
    kind = "too_many_clauses" if any("clauses" in each for each in kinds) else str(root.get("type") or error.error)
    return kind, str(root.get("reason") or cause.get("reason") or "")
