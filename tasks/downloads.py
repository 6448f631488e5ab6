"""Addresses that open one file for a while, for programs that fetch without headers, and the way to the file's bytes.

An address is signed with the digest of the token that asked for it: it ends when the token ends or is revoked, and the
rights of its user are asked again at the download. So nothing has to be kept.
"""

import hmac
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.acl import Actor
from models.asset import FileSet, FileSetFile
from models.file import File, Folder
from models.history import Operation
from models.paths import display_text, join_path
from models.storage import Storage
from models.user import Token, User, UserStatus
from tasks.actors import find_actor
from tasks.assets import find_asset
from tasks.files import FOLDER_PATHS
from tasks.history import record
from tasks.refusals import Conflict, Missing
from tasks.storages import is_inside

LASTS_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a signed address says."""

    token_id: uuid.UUID
    asset_id: uuid.UUID
    file_id: uuid.UUID
    until: int
    """Seconds since 1970."""

    def signature(self, digest: bytes) -> str:
        """What only the server can make, which alone knows the digest."""
        text = f"download {self.token_id} {self.asset_id} {self.file_id} {self.until}"
        return hmac.new(digest, text.encode(), "sha256").hexdigest()


def issue_ticket(
    session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, token_id: uuid.UUID, actor: Actor
) -> tuple[Ticket, str]:
    """A ticket for a file on a watched storage, with its signature; history tells who asked."""
    asset = find_asset(session, actor, asset_id)
    _, name = path_of(session, asset.id, file_id)
    ticket = Ticket(token_id, asset.id, file_id, int(time.time()) + LASTS_SECONDS)
    record(session, asset.id, Operation.DOWNLOAD, f'a download of the file "{name}" was asked for', actor)
    return ticket, ticket.signature(session.get_one(Token, token_id).digest)


def redeem(session: Session, ticket: Ticket, signature: str) -> tuple[Path, str]:
    """The path and name of the file that a ticket opens; whatever is wrong with it reads the same."""
    row = session.execute(
        select(Token.digest, User.id)
        .join(User, User.id == Token.user_id)
        .where(
            Token.id == ticket.token_id,
            User.status == UserStatus.ACTIVE,
            or_(Token.expires_at.is_(None), Token.expires_at > func.now()),
        )
    ).first()
    is_ours = row is not None and hmac.compare_digest(ticket.signature(row[0]), signature)
    if row is None or not is_ours or ticket.until < time.time():
        raise Missing("download", "of this address")
    actor = find_actor(session, row[1])
    if actor is None:
        raise Missing("download", "of this address")
    return path_of(session, find_asset(session, actor, ticket.asset_id).id, ticket.file_id)


def path_of(session: Session, asset_id: uuid.UUID, file_id: uuid.UUID) -> tuple[Path, str]:
    """Where a file of an asset is on this machine; never outside of its storage, whatever links lie on the way."""
    row = session.execute(
        select(Storage.root, Storage.name, File.folder_id, File.name)
        .join(Folder, Folder.id == File.folder_id)
        .join(Storage, Storage.id == Folder.storage_id)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(File.id == file_id, FileSet.asset_id == asset_id)
    ).first()
    if row is None:
        raise Missing("file on a storage", file_id)
    root, storage, folder_id, name = row
    folder = session.execute(FOLDER_PATHS, {"folders": [folder_id]}).one().path
    path = os.path.realpath(join_path(root, join_path(bytes(folder).removeprefix(b"/"), name)))
    if not is_inside(path, root) or not os.path.isfile(path):
        raise Conflict(f'the file "{display_text(name)}" is not on storage "{storage}" now; is it mounted here?')
    return Path(os.fsdecode(path)), display_text(name)
