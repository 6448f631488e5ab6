"""What a guest of a share sees of an asset or a collection: read once, as values, for one page."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.acl import Actor, Guest, opens_format, readable_by
from models.asset import Asset, AssetStatus, FileSet, FileSetFile, Format
from models.collection import Collection, CollectionAsset, CollectionStatus
from models.file import File
from models.paths import display_text
from models.segment import Segment, SegmentType
from models.share import ShareRight
from models.user import User
from tasks.approvals import requests_of, votes_of
from tasks.assets import find_asset
from tasks.collections import find_collection
from tasks.downloads import FILE, FORMAT, Ticket, may_download
from tasks.keyframes import keyframes_of, picture_ticket
from tasks.metadata_forms import form_of_view
from tasks.metadata_values import read_values
from tasks.objects import find_object
from tasks.refusals import Missing
from tasks.segments import email_shown, visible_to
from tasks.server_key import ServerKey
from tasks.share_guests import GuestToken

GUEST_NAME = "guest_name"
"""Among a comment's details: who a guest said to be, where its link is for everybody."""
MOST_FILES, MOST_COMMENTS, MOST_INSIDE = 200, 500, 500


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file with the address that fetches it, where that is allowed."""

    name: str
    size: int
    url: str | None


@dataclass(frozen=True, slots=True)
class ShownFormat:
    """A format with its first files, how many there are, and the address of all of them as an archive."""

    name: str
    files: list[ShownFile]
    count: int
    size: int
    archive_url: str | None


@dataclass(frozen=True, slots=True)
class ShownComment:
    """What somebody said, with the answers to it."""

    id: uuid.UUID
    who: str
    text: str
    start_ms: int | None
    date: datetime
    is_checked: bool
    answers: list["ShownComment"]


@dataclass(frozen=True, slots=True)
class ShownAsset:
    """All that a page shows of an asset."""

    id: uuid.UUID
    title: str
    picture_url: str | None
    values: list[tuple[str, str]]
    formats: list[ShownFormat]
    comments: list[ShownComment]


@dataclass(frozen=True, slots=True)
class Inside:
    """An object of a shared collection."""

    id: uuid.UUID
    title: str
    kind: str


class Reader:
    """Reads for one guest; `until` is the end of the addresses that it makes, in seconds since 1970."""

    def __init__(self, session: Session, key: ServerKey, token: GuestToken, until: int) -> None:
        self._session, self._key, self._token, self._until = session, key, token, until

    @property
    def _actor(self) -> Actor:
        return self._token.share.actor

    @property
    def _guest(self) -> Guest:
        return self._token.share.guest

    def asset(self, asset_id: uuid.UUID) -> ShownAsset:
        """An asset that the share opens."""
        asset = find_asset(self._session, self._actor, asset_id)
        title = self._guest.title if self._guest.is_merged else asset.title
        pictures = keyframes_of(self._session, self._actor, [asset.id]).get(asset.id, [])
        picture = picture_ticket(pictures[0], self._token.id) if pictures else None
        return ShownAsset(
            id=asset.id,
            title=title,
            picture_url=f"/API/files/v1/pictures/{picture.write(self._key)}/" if picture else None,
            values=self._values("assets", asset.id),
            formats=self._formats(asset),
            comments=self._comments(asset.id),
        )

    def collection(self, collection_id: uuid.UUID) -> tuple[str, list[tuple[str, str]], list[Inside]]:
        """A collection's title, values and what is in it."""
        collection = find_collection(self._session, self._actor, collection_id)
        return collection.title, self._values("collections", collection.id), self._inside(collection.id)

    def vote_on(self, kind: str, object_id: uuid.UUID) -> str | None:
        """The guest's vote, empty while there is none; None where it is not asked for one by its own link."""
        guest = self._guest
        if ShareRight.SETTING_APPROVE_STATUS not in guest.allows or not guest.email:
            return None
        found = find_object(self._session, self._actor, kind, object_id)
        approval = requests_of(self._session, [found]).get(found.id)
        if approval is None:
            return None
        votes = votes_of(self._session, [approval])[approval.id]
        return next((vote.status for vote in votes if vote.external == guest.email), "")

    def _inside(self, collection_id: uuid.UUID) -> list[Inside]:
        below = select(Collection.id, Collection.title).where(
            Collection.parent_id == collection_id,
            Collection.status == CollectionStatus.ACTIVE,
            readable_by(self._actor, "collections", Collection.id),
        )
        held = (
            select(Asset.id, Asset.title)
            .join(CollectionAsset, CollectionAsset.asset_id == Asset.id)
            .where(
                CollectionAsset.collection_id == collection_id,
                Asset.status == AssetStatus.ACTIVE,
                readable_by(self._actor, "assets", Asset.id),
            )
        )
        rows = [("collections", row) for row in self._session.execute(below.order_by(Collection.title))]
        some = held.order_by(Asset.title, Asset.id).limit(MOST_INSIDE)
        rows += [("assets", row) for row in self._session.execute(some)]
        return [Inside(row.id, row.title, kind) for kind, row in rows]

    def _values(self, kind: str, object_id: uuid.UUID) -> list[tuple[str, str]]:
        """Labels and values of the fields in the views that the share names."""
        if not self._guest.metadata_views:
            return []
        there = {one.name: one.values for one in read_values(self._session, object_id)}
        shown: dict[str, tuple[str, str]] = {}
        for view_id in self._guest.metadata_views:
            try:
                rules = form_of_view(self._session, view_id).rules
            except Missing:
                continue
            for name, rule in rules.items():
                if there.get(name):
                    shown.setdefault(name, (rule.label, ", ".join(map(str, there[name]))))
        return list(shown.values())

    def _formats(self, asset: Asset) -> list[ShownFormat]:
        query = select(Format).where(Format.asset_id == asset.id, opens_format(self._actor, Format.id))
        return [self._format(asset, one) for one in self._session.scalars(query.order_by(Format.role, Format.id))]

    def _format(self, asset: Asset, one: Format) -> ShownFormat:
        sets = self._session.execute(
            select(FileSet.file_count, FileSet.size_bytes).where(FileSet.format_id == one.id)
        ).all()
        may = may_download(self._actor, one.role)
        files = self._session.execute(
            select(File.id, File.name, File.size)
            .join(FileSetFile, FileSetFile.file_id == File.id)
            .join(FileSet, FileSet.id == FileSetFile.file_set_id)
            .where(FileSet.format_id == one.id)
            .order_by(File.name)
            .limit(MOST_FILES)
        ).all()
        shown = [
            ShownFile(display_text(file.name), file.size, self._address(FILE, asset.id, file.id) if may else None)
            for file in files
        ]
        archive = self._address(FORMAT, asset.id, one.id) if may and len(shown) > 1 else None
        count, size = sum(row.file_count for row in sets), sum(row.size_bytes for row in sets)
        return ShownFormat(one.name, shown, max(count, len(shown)), size or sum(f.size for f in shown), archive)

    def _address(self, kind: int, asset_id: uuid.UUID, object_id: uuid.UUID) -> str:
        ticket = Ticket(kind, self._token.id, asset_id, object_id, self._until)
        return f"/API/files/v1/downloads/{ticket.write(self._key)}/"

    def _comments(self, asset_id: uuid.UUID) -> list[ShownComment]:
        rows = self._session.execute(
            select(Segment, User.first_name, User.last_name)
            .outerjoin(User, User.id == Segment.user_id)
            .where(
                Segment.asset_id == asset_id,
                Segment.segment_type == SegmentType.COMMENT,
                visible_to(self._actor),
            )
            .order_by(Segment.time_start_milliseconds.nulls_first(), Segment.id)
            .limit(MOST_COMMENTS)
        ).all()
        return threads(
            [(row[0], f"{row[1] or ''} {row[2] or ''}".strip() or email_shown(self._actor, row[0])) for row in rows]
        )


def guest_name(comment: Segment) -> str | None:
    """Who a guest said to be; an address is no name, and other guests are not told it."""
    said = comment.details.get(GUEST_NAME)
    return None if said == comment.share_user_email else said


def threads(rows: Sequence[tuple[Segment, str | None]]) -> list[ShownComment]:
    """Comments with the names that may be shown, and with their answers; an answer whose question is not shown stands
    by itself."""
    shown = {
        row.id: ShownComment(
            row.id,
            name or guest_name(row) or "Somebody",
            row.segment_text,
            row.time_start_milliseconds,
            row.date_created,
            row.segment_checked,
            [],
        )
        for row, name in rows
    }
    top = []
    for row, _ in rows:
        if row.parent_id in shown:
            shown[row.parent_id].answers.append(shown[row.id])
        else:
            top.append(shown[row.id])
    return top


def allows_comments(guest: Guest) -> bool:
    """Whether the page has a form for them."""
    return ShareRight.COMMENTS in guest.allows
