"""Speaking to an OpenSearch cluster: one place where its errors become ours, and where a cluster that is down is left
alone for a while.

After a failure nobody asks again for a second, then for two, up to half a minute; meanwhile every question ends at once
with what was wrong. So a cluster that comes back meets the questions of that moment and not the backlog of a night.
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

CONNECT_SECONDS = 60.0
"""How long an answer may take: a write that is longer on its way is sent again."""
SEARCH_SECONDS = 15.0
LOOK_SECONDS = 2.0
"""For whoever only wants to know whether it answers: probes wait no longer than five."""
FIRST_SECONDS, LONGEST_SECONDS = 1.0, 30.0
TOO_MANY = 429
BUSY = (502, 503, 504)
REFUSED = {401: "refuses the user or the password", 403: "refuses"}


class BusyError(SearchUnavailableError):
    """The cluster takes nothing at this moment; the same may succeed in a second."""


class RequestError(Exception):
    """The cluster does not understand what we sent."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(f"OpenSearch answered {status} {kind}: {reason}")
        self.status, self.kind, self.reason = status, kind, reason


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the cluster is and who we are to it."""

    url: str = field(repr=False)
    """With user and password, where the cluster wants them."""
    index: str = "tapeless"
    """The alias that searches go to; the indexes behind it have longer names."""
    ca_file: Path | None = None
    """Certificates to trust, where the system's do not do."""


class Breaker:
    """Says no for a while after each failure, longer each time."""

    def __init__(self, first_seconds: float = FIRST_SECONDS, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._first, self._longest = first_seconds, longest_seconds
        self._lock = threading.Lock()
        self._wait, self._until, self._reason = 0.0, 0.0, ""

    @property
    def has_failed(self) -> bool:
        """Whether the last thing that is known of the cluster is a failure."""
        return self._wait > 0

    def refuse(self) -> None:
        """Raise while it is too early to try again."""
        if time.monotonic() < self._until:
            raise SearchUnavailableError(self._reason)

    def failed(self, reason: str) -> None:
        with self._lock:
            if time.monotonic() >= self._until:  # those who failed together count once
                self._wait = min(self._longest, self._wait * 2 or self._first)
                self._until, self._reason = time.monotonic() + self._wait, reason

    def worked(self) -> None:
        self._wait = self._until = 0.0


class Client:
    """Sends one request at a time; connections are made when they are needed."""

    def __init__(self, cluster: Cluster, breaker: Breaker | None = None) -> None:
        self.cluster = cluster
        self.breaker = breaker or Breaker()
        self._wire = _connect(cluster)

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        seconds: float = CONNECT_SECONDS,
        **params: Any,
    ) -> Any:
        """The answer's JSON. Raises SearchUnavailableError, one of its kinds, or RequestError."""
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
        """Raise where the cluster is known to be down, or is still so after a failure."""
        self.breaker.refuse()
        if self.breaker.has_failed:
            self.ask("GET", "/", seconds=SEARCH_SECONDS)

    def close(self) -> None:
        """Give back all connections."""
        self._wire.close()

    def _translated(self, error: Exception, seconds: float) -> Exception:
        """Our word for an error of the library."""
        if isinstance(error, ConnectionTimeout):
            return self._away(f"did not answer within {seconds:g} s")
        if isinstance(error, NoConnection):
            return self._away(f"does not answer: {_innermost(error)}")
        assert isinstance(error, TransportError)
        status = int(error.status_code) if str(error.status_code).isdigit() else 0
        kind, reason = _cause(error)
        if status in REFUSED or status >= 500:
            what = REFUSED.get(status, "is busy" if status in BUSY else "failed")
            return self._away(f"{what} ({status}): {reason or kind}", BusyError if status in BUSY else None)
        self.breaker.worked()
        if status == TOO_MANY:
            return BusyError(f"{self._name} is busy ({status}): {reason or kind}")
        if kind == "index_not_found_exception":
            return IndexMissingError(f"{self._name} has no such index: {reason}")
        return RequestError(status, kind, reason)

    def _away(self, what: str, kind: type[SearchUnavailableError] | None = None) -> SearchUnavailableError:
        reason = f"{self._name} {what}"
        self.breaker.failed(reason)
        return (kind or SearchUnavailableError)(reason)

    @property
    def _name(self) -> str:
        """The cluster without its password."""
        scheme, mark, rest = self.cluster.url.partition("://")
        return f"OpenSearch at {scheme}{mark}{rest.rpartition('@')[2]}"


def _connect(cluster: Cluster) -> OpenSearch:
    options: dict[str, Any] = {} if cluster.ca_file is None else {"ca_certs": str(cluster.ca_file)}
    # A request is sent again by whoever knows that it may be: a drain by its marks, a person by asking again.
    options |= {"max_retries": 0, "retry_on_timeout": False, "timeout": CONNECT_SECONDS, "pool_maxsize": 20}
    return OpenSearch([cluster.url], **options)


def _innermost(error: TransportError) -> str:
    """The short sentence inside what three libraries said about a failed connection."""
    text = str(getattr(error, "info", "") or error)
    return text.rpartition(": ")[2].strip("')\" ") or type(error).__name__


def _cause(error: TransportError) -> tuple[str, str]:
    """Type and reason of an error, the root's where there is one."""
    info = error.info if isinstance(error.info, dict) else {}
    found = info.get("error", {})
    if not isinstance(found, dict):
        return str(found), str(error.error)
    root = next(iter(found.get("root_cause") or []), found)
    cause = found.get("caused_by") or {}
    kinds = {str(root.get("type", "")), str(found.get("type", "")), str(cause.get("type", ""))}
    kind = "too_many_clauses" if any("clauses" in each for each in kinds) else str(root.get("type") or error.error)
    return kind, str(root.get("reason") or cause.get("reason") or "")
