"""Downloads: signed URLs that work for an hour without headers, and the responses to them."""

import logging
import re
from collections.abc import Generator, Mapping
from functools import partial
from urllib.parse import quote
from uuid import UUID

from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.routes.files.answers import DownloadUrlAnswer
from asgi.request_context import Call, SelfCommittingCall, public_base_url
from asgi.routing import RouteGroup
from media.sandbox.safe_open import SourceChangedError, SourceFile, open_source_file
from services.core.errors import Conflict
from services.core.signing_key import require_signing_key
from services.downloads.archives import plan_archive
from services.downloads.streaming import (
    DownloadEndedError,
    DownloadHashing,
    TicketGuard,
    store_download_digest,
    stream_archive,
    stream_file,
)
from services.downloads.tickets import (
    FILE_TICKET,
    FORMAT_TICKET,
    PLAYBACK_TICKET,
    DownloadTicket,
    InvalidTicket,
    create_file_ticket,
    create_format_ticket,
    open_file_ticket,
    open_playback_ticket,
    parse_ticket,
)

routes = RouteGroup("files")
log = logging.getLogger("tapeless.api")
SINGLE_RANGE_PATTERN = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
UNSAFE_FILENAME_CHARACTERS = '"\\%/'
DOWNLOAD_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class DownloadResponse(StreamingResponse):
    """Streaming response that may abort: the client then sees a connection closed too early, not a complete file.

    The source is closed even if the client disconnects early.
    """

    def __init__(
        self, content: Generator[bytes, None, None], status: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        self._content = content
        super().__init__(content, status, {**DOWNLOAD_HEADERS, **headers}, media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except DownloadEndedError as ended:
            log.warning("a download broke off: %s", ended)
        finally:
            self._content.close()


@routes.get("/assets/{asset_id}/files/{file_id}/download_url/", guests=True, needs_signing_key=True, errors=(403,))
def get_download_url(call: Call, asset_id: UUID, file_id: UUID) -> DownloadUrlAnswer:
    """Return a URL of this file that is valid for an hour, at most until the caller's token ends."""
    ticket = create_file_ticket(call.session, asset_id, file_id, call.token.token_id, call.actor)
    return {"url": build_download_url(call, ticket)}


@routes.get(
    "/assets/{asset_id}/formats/{format_id}/download_url/",
    guests=True,
    needs_signing_key=True,
    errors=(403,),
    is_extension=True,
)
def get_archive_url(call: Call, asset_id: UUID, format_id: UUID) -> DownloadUrlAnswer:
    """Return a URL of all files of this format as one archive, packed while it is sent."""
    ticket = create_format_ticket(call.session, asset_id, format_id, call.token.token_id, call.actor)
    return {"url": build_download_url(call, ticket)}


def build_download_url(call: Call, ticket: DownloadTicket) -> str:
    """Return the download URL of a ticket, on the base URL of this request."""
    signed = ticket.write(require_signing_key(call.context.outside.key))
    return f"{public_base_url(call)}/API/files/v1/downloads/{signed}/"


@routes.get(
    "/downloads/{ticket}/",
    public=True,
    own_transactions=True,
    other=206,
    media_types=("application/octet-stream", "application/zip"),
    errors=(403, 409),
    needs_signing_key=True,
    is_extension=True,
)
def get_download(call: SelfCommittingCall, ticket: str) -> Response:
    """Send the file of a ticket, or the requested range of it, or an archive."""
    read = parse_ticket(require_signing_key(call.context.outside.key), ticket)
    return send_archive(call, read) if read.kind == FORMAT_TICKET else send_file(call, read)


@routes.get(
    "/playback/{ticket}/",
    public=True,
    own_transactions=True,
    other=206,
    media_types=("video/*", "audio/*", "image/*"),
    errors=(409,),
    needs_signing_key=True,
    is_extension=True,
)
def get_playback(call: SelfCommittingCall, ticket: str) -> Response:
    """Send the rendition of a ticket, or the requested range of it, to be played in a page."""
    read = parse_ticket(require_signing_key(call.context.outside.key), ticket)
    if read.kind != PLAYBACK_TICKET:
        raise InvalidTicket
    found = call.transact(lambda session: open_playback_ticket(session, read))
    return send_source(call, read, found.source, {"Content-Disposition": "inline"}, found.media_type)


def send_file(call: SelfCommittingCall, ticket: DownloadTicket) -> Response:
    """Return the response with a file, as a download, or one range of it."""
    if ticket.kind != FILE_TICKET:
        raise InvalidTicket
    asked = call.request.headers.get("range", "")
    from_start = not asked or asked.startswith("bytes=0-")
    source = call.transact(lambda session: open_file_ticket(session, ticket, from_start=from_start))
    named = {"Content-Disposition": content_disposition(source.name)}
    return send_source(call, ticket, source, named, "application/octet-stream")


def send_source(
    call: SelfCommittingCall, ticket: DownloadTicket, source: SourceFile, headers: Mapping[str, str], media_type: str
) -> Response:
    """Return the response with a file that was opened by a ticket, or with the range that the request asks for."""
    asked = call.request.headers.get("range", "")
    tag = f'"{source.mtime_ns:x}-{source.size:x}"'
    if call.request.headers.get("if-range", tag) != tag:
        asked = ""
    headers = {**headers, "Accept-Ranges": "bytes", "ETag": tag}
    part = parse_byte_range(asked, source.size)
    if part is None:
        return Response(status_code=416, headers={**DOWNLOAD_HEADERS, "Content-Range": f"bytes */{source.size}"})
    start, length, status = part
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{source.size}"
    headers["Content-Length"] = str(length)
    hashing = None
    if length == source.size:
        hashing = DownloadHashing(ticket.object_id, source, partial(store_download_digest, call.context.sessions))
    guard = TicketGuard(call.context.sessions, ticket, call.context.timing)
    body = stream_file(open_download_source(source), start, length, guard, hashing)
    return DownloadResponse(body, status, headers, media_type)


def open_download_source(source: SourceFile) -> int:
    """Open the file and return its descriptor.

    Raises:
        Conflict: the file is missing, or not the one that the watcher recorded.
    """
    try:
        return open_source_file(source)
    except (SourceChangedError, OSError):
        raise Conflict(
            f'the file "{source.name}" is gone from its storage, or changed and is not recorded yet; '
            "if the storage is mounted here, try again soon"
        ) from None


def parse_byte_range(asked: str, size: int) -> tuple[int, int, int] | None:
    """Return start, length and status for a Range header; None where the range cannot be satisfied.

    Several ranges, and headers that are no byte range, get the whole file, as HTTP allows.
    """
    found = SINGLE_RANGE_PATTERN.fullmatch(asked.strip())
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


def send_archive(call: SelfCommittingCall, ticket: DownloadTicket) -> Response:
    """Return the response with all files of a format as an archive; without ranges, as its size is not known before."""
    archive = call.transact(lambda session: plan_archive(session, ticket))
    headers = {"Accept-Ranges": "none", "Content-Disposition": content_disposition(f"{archive.title}.zip")}
    body = stream_archive(call.context.sessions, ticket, archive, call.context.timing)
    return DownloadResponse(body, 200, headers, "application/zip")


def content_disposition(name: str) -> str:
    """Build a `Content-Disposition` value with the name in ASCII for old clients and in UTF-8 (RFC 6266)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in UNSAFE_FILENAME_CHARACTERS else "_"
        for letter in name
    )
    whole = name.replace("/", "_").replace("\\", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(whole, safe='')}"
