"""Previews and renditions of assets, and requests to probe media or make previews again."""

import time
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi.responses import FileResponse, Response
from pydantic import Field

from api.routes.files.answers import KeyframeAnswer, MediaSummaryAnswer, PictureSizeAnswer, ProxyAnswer
from api.routes.files.downloads import DOWNLOAD_HEADERS, build_download_url
from asgi.answers import JobIdAnswer, PageAnswer
from asgi.body_base import Body, Count, ShortText
from asgi.pagination import MAX_PAGE_SIZE, LastId, PerPage, paginate_by_cursor
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call, SelfCommittingCall, public_base_url
from asgi.routing import RouteGroup, SharedEndpoint
from models.catalog.asset import FileSet, Format, Keyframe
from models.queues.media_queue import MediaKind
from services.catalog.assets.assets import find_asset
from services.catalog.assets.formats import load_asset_durations
from services.core.errors import Conflict, NotFound, require_administrator
from services.core.signing_key import require_signing_key
from services.downloads.previews import (
    KeyframeView,
    ProxyView,
    build_proxy_views,
    create_picture_ticket,
    find_keyframe,
    load_keyframes,
    open_picture_ticket,
    select_proxies,
    select_readable_keyframes,
)
from services.downloads.tickets import FILE_TICKET, TICKET_SECONDS, DownloadTicket, can_download, parse_ticket
from services.media.jobs import create_reread_job
from services.media.rebuild import start_media_rebuild

routes = RouteGroup("files")
REBUILD_MEDIA_ACTION = "have media made again"
PICTURE_CACHE_SECONDS = 86_400
# The URL is signed for its reader, and the picture under it never changes.
PICTURE_HEADERS = {**DOWNLOAD_HEADERS, "Cache-Control": f"private, max-age={PICTURE_CACHE_SECONDS}, immutable"}


class MediaReadBody(Body):
    """Body that iconik's clients may send with such a request; only `priority` has an effect."""

    priority: Count | None = None
    job_id: ShortText | None = None


@routes.post(
    "/assets/{asset_id}/files/{file_id}/mediainfo/",
    SharedEndpoint(
        "post_mediainfo",
        "Probe this file, and the files that belong to it, again.",
        {"kind": MediaKind.HEADERS},
    ),
    status=200,
)
@routes.post(
    "/assets/{asset_id}/files/{file_id}/keyframes/",
    SharedEndpoint(
        "post_file_keyframes",
        "Make the previews of this file, and of the files that belong to it, again.",
        {"kind": MediaKind.PICTURES},
    ),
    status=200,
)
def post_media_read(
    call: Call, asset_id: UUID, file_id: UUID, kind: MediaKind, body: MediaReadBody | None = None
) -> JobIdAnswer:
    """Read the media of a file, and of the files that belong to it, again."""
    job = create_reread_job(call.session, kind, asset_id, file_id, call.actor)
    if body is not None and body.priority is not None:
        job.priority = min(body.priority, 10)
    return call.start_job(job)


class MediaRebuildBody(Body):
    """What is made again: everything of these assets or of all, or what is missing of it."""

    asset_ids: Annotated[list[UUID], Field(fail_fast=True, min_length=1, max_length=MAX_PAGE_SIZE)] | None = None
    only_missing: bool = False


@routes.post("/media/rebuild/", status=200, is_extension=True)
def post_media_rebuild(call: Call, body: MediaRebuildBody) -> JobIdAnswer:
    """Start a job that has headers, previews and renditions made again."""
    require_administrator(call.actor, REBUILD_MEDIA_ACTION)
    ids = body.asset_ids and [find_asset(call.session, call.actor, one).id for one in sorted(set(body.asset_ids))]
    return call.start_job(start_media_rebuild(call.session, call.actor, ids, only_missing=body.only_missing))


def serialize_keyframe(call: Call, shown: KeyframeView) -> KeyframeAnswer:
    """Serialise a picture, with a URL that a browser can open."""
    row = shown.row
    return {
        "id": str(row.id),
        "asset_id": str(shown.asset_id),
        "version_id": str(shown.asset_id),
        "format_id": str(shown.format_id),
        "file_set_id": str(row.file_set_id),
        "type": row.type,
        # Guests do not see file names.
        "name": shown.name if call.actor.guest is None else row.type.lower(),
        "filename": row.path.rpartition("/")[2],
        "format": row.media_type.partition("/")[2],
        "size": row.size_bytes,
        "resolution": {"width": row.width, "height": row.height},
        "rotation": 0,
        "status": "CLOSED",
        "storage_id": None,
        "storage_method": "FILE",
        "is_public": False,
        "is_custom_keyframe": False,
        "time_code": None,
        "details": row.details,
        "url": _build_picture_url(call, shown),
        "upload_url": None,
        "upload_method": None,
        "date_created": format_datetime(row.date_created),
        "date_modified": format_datetime(row.date_created),
    }


def _build_picture_url(call: Call, shown: KeyframeView) -> str | None:
    """Return the signed URL of a picture; None where no signing key is configured."""
    server_key = call.context.outside.key
    if server_key is None or call.signed_in is None:
        return None
    ticket = create_picture_ticket(shown, call.signed_in.token_id).write(server_key)
    return f"{public_base_url(call)}/API/files/v1/pictures/{ticket}/"


def load_media_summaries(call: Call, assets: Sequence[UUID]) -> dict[UUID, MediaSummaryAnswer]:
    """Load duration and pictures of several assets, for lists."""
    durations = load_asset_durations(call.session, assets)
    pictures = load_keyframes(call.session, call.actor, assets)
    return {
        asset_id: {
            "duration_milliseconds": durations.get(asset_id),
            "keyframes": [serialize_keyframe(call, shown) for shown in pictures.get(asset_id, ())],
        }
        for asset_id in assets
    }


@routes.get("/assets/{asset_id}/keyframes/", guests=True)
def get_keyframes(
    call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None
) -> PageAnswer[KeyframeAnswer]:
    """List the pictures of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    return paginate_by_cursor(
        call,
        select_readable_keyframes(call.actor).where(FileSet.asset_id == asset.id),
        Keyframe.id,
        last_id,
        per_page,
        lambda call, some: [serialize_keyframe(call, one) for one in some],
        build=lambda rows: [KeyframeView(*row) for row in rows],
    )


@routes.get("/assets/{asset_id}/keyframes/{keyframe_id}/", guests=True)
def get_keyframe(call: Call, asset_id: UUID, keyframe_id: UUID) -> KeyframeAnswer:
    """Return one picture of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    return serialize_keyframe(call, find_keyframe(call.session, call.actor, asset, keyframe_id))


@routes.get(
    "/pictures/{ticket}/",
    public=True,
    own_transactions=True,
    media_types=("image/*",),
    errors=(409,),
    needs_signing_key=True,
    is_extension=True,
)
def get_picture(call: SelfCommittingCall, ticket: str) -> Response:
    """Send the picture itself; clients may cache it."""
    read = parse_ticket(require_signing_key(call.context.outside.key), ticket)
    row = call.transact(lambda session: open_picture_ticket(session, read))
    path = call.context.media_folder / row.path
    if not path.is_file():
        raise Conflict("the picture is not in the media folder of this machine; have it made again")
    return FileResponse(path, media_type=row.media_type, headers=PICTURE_HEADERS)


def serialize_proxy(call: Call, proxy: ProxyView) -> ProxyAnswer:
    """Serialise a rendition."""
    general, picture, sound = (proxy.media.get(kind, {}) for kind in ("GENERAL", "VIDEO", "AUDIO"))
    size: PictureSizeAnswer = {"width": picture.get("width", 0), "height": picture.get("height", 0)}
    return {
        "id": str(proxy.id),
        "asset_id": str(proxy.format.asset_id),
        "version_id": str(proxy.format.version_id),
        "format_id": str(proxy.format.id),
        "file_set_id": str(proxy.file_set.id),
        "file_id": optional_id(proxy.file_id),
        "name": proxy.format.name,
        "filename": proxy.file_set.name,
        "format": general.get("container"),
        "codec": picture.get("codec") or sound.get("codec"),
        "bit_rate": general.get("bit_rate"),
        "frame_rate": picture.get("frame_rate"),
        "resolution": size if picture.get("width") else None,
        "audio_bitrate": sound.get("bit_rate"),
        "audio_channels": sound.get("channels"),
        "is_multichannel": (sound.get("channels") or 0) > 2,
        "start_time_code": general.get("timecode_start"),
        "size": proxy.file_set.size_bytes,
        "status": "CLOSED" if proxy.file_set.file_count else "MISSING",
        "storage_id": optional_id(proxy.file_set.storage_id),
        "storage_method": "FILE",
        "is_public": False,
        "url": _build_proxy_url(call, proxy),
        "upload_url": None,
        "upload_method": None,
        "date_created": format_datetime(proxy.format.date_created),
        "date_modified": format_datetime(proxy.format.date_modified),
    }


def _build_proxy_url(call: Call, proxy: ProxyView) -> str | None:
    """Return the download URL of a rendition; None where the caller may not download it, or it has no file."""
    allowed = can_download(call.actor, proxy.format.role) and call.context.outside.key is not None
    if not allowed or proxy.file_id is None or not proxy.file_set.file_count:
        return None
    until = int(time.time()) + TICKET_SECONDS
    return build_download_url(
        call, DownloadTicket(FILE_TICKET, call.token.token_id, proxy.format.asset_id, proxy.file_id, until)
    )


@routes.get("/assets/{asset_id}/proxies/")
def get_proxies(call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None) -> PageAnswer[ProxyAnswer]:
    """List the renditions of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    return paginate_by_cursor(
        call,
        select_proxies(call.actor, asset),
        Format.id,
        last_id,
        per_page,
        lambda call, some: [serialize_proxy(call, one) for one in some],
        build=lambda rows: build_proxy_views(call.session, rows),
    )


@routes.get("/assets/{asset_id}/proxies/{proxy_id}/")
def get_proxy(call: Call, asset_id: UUID, proxy_id: UUID) -> ProxyAnswer:
    """Return one rendition of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    rows = call.session.execute(select_proxies(call.actor, asset).where(Format.id == proxy_id)).all()
    if not rows:
        raise NotFound("proxy", proxy_id)
    return serialize_proxy(call, build_proxy_views(call.session, rows)[0])
