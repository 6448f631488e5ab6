"""Downloads: signed URLs that work for an hour without headers, and the responses to them."""

import logging
import re
from collections.abc import Generator, Mapping
from typing import Any
from uuid import UUID

from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.addresses import attachment, base_of
from api.call import Call, OpenCall
from api.routing import Service
from media.sources import ChangedError, Source
from tasks.archives import plan_archive
from tasks.download_streams import DownloadEndedError, Watch, archive_pieces, open_source, pieces
from tasks.downloads import FORMAT, Ticket, file_ticket, format_ticket, open_file, read_ticket
from tasks.refusals import Conflict
from tasks.server_key import require_key

routes = Service("files")
LOG = logging.getLogger("tapeless.api")
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class Download(StreamingResponse):
    """Streaming response that may abort: the client then sees a connection closed too early, not a complete file.

    The source is closed even if the client disconnects early.
    """

    def __init__(self, content: Generator[bytes, None, None], status: int, headers: Mapping[str, str]) -> None:
        self._content = content
        kind = "application/zip" if headers["Accept-Ranges"] == "none" else "application/octet-stream"
        super().__init__(content, status, {**HEADERS, **headers}, kind)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except DownloadEndedError as ended:
            LOG.warning("a download broke off: %s", ended)
        finally:
            self._content.close()


@routes.get("/assets/{asset_id}/files/{file_id}/download_url/", guests=True, unsupported=True)
def get_download_url(call: Call, asset_id: UUID, file_id: UUID) -> dict[str, Any]:
    """Return a URL of this file that is valid for an hour, at most until the caller's token ends."""
    ticket = file_ticket(call.session, asset_id, file_id, call.token.token_id, call.actor)
    return {"url": address_of(call, ticket)}


@routes.get("/assets/{asset_id}/formats/{format_id}/download_url/", guests=True, unsupported=True)
def get_archive_url(call: Call, asset_id: UUID, format_id: UUID) -> dict[str, Any]:
    """Return a URL of all files of this format as one archive, packed while it is sent."""
    ticket = format_ticket(call.session, asset_id, format_id, call.token.token_id, call.actor)
    return {"url": address_of(call, ticket)}


def address_of(call: Call, ticket: Ticket) -> str:
    """Return the download URL of a ticket, on the base URL of this request."""
    return f"{base_of(call.request)}/API/files/v1/downloads/{ticket.write(require_key(call.context.outside.key))}/"


@routes.get("/downloads/{ticket}/", public=True, own_transactions=True, other=206, unsupported=True)
def get_download(call: OpenCall, ticket: str) -> Response:
    """Send the file of a ticket, or the requested range of it, or an archive."""
    read = read_ticket(require_key(call.context.outside.key), ticket)
    return send_archive(call, read) if read.kind == FORMAT else send_file(call, read)


def send_file(call: OpenCall, ticket: Ticket) -> Response:
    """Return the response with a file or one range of it."""
    asked = call.request.headers.get("range", "")
    from_start = not asked or asked.startswith("bytes=0-")
    source = call.transact(lambda session: open_file(session, ticket, from_start=from_start))
    tag = f'"{source.mtime_ns:x}-{source.size:x}"'
    if call.request.headers.get("if-range", tag) != tag:
        asked = ""
    headers = {"Accept-Ranges": "bytes", "ETag": tag, "Content-Disposition": attachment(source.name)}
    part = part_of(asked, source.size)
    if part is None:
        return Response(status_code=416, headers={**HEADERS, "Content-Range": f"bytes */{source.size}"})
    start, length, status = part
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{source.size}"
    headers["Content-Length"] = str(length)
    body = pieces(opened(source), start, length, Watch(call.context.sessions, ticket, call.context.timing))
    return Download(body, status, headers)


def opened(source: Source) -> int:
    """Open the file and return its descriptor.

    Raises:
        Conflict: the file is missing, or not the one that the watcher recorded.
    """
    try:
        return open_source(source)
    except (ChangedError, OSError):
        raise Conflict(
            f'the file "{source.name}" is not on its storage as it was seen; is it mounted here? Else try again soon'
        ) from None


def part_of(asked: str, size: int) -> tuple[int, int, int] | None:
    """Return start, length and status for a Range header; None where the range cannot be satisfied.

    Several ranges, and headers that are no byte range, get the whole file, as HTTP allows.
    """
    found = ONE_RANGE.fullmatch(asked.strip())
    if found is None or found[0] == "bytes=-":
        return 0, size, 200
    first, last = found[1], found[2]
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return 0, size, 200
    return (start, end - start + 1, 206) if start <= end else None


def send_archive(call: OpenCall, ticket: Ticket) -> Response:
    """Return the response with all files of a format as an archive; without ranges, as its size is not known before."""
    archive = call.transact(lambda session: plan_archive(session, ticket))
    headers = {"Accept-Ranges": "none", "Content-Disposition": attachment(f"{archive.title}.zip")}
    body = archive_pieces(call.context.sessions, ticket, archive, call.context.timing)
    return Download(body, 200, headers)
