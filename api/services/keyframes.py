"""Previews and renditions of assets, and requests to probe media or make previews again."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi.responses import FileResponse, Response
from sqlalchemy import func, select

from api.addresses import base_of
from api.bodies import Body, Count, Name
from api.call import Call, OpenCall
from api.pages import LastId, PerPage, cursor_envelope
from api.rendering import key, stamp
from api.routing import Service
from api.services.downloads import address_of
from models.asset import FileSet, Format
from models.media import Keyframe, MediaKind
from tasks.assets import find_asset
from tasks.downloads import FILE, LASTS_SECONDS, Ticket, may_download, read_ticket
from tasks.keyframes import (
    Proxy,
    ShownKeyframe,
    find_keyframe,
    keyframes_of,
    open_picture,
    picture_ticket,
    proxies_query,
    readable_keyframes,
    shown_proxies,
)
from tasks.media_jobs import TASKS, request_reading
from tasks.media_told import durations_of
from tasks.refusals import Conflict, Missing
from tasks.server_key import require_key

routes = Service("files")
KEPT_SECONDS = 86_400
HEADERS = {
    # The URL is signed for its reader, and the picture under it never changes.
    "Cache-Control": f"private, max-age={KEPT_SECONDS}, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class ReadingBody(Body):
    """Body that iconik's clients may send with such a request; only `priority` has an effect."""

    priority: Count | None = None
    job_id: Name | None = None


def _request(call: Call, kind: MediaKind, asset_id: UUID, file_id: UUID, priority: int | None) -> dict[str, Any]:
    job = request_reading(call.session, kind, asset_id, file_id, call.actor)
    if priority is not None:
        job.priority = min(priority, 10)
    call.ring(TASKS[kind], [job.id])
    return {"job_id": str(job.id)}


@routes.post("/assets/{asset_id}/files/{file_id}/mediainfo/", status=200)
def post_mediainfo(call: Call, asset_id: UUID, file_id: UUID, body: ReadingBody | None = None) -> dict[str, Any]:
    """Probe this file, and the files that belong to it, again."""
    return _request(call, MediaKind.HEADERS, asset_id, file_id, body.priority if body else None)


@routes.post("/assets/{asset_id}/files/{file_id}/keyframes/", status=200)
def post_file_keyframes(call: Call, asset_id: UUID, file_id: UUID, body: ReadingBody | None = None) -> dict[str, Any]:
    """Make the previews of this file, and of the files that belong to it, again."""
    return _request(call, MediaKind.PICTURES, asset_id, file_id, body.priority if body else None)


def keyframe_body(call: Call, shown: ShownKeyframe) -> dict[str, Any]:
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
        "url": _picture_address(call, shown),
        "upload_url": None,
        "upload_method": None,
        "date_created": stamp(row.date_created),
        "date_modified": stamp(row.date_created),
    }


def _picture_address(call: Call, shown: ShownKeyframe) -> str | None:
    """Return the signed URL of a picture; None where no signing key is configured."""
    server_key = call.context.outside.key
    if server_key is None or call.signed_in is None:
        return None
    ticket = picture_ticket(shown, call.signed_in.token_id).write(server_key)
    return f"{base_of(call.request)}/API/files/v1/pictures/{ticket}/"


def media_in_list(call: Call, assets: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Load duration and pictures of several assets, for lists."""
    durations = durations_of(call.session, assets)
    pictures = keyframes_of(call.session, call.actor, assets)
    return {
        asset_id: {
            "duration_milliseconds": durations.get(asset_id),
            "keyframes": [keyframe_body(call, shown) for shown in pictures.get(asset_id, ())],
        }
        for asset_id in assets
    }


@routes.get("/assets/{asset_id}/keyframes/", guests=True)
def get_keyframes(call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None) -> dict[str, Any]:
    """List the pictures of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    query = readable_keyframes(call.actor).where(FileSet.asset_id == asset.id)
    total = call.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    behind = query.where(Keyframe.id > last_id) if last_id else query
    rows = call.session.execute(behind.order_by(Keyframe.id).limit(per_page + 1))
    found = [ShownKeyframe(*row) for row in rows]
    return cursor_envelope(call, found, last_id, per_page, total, lambda some: [keyframe_body(call, s) for s in some])


@routes.get("/assets/{asset_id}/keyframes/{keyframe_id}/", guests=True)
def get_keyframe(call: Call, asset_id: UUID, keyframe_id: UUID) -> dict[str, Any]:
    """Return one picture of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    return keyframe_body(call, find_keyframe(call.session, call.actor, asset, keyframe_id))


@routes.get("/pictures/{ticket}/", public=True, own_transactions=True, unsupported=True)
def get_picture(call: OpenCall, ticket: str) -> Response:
    """Send the picture itself; clients may cache it."""
    read = read_ticket(require_key(call.context.outside.key), ticket)
    row = call.transact(lambda session: open_picture(session, read))
    path = call.context.media_folder / row.path
    if not path.is_file():
        raise Conflict("the picture is not in the media folder of this machine; have it made again")
    return FileResponse(path, media_type=row.media_type, headers=HEADERS)


def proxy_body(call: Call, proxy: Proxy) -> dict[str, Any]:
    """Serialise a rendition."""
    general, picture, sound = (proxy.media.get(kind, {}) for kind in ("GENERAL", "VIDEO", "AUDIO"))
    size = {"width": picture.get("width"), "height": picture.get("height")}
    return {
        "id": str(proxy.id),
        "asset_id": str(proxy.format.asset_id),
        "version_id": str(proxy.format.version_id),
        "format_id": str(proxy.format.id),
        "file_set_id": str(proxy.file_set.id),
        "file_id": key(proxy.file_id),
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
        "storage_id": key(proxy.file_set.storage_id),
        "storage_method": "FILE",
        "is_public": False,
        "url": _proxy_address(call, proxy),
        "upload_url": None,
        "upload_method": None,
        "date_created": stamp(proxy.format.date_created),
        "date_modified": stamp(proxy.format.date_modified),
    }


def _proxy_address(call: Call, proxy: Proxy) -> str | None:
    """Return the download URL of a rendition; None where the caller may not download it, or it has no file."""
    allowed = may_download(call.actor, proxy.format.role) and call.context.outside.key is not None
    if not allowed or proxy.file_id is None or not proxy.file_set.file_count:
        return None
    until = int(time.time()) + LASTS_SECONDS
    return address_of(call, Ticket(FILE, call.token.token_id, proxy.format.asset_id, proxy.file_id, until))


@routes.get("/assets/{asset_id}/proxies/")
def get_proxies(call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None) -> dict[str, Any]:
    """List the renditions of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    query = proxies_query(call.actor, asset)
    total = call.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    behind = query.where(Format.id > last_id) if last_id else query
    found = shown_proxies(call.session, call.session.execute(behind.limit(per_page + 1)).all())
    return cursor_envelope(call, found, last_id, per_page, total, lambda some: [proxy_body(call, one) for one in some])


@routes.get("/assets/{asset_id}/proxies/{proxy_id}/")
def get_proxy(call: Call, asset_id: UUID, proxy_id: UUID) -> dict[str, Any]:
    """Return one rendition of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    rows = call.session.execute(proxies_query(call.actor, asset).where(Format.id == proxy_id)).all()
    if not rows:
        raise Missing("proxy", proxy_id)
    return proxy_body(call, shown_proxies(call.session, rows)[0])
