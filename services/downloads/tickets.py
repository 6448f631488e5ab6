"""Signed download URLs: each opens one file, or one format as an archive, for a limited time, without headers.

A URL contains a signed ticket: the sign-in it was issued for and its target. Tickets are not stored. When a ticket is
opened, and repeatedly while bytes are sent, its sign-in must still exist in the same generation, and its user or share
must still have the right. So revoking a share ends its running downloads.
"""

import base64
import binascii
import struct
import time
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Uuid, and_, cast, exists, func, or_, select
from sqlalchemy.orm import Session

from media.sandbox.safe_open import SourceFile
from models.access.acl import Actor, ShareRight, is_format_visible
from models.access.user import Token
from models.catalog.asset import Asset, Component, ComponentType, FileSet, FileSetFile, Format, FormatRole
from models.catalog.file import File, Folder, read_folder_paths
from models.catalog.history import Operation
from models.catalog.storage import Storage
from models.core.paths import join_path
from services.catalog.assets.assets import find_asset
from services.catalog.assets.formats import TRANSCODED_RULE, find_visible_format
from services.core.actors import find_actor
from services.core.errors import NotFound, PermissionDenied, require_found
from services.core.history import record_history
from services.core.signing_key import SigningKey
from services.shares.guests import count_guest_download, find_guest_by_token

TICKET_SECONDS = 3600
DOWNLOAD_TICKET_PURPOSE = "download"
TICKET_LAYOUT = struct.Struct(">B16s16s16sQ")
TICKET_SIGNATURE_BYTES = 32
FILE_TICKET, FORMAT_TICKET = 1, 2
PLAYBACK_TICKET = 4
"""A rendition to be shown in the page. Who sees a format may watch what was made of it, also without downloads."""
PLAYBACK_SECONDS = 12 * 3600
"""As long as a guest's sign-in, so that a player that was paused goes on."""


class InvalidTicket(NotFound):
    """An invalid ticket; the response is the same for every reason."""

    def __init__(self) -> None:
        super().__init__("download", "of this address")


@dataclass(frozen=True, slots=True)
class DownloadTicket:
    """Contents of a signed URL."""

    kind: int
    """`FILE_TICKET`, `FORMAT_TICKET`, `PICTURE_TICKET` or `PLAYBACK_TICKET`."""
    token_id: uuid.UUID
    """The sign-in that the ticket was issued for, of a user or a guest."""
    asset_id: uuid.UUID
    object_id: uuid.UUID
    until: int
    """Expiry in seconds since 1970."""

    def write(self, key: SigningKey) -> str:
        """Sign and encode the ticket as the last part of a URL."""
        parts = (self.token_id.bytes, self.asset_id.bytes, self.object_id.bytes)
        content = TICKET_LAYOUT.pack(self.kind, *parts, self.until)
        return base64.urlsafe_b64encode(content + key.sign(DOWNLOAD_TICKET_PURPOSE, content)).decode().rstrip("=")


def parse_ticket(key: SigningKey, text: str) -> DownloadTicket:
    """Decode a ticket. Raises InvalidTicket if the signature is wrong or it has expired."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidTicket from None
    content, signature = raw[:-TICKET_SIGNATURE_BYTES], raw[-TICKET_SIGNATURE_BYTES:]
    if len(content) != TICKET_LAYOUT.size or not key.is_signed(DOWNLOAD_TICKET_PURPOSE, content, signature):
        raise InvalidTicket
    kind, token, asset, target, until = TICKET_LAYOUT.unpack(content)
    if until < time.time():
        raise InvalidTicket
    return DownloadTicket(kind, uuid.UUID(bytes=token), uuid.UUID(bytes=asset), uuid.UUID(bytes=target), until)


def create_file_ticket(
    session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, token_id: uuid.UUID, actor: Actor
) -> DownloadTicket:
    """Create a ticket for a file on a storage that the actor may download."""
    asset = find_asset(session, actor, asset_id)
    find_downloadable_source(session, actor, asset, file_id)
    return DownloadTicket(FILE_TICKET, token_id, asset.id, file_id, int(time.time()) + TICKET_SECONDS)


def create_format_ticket(
    session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, token_id: uuid.UUID, actor: Actor
) -> DownloadTicket:
    """Create a ticket for all files of a format that the actor may download."""
    asset = find_asset(session, actor, asset_id)
    found = find_downloadable_format(session, actor, asset, format_id)
    stored = exists().where(FileSet.format_id == found.id, FileSetFile.file_set_id == FileSet.id)
    if not session.scalar(select(stored)):
        raise NotFound("file on a storage", f'of the format "{found.name}"')
    return DownloadTicket(FORMAT_TICKET, token_id, asset.id, format_id, int(time.time()) + TICKET_SECONDS)


def find_ticket_holder(session: Session, ticket: DownloadTicket) -> Actor:
    """Return the actor that a ticket was issued for, with its current rights."""
    user_id = session.scalar(
        select(Token.user_id).where(
            Token.id == ticket.token_id, or_(Token.expires_at.is_(None), Token.expires_at > func.now())
        )
    )
    if user_id is not None:
        actor = find_actor(session, user_id)
    else:
        share = find_guest_by_token(session, ticket.token_id)
        actor = share.actor if share is not None else None
    if actor is None:
        raise InvalidTicket
    return actor


def can_download(actor: Actor, role: FormatRole) -> bool:
    """Return whether the actor may download a format of this role: a user may if the asset is readable, a guest by the
    rights of the share, which may be limited to transcodes.
    """
    if actor.guest is None or ShareRight.DOWNLOAD in actor.guest.allows:
        return True
    return role == FormatRole.TRANSCODE and ShareRight.DOWNLOAD_PROXY in actor.guest.allows


def find_downloadable_format(session: Session, actor: Actor, asset: Asset, format_id: uuid.UUID) -> Format:
    """Return a format of the asset that the actor may see and download."""
    found = find_visible_format(session, actor, asset, format_id)
    if not can_download(actor, found.role):
        raise PermissionDenied("this share does not allow downloads of it")
    return found


def find_downloadable_source(session: Session, actor: Actor, asset: Asset, file_id: uuid.UUID) -> SourceFile:
    """Return the location of a file of the asset. Raises an error if the actor may not download it."""
    format_id, source = _find_source(session, asset, file_id, is_format_visible(actor, FileSet.format_id))
    find_downloadable_format(session, actor, asset, format_id)
    return source


def is_rendition_visible(actor: Actor) -> ColumnElement[bool]:
    """Return SQL that is true for a rendition of a format that `actor` may see, also if it was made after the share."""
    source = cast(Format.media["transcode"]["format"].astext, Uuid)
    return and_(
        Format.rule == TRANSCODED_RULE, or_(is_format_visible(actor, Format.id), is_format_visible(actor, source))
    )


def find_playable_source(session: Session, actor: Actor, asset: Asset, file_id: uuid.UUID) -> SourceFile:
    """Return the location of a rendition that the actor may watch."""
    return _find_source(session, asset, file_id, is_rendition_visible(actor))[1]


def _find_source(
    session: Session, asset: Asset, file_id: uuid.UUID, is_visible: ColumnElement[bool]
) -> tuple[uuid.UUID, SourceFile]:
    """Return the format and the location of a file of the asset."""
    row = session.execute(
        select(FileSet.format_id, File, Storage.root)
        .join(Format, Format.id == FileSet.format_id)
        .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
        .join(File, File.id == FileSetFile.file_id)
        .join(Folder, Folder.id == File.folder_id)
        .join(Storage, Storage.id == Folder.storage_id)
        .where(File.id == file_id, FileSet.asset_id == asset.id, is_visible)
    ).first()
    format_id, file, root = require_found(row, "file on a storage", file_id)
    return format_id, build_source(root, read_folder_paths(session, [file.folder_id])[file.folder_id], file)


def build_source(root: bytes, folder: bytes, file: File) -> SourceFile:
    """Build the source of a file in a folder."""
    return SourceFile(root, join_path(folder, file.name), file.size, file.mtime_ns)


def open_file_ticket(session: Session, ticket: DownloadTicket, *, from_start: bool) -> SourceFile:
    """Return the file of a ticket; a read from its start is counted and recorded as a download."""
    actor = find_ticket_holder(session, ticket)
    asset = find_asset(session, actor, ticket.asset_id)
    source = find_downloadable_source(session, actor, asset, ticket.object_id)
    if from_start:
        _record_download(session, asset, f'the file "{source.name}" was downloaded', actor)
    return source


@dataclass(frozen=True, slots=True)
class PlayableFile:
    """A rendition to be shown, and how browsers name its kind."""

    source: SourceFile
    media_type: str


def open_playback_ticket(session: Session, ticket: DownloadTicket) -> PlayableFile:
    """Return the rendition of a ticket; watching is no download and leaves no history."""
    actor = find_ticket_holder(session, ticket)
    asset = find_asset(session, actor, ticket.asset_id)
    source = find_playable_source(session, actor, asset, ticket.object_id)
    has_picture = session.scalar(
        select(
            exists().where(
                FileSetFile.file_id == ticket.object_id,
                Component.file_set_id == FileSetFile.file_set_id,
                Component.type == ComponentType.VIDEO,
            )
        )
    )
    return PlayableFile(source, "video/mp4" if has_picture else "audio/mp4")


def open_format_ticket(session: Session, ticket: DownloadTicket) -> str:
    """Record a download of the format of a ticket, and return the title of its asset."""
    actor = find_ticket_holder(session, ticket)
    asset = find_asset(session, actor, ticket.asset_id)
    found = find_downloadable_format(session, actor, asset, ticket.object_id)
    _record_download(session, asset, f'the format "{found.name}" was downloaded as an archive', actor)
    return actor.guest.title if actor.guest and actor.guest.is_merged else asset.title


def _record_download(session: Session, asset: Asset, text: str, actor: Actor) -> None:
    record_history(session, asset.id, Operation.DOWNLOAD, text, actor)
    if actor.guest is not None:
        count_guest_download(session, actor.guest)


def require_valid_ticket(session: Session, ticket: DownloadTicket) -> None:
    """Raise an error if the sign-in, share or right of a running download has ended."""
    actor = find_ticket_holder(session, ticket)
    asset = find_asset(session, actor, ticket.asset_id)
    if ticket.kind == FILE_TICKET:
        find_downloadable_source(session, actor, asset, ticket.object_id)
    elif ticket.kind == PLAYBACK_TICKET:
        find_playable_source(session, actor, asset, ticket.object_id)
    else:
        find_downloadable_format(session, actor, asset, ticket.object_id)
