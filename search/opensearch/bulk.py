"""Bulk writes: the result of every document is checked, because a successful request may contain failed documents.

Permanent errors (a mapping that does not fit) are returned as refusals with their reason. Temporary errors (a full
queue, a read-only index) are retried with exponential backoff for a bounded time.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.queues.index_queue import DocumentKey
from search.document import Document, newest_by_key
from search.encoding import encode_json
from search.engine import IndexMissingError, SearchUnavailableError, WriteOutcome
from search.opensearch.client import ClusterBusyError, ClusterRequestError, OpenSearchClient
from search.opensearch.mapping import document_id_of, encode_source

MAX_BULK_REQUEST_BYTES = 4_000_000
"""Limit per request: larger requests are not faster (measured from 2 to 20 MB) and occupy memory on both sides."""
MIN_BULK_RETRY_SECONDS, MAX_BULK_RETRY_SECONDS, BULK_DEADLINE_SECONDS = 0.1, 5.0, 45.0
"""Backoff between two attempts, and the limit of all attempts together."""
RETRYABLE_STATUSES = (429, 502, 503, 504)
HTTP_TOO_LARGE = 413
BULK_RESPONSE_FIELDS = "errors,items.index._id,items.index.status,items.index.error.type,items.index.error.reason"
BULK_CAUSE_FIELD = ",items.index.error.caused_by.reason"


@dataclass(slots=True)
class BulkLine:
    """Document to write to one index."""

    document: Document
    index: str
    payload: bytes
    result: Literal["written", "stale", "refused", "waiting"] = "waiting"
    reason: str = ""


def bulk_write_documents(
    client: OpenSearchClient, documents: Sequence[Document], indexes: Sequence[str]
) -> list[WriteOutcome]:
    """Write documents to every index; return one result each, in their order. Of equal keys the newest is written."""
    newest = newest_by_key(documents)
    outcomes: dict[DocumentKey, WriteOutcome] = {}
    for lines in _requests(list(newest.values()), indexes):
        _send_until_answered(client, lines)
        for line in lines:
            outcome = _write_outcome(line)
            before = outcomes.get(outcome.key)
            outcomes[outcome.key] = outcome if before is None else _worse(before, outcome)
    return [
        outcomes[document.key]
        if document is newest[document.key]
        else WriteOutcome(document.key, document.revision, "stale")
        for document in documents
    ]


def _requests(documents: Sequence[Document], indexes: Sequence[str]) -> Iterator[list[BulkLine]]:
    """Yield lines in batches of one request, built on demand."""
    lines: list[BulkLine] = []
    size = 0
    for document in documents:
        try:
            source = encode_source(document)
        except (TypeError, ValueError, RecursionError) as error:
            lines.append(BulkLine(document, "", b"", "refused", f"{type(error).__name__}: {error}"))
            continue
        if lines and size + len(source) * len(indexes) > MAX_BULK_REQUEST_BYTES:
            yield lines
            lines, size = [], 0
        document_id = document_id_of(document.key)
        for index in indexes:
            action = {"_index": index, "_id": document_id, "version": document.revision}
            head = encode_json({"index": action | {"version_type": "external_gte"}})
            lines.append(BulkLine(document, index, b"%b\n%b\n" % (head, source)))
            size += len(source)
    if lines:
        yield lines


def _send_until_answered(client: OpenSearchClient, lines: list[BulkLine]) -> None:
    """Send until every line has a result; raises SearchUnavailableError after the deadline."""
    end, pause = time.monotonic() + BULK_DEADLINE_SECONDS, MIN_BULK_RETRY_SECONDS
    while waiting := [line for line in lines if line.result == "waiting"]:
        reason = _try(client, waiting)
        if reason is None:
            continue
        if time.monotonic() + pause > end:
            client.breaker.failed(reason)
            raise SearchUnavailableError(reason)
        time.sleep(pause)
        pause = min(pause * 2, MAX_BULK_RETRY_SECONDS)


def _try(client: OpenSearchClient, lines: list[BulkLine]) -> str | None:
    """Send once; return the reason if lines have to be retried, else None."""
    body = b"".join(line.payload for line in lines)
    try:
        # require_alias: a write must not create a missing index, with a mapping that OpenSearch infers.
        answer = client.ask(
            "POST", "/_bulk", body, require_alias="true", filter_path=BULK_RESPONSE_FIELDS + BULK_CAUSE_FIELD
        )
    except ClusterBusyError as error:
        return str(error)
    except ClusterRequestError as error:
        if error.status != HTTP_TOO_LARGE:
            raise
        return _halve(client, lines, error)
    later = [
        reason for line, item in zip(lines, answer["items"], strict=True) if (reason := _record_answer(line, item))
    ]
    return later[0] if later else None


def _halve(client: OpenSearchClient, lines: list[BulkLine], error: ClusterRequestError) -> str | None:
    if len(lines) == 1:
        lines[0].result, lines[0].reason = "refused", str(error)
        return None
    # The cluster's limit is unknown (http.max_content_length), so halve until the request fits.
    middle = len(lines) // 2
    return _try(client, lines[:middle]) or _try(client, lines[middle:])


def _record_answer(line: BulkLine, item: dict[str, Any]) -> str | None:
    """Record the result of a line; return the reason if it has to be retried."""
    answer = item["index"]
    status, error = int(answer["status"]), answer.get("error", {})
    kind, reason = str(error.get("type", "")), str(error.get("reason", ""))
    if cause := (error.get("caused_by") or {}).get("reason"):
        reason = f"{reason}: {cause}"
    if status < 300:
        line.result = "written"
    elif status == 409:
        line.result = "stale"
    elif kind == "index_not_found_exception":
        raise IndexMissingError(f"OpenSearch has no index {line.index} any more: {reason}")
    elif status in RETRYABLE_STATUSES or kind == "cluster_block_exception":
        return f"OpenSearch takes no writes into {line.index} ({status}): {reason}"
    elif status >= 500:
        return f"OpenSearch failed to write into {line.index} ({status} {kind}): {reason}"
    else:
        line.result, line.reason = "refused", f"{kind}: {reason}"
    return None


def _write_outcome(line: BulkLine) -> WriteOutcome:
    assert line.result != "waiting"
    return WriteOutcome(line.document.key, line.document.revision, line.result, line.reason)


def _worse(before: WriteOutcome, now: WriteOutcome) -> WriteOutcome:
    """Combine the results of two indexes: refused by one is refused, written to one is written."""
    rank = ("refused", "written", "stale")
    return min(before, now, key=lambda outcome: rank.index(outcome.result))
