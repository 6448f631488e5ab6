"""Posters, keyframe maps and proxies as clients see them, and signed URLs for pictures.

Browsers fetch pictures without headers, so their URLs are signed like those of downloads: with the caller's sign-in,
for one to two hours, and checked again when they are opened. URLs made within one hour are equal, so that browsers can
cache the pictures.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, is_format_visible
from models.catalog.asset import Asset, Component, FileSet, FileSetFile, Format, FormatRole, Keyframe, KeyframeType
from models.core.statements import AnyRow, AnySelect
from services.catalog.assets.assets import find_asset
from services.core.errors import require_found
from services.downloads.tickets import TICKET_SECONDS, DownloadTicket, InvalidTicket, find_ticket_holder

PICTURE_TICKET = 3
"""Kind of ticket, beside `FILE_TICKET` and `FORMAT_TICKET`."""
KEYFRAME_ROLE_ORDER = {FormatRole.ORIGINAL: 0, FormatRole.TRANSCODE: 1, FormatRole.SIDECAR: 2}
KEYFRAME_TYPE_ORDER = {KeyframeType.POSTER: 0, KeyframeType.KEYFRAME: 1, KeyframeType.KEYFRAME_MAP: 2}


@dataclass(frozen=True, slots=True)
class KeyframeView:
    """A picture, with the asset and file set that it shows."""

    row: Keyframe
    asset_id: uuid.UUID
    name: str
    """Name of the file set."""
    format_id: uuid.UUID
    role: FormatRole

    @property
    def id(self) -> uuid.UUID:
        """The pagination key."""
        return self.row.id


def select_readable_keyframes(actor: Actor) -> AnySelect:
    """Select pictures of formats that the actor may see; the caller has checked the assets."""
    return (
        select(Keyframe, FileSet.asset_id, FileSet.name, FileSet.format_id, Format.role)
        .join(FileSet, FileSet.id == Keyframe.file_set_id)
        .join(Format, Format.id == FileSet.format_id)
        .where(is_format_visible(actor, Format.id))
    )


def load_keyframes(session: Session, actor: Actor, assets: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[KeyframeView]]:
    """Load the pictures of assets in one query, by asset id: originals first, posters before maps."""
    rows = session.execute(select_readable_keyframes(actor).where(FileSet.asset_id.in_(assets)))
    found: dict[uuid.UUID, list[KeyframeView]] = defaultdict(list)
    for row in rows:
        found[row.asset_id].append(KeyframeView(*row))
    for some in found.values():
        some.sort(
            key=lambda one: (KEYFRAME_ROLE_ORDER[one.role], one.row.file_set_id, KEYFRAME_TYPE_ORDER[one.row.type])
        )
    return found


def find_keyframe(session: Session, actor: Actor, asset: Asset, keyframe_id: uuid.UUID) -> KeyframeView:
    """Return one picture of an asset. Raises NotFound if it does not exist."""
    query = select_readable_keyframes(actor).where(Keyframe.id == keyframe_id, FileSet.asset_id == asset.id)
    return KeyframeView(*require_found(session.execute(query).first(), "keyframe", keyframe_id))


def create_picture_ticket(shown: KeyframeView, token_id: uuid.UUID) -> DownloadTicket:
    """Create a ticket for a picture; tickets made within the same hour are equal."""
    until = (int(time.time()) // TICKET_SECONDS + 2) * TICKET_SECONDS
    return DownloadTicket(PICTURE_TICKET, token_id, shown.asset_id, shown.row.id, until)


def open_picture_ticket(session: Session, ticket: DownloadTicket) -> Keyframe:
    """Return the picture of a ticket, if its holder may still read the asset."""
    if ticket.kind != PICTURE_TICKET:
        raise InvalidTicket
    actor = find_ticket_holder(session, ticket)
    return find_keyframe(session, actor, find_asset(session, actor, ticket.asset_id), ticket.object_id).row


@dataclass(frozen=True, slots=True)
class ProxyView:
    """A rendition that is one file, as clients see it."""

    format: Format
    file_set: FileSet
    file_id: uuid.UUID | None
    """The file, if it is on a storage."""
    media: dict[str, dict[str, Any]]
    """Facts from its header, by component type."""

    @property
    def id(self) -> uuid.UUID:
        """The pagination key; a format is listed once."""
        return self.format.id


def select_proxies(actor: Actor, asset: Asset) -> AnySelect:
    """Select the formats of an asset that are renditions of a single file, with that file."""
    member = (
        select(FileSetFile.file_id)
        .where(FileSetFile.file_set_id == FileSet.id)
        .order_by(FileSetFile.file_id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(Format, FileSet, member.label("file_id"))
        .join(FileSet, and_(FileSet.format_id == Format.id, FileSet.file_count <= 1))
        .where(Format.asset_id == asset.id, Format.role == FormatRole.TRANSCODE, is_format_visible(actor, Format.id))
        .distinct(Format.id)
        .order_by(Format.id, FileSet.id)
    )


def build_proxy_views(session: Session, rows: Sequence[AnyRow]) -> list[ProxyView]:
    """Build the views of renditions with the facts from their headers, in one more query."""
    sets = [row.FileSet.id for row in rows]
    media: dict[uuid.UUID, dict[str, dict[str, Any]]] = defaultdict(dict)
    described = select(Component).where(Component.file_set_id.in_(sets)).order_by(Component.id.desc())
    for component in session.scalars(described):
        if component.file_set_id is not None:
            media[component.file_set_id][component.type.value] = component.media
    return [ProxyView(row.Format, row.FileSet, row.file_id, media.get(row.FileSet.id, {})) for row in rows]
