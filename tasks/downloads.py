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

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from media.sources import Source
from models.acl import Actor, opens_format
from models.asset import Asset, FileSet, FileSetFile, Format, FormatRole
from models.file import File, Folder
from models.history import Operation
from models.paths import join_path
from models.share import ShareRight
from models.storage import Storage
from models.user import Token
from tasks.actors import find_actor
from tasks.assets import find_asset
from tasks.files import FOLDER_PATHS
from tasks.formats import find_visible_format
from tasks.history import record
from tasks.refusals import Denied, Missing
from tasks.server_key import ServerKey
from tasks.share_guests import count_download, find_guest_by_token

LASTS_SECONDS = 3600
PURPOSE = "download"
LAYOUT = struct.Struct(">B16s16s16sQ")
SIGNATURE_BYTES = 32
FILE, FORMAT = 1, 2


class NoSuchDownload(Missing):
    """An invalid ticket; the response is the same for every reason."""

    def __init__(self) -> None:
        super().__init__("download", "of this address")


@dataclass(frozen=True, slots=True)
class Ticket:
    """Contents of a signed URL."""

    kind: int
    """`FILE_TICKET`, `FORMAT_TICKET` or `PICTURE_TICKET`."""
    token_id: uuid.UUID
    """The sign-in that the ticket was issued for, of a user or a guest."""
    asset_id: uuid.UUID
    object_id: uuid.UUID
    until: int
    """Expiry in seconds since 1970."""

    def write(self, key: ServerKey) -> str:
        """Sign and encode the ticket as the last part of a URL."""
        parts = (self.token_id.bytes, self.asset_id.bytes, self.object_id.bytes)
        content = LAYOUT.pack(self.kind, *parts, self.until)
        return base64.urlsafe_b64encode(content + key.sign(PURPOSE, content)).decode().rstrip("=")


def read_ticket(key: ServerKey, text: str) -> Ticket:
    """Decode a ticket. Raises InvalidTicket if the signature is wrong or it has expired."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise NoSuchDownload from None
    content, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    if len(content) != LAYOUT.size or not key.is_signed(PURPOSE, content, signature):
        raise NoSuchDownload
    kind, token, asset, target, until = LAYOUT.unpack(content)
    if until < time.time():
        raise NoSuchDownload
    return Ticket(kind, uuid.UUID(bytes=token), uuid.UUID(bytes=asset), uuid.UUID(bytes=target), until)


def file_ticket(session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, token_id: uuid.UUID, actor: Actor) -> Ticket:
    """Create a ticket for a file on a storage that the actor may download."""
    asset = find_asset(session, actor, asset_id)
    find_source(session, actor, asset, file_id)
    return Ticket(FILE, token_id, asset.id, file_id, int(time.time()) + LASTS_SECONDS)


def format_ticket(
    session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, token_id: uuid.UUID, actor: Actor
) -> Ticket:
    """Create a ticket for all files of a format that the actor may download."""
    asset = find_asset(session, actor, asset_id)
    found = find_downloadable(session, actor, asset, format_id)
    stored = exists().where(FileSet.format_id == found.id, FileSetFile.file_set_id == FileSet.id)
    if not session.scalar(select(stored)):
        raise Missing("file on a storage", f'of the format "{found.name}"')
    return Ticket(FORMAT, token_id, asset.id, format_id, int(time.time()) + LASTS_SECONDS)


def holder_of(session: Session, ticket: Ticket) -> Actor:
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
        raise NoSuchDownload
    return actor


def may_download(actor: Actor, role: FormatRole) -> bool:
    """Return whether the actor may download a format of this role: a user may if the asset is readable, a guest by the
    rights of the share, which may be limited to transcodes.
    """
    if actor.guest is None or ShareRight.DOWNLOAD in actor.guest.allows:
        return True
    return role == FormatRole.TRANSCODE and ShareRight.DOWNLOAD_PROXY in actor.guest.allows


def find_downloadable(session: Session, actor: Actor, asset: Asset, format_id: uuid.UUID) -> Format:
    """Return a format of the asset that the actor may see and download."""
    found = find_visible_format(session, actor, asset, format_id)
    if not may_download(actor, found.role):
        raise Denied("this share does not allow downloads of it")
    return found


def find_source(session: Session, actor: Actor, asset: Asset, file_id: uuid.UUID) -> Source:
    """Return the location of a file of the asset. Raises an error if the actor may not download it."""
    row = session.execute(
        select(FileSet.format_id, File, Storage.root)
        .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
        .join(File, File.id == FileSetFile.file_id)
        .join(Folder, Folder.id == File.folder_id)
        .join(Storage, Storage.id == Folder.storage_id)
        .where(File.id == file_id, FileSet.asset_id == asset.id, opens_format(actor, FileSet.format_id))
    ).first()
    if row is None:
        raise Missing("file on a storage", file_id)
    format_id, file, root = row
    find_downloadable(session, actor, asset, format_id)
    folder = session.execute(FOLDER_PATHS, {"folders": [file.folder_id]}).one().path
    return source_of(root, bytes(folder), file)


def source_of(root: bytes, folder: bytes, file: File) -> Source:
    """Build the source of a file in a folder."""
    return Source(root, join_path(folder.removeprefix(b"/"), file.name), file.size, file.mtime_ns)


def open_file(session: Session, ticket: Ticket, *, from_start: bool) -> Source:
    """Return the file of a ticket; a read from its start is counted and recorded as a download."""
    actor = holder_of(session, ticket)
    asset = find_asset(session, actor, ticket.asset_id)
    source = find_source(session, actor, asset, ticket.object_id)
    if from_start:
        _tell(session, asset, f'the file "{source.name}" was downloaded', actor)
    return source


def open_format(session: Session, ticket: Ticket) -> str:
    """Record a download of the format of a ticket, and return the title of its asset."""
    actor = holder_of(session, ticket)
    asset = find_asset(session, actor, ticket.asset_id)
    found = find_downloadable(session, actor, asset, ticket.object_id)
    _tell(session, asset, f'the format "{found.name}" was downloaded as an archive', actor)
    return actor.guest.title if actor.guest and actor.guest.is_merged else asset.title


def _tell(session: Session, asset: Asset, text: str, actor: Actor) -> None:
    record(session, asset.id, Operation.DOWNLOAD, text, actor)
    if actor.guest is not None:
        count_download(session, actor.guest)


def refuse_ended(session: Session, ticket: Ticket) -> None:
    """Raise an error if the sign-in, share or right of a running download has ended."""
    actor = holder_of(session, ticket)
    asset = find_asset(session, actor, ticket.asset_id)
    if ticket.kind == FILE:
        find_source(session, actor, asset, ticket.object_id)
    else:
        find_downloadable(session, actor, asset, ticket.object_id)
