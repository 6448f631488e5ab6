"""Read what a guest of a share sees of an asset or a collection, as plain values for one page."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all
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
"""Key in a comment's details: the name that a guest of a public link claims."""
MOST_FILES, MOST_COMMENTS, MOST_INSIDE = 200, 500, 500
"""Maximum rows on one page of each list."""


@dataclass(frozen=True, slots=True)
class Part:
    """Number of a page of a list, and of the last page."""

    number: int
    last: int

    @classmethod
    def of(cls, number: int, count: int, size: int) -> "Part":
        """Return the requested page, or the nearest existing one."""
        last = max(1, -(-count // size))
        return cls(min(max(1, number), last), last)

    def cut(self, rows: Select[Any], size: int) -> Select[Any]:
        """Limit a query to the rows of this page."""
        return rows.limit(size).offset((self.number - 1) * size)


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file with its download URL, where downloading is allowed."""

    name: str
    size: int
    url: str | None


@dataclass(frozen=True, slots=True)
class ShownFormat:
    """A format with a page of its files, their total count and size, and the URL of all of them as an archive."""

    name: str
    files: list[ShownFile]
    part: Part
    count: int
    size: int
    archive_url: str | None


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A comment with its replies."""

    id: uuid.UUID
    who: str
    text: str
    start_ms: int | None
    date: datetime
    is_checked: bool
    answers: list["ShownComment"]


@dataclass(frozen=True, slots=True)
class ShownAsset:
    """Content of an asset's page."""

    id: uuid.UUID
    title: str
    picture_url: str | None
    values: list[tuple[str, str]]
    formats: list[ShownFormat]
    comments: list[ShownComment]
    comments_part: Part


@dataclass(frozen=True, slots=True)
class Inside:
    """An object in a shared collection."""

    id: uuid.UUID
    title: str
    kind: str


@dataclass(frozen=True, slots=True)
class ShownCollection:
    """Content of a collection's page."""

    title: str
    values: list[tuple[str, str]]
    inside: list[Inside]
    part: Part


@dataclass(frozen=True, slots=True)
class Numbers:
    """Requested page number of each list."""

    files: int = 1
    comments: int = 1
    inside: int = 1


class Reader:
    """Reads content for one guest; `until` is when the URLs that it builds expire, in seconds since 1970."""

    def __init__(self, session: Session, key: ServerKey, token: GuestToken, until: int, numbers: Numbers) -> None:
        self._session, self._key, self._token, self._until, self._numbers = session, key, token, until, numbers

    @property
    def _actor(self) -> Actor:
        return self._token.share.actor

    @property
    def _guest(self) -> Guest:
        return self._token.share.guest

    def asset(self, asset_id: uuid.UUID) -> ShownAsset:
        """Return an asset that the share opens."""
        asset = find_asset(self._session, self._actor, asset_id)
        title = self._guest.title if self._guest.is_merged else asset.title
        pictures = keyframes_of(self._session, self._actor, [asset.id]).get(asset.id, [])
        picture = picture_ticket(pictures[0], self._token.id) if pictures else None
        comments, part = self._comments(asset.id)
        return ShownAsset(
            id=asset.id,
            title=title,
            picture_url=f"/API/files/v1/pictures/{picture.write(self._key)}/" if picture else None,
            values=self._values("assets", asset.id),
            formats=self._formats(asset),
            comments=comments,
            comments_part=part,
        )

    def collection(self, collection_id: uuid.UUID) -> ShownCollection:
        """Return a collection that the share opens."""
        collection = find_collection(self._session, self._actor, collection_id)
        inside, part = self._inside(collection.id)
        return ShownCollection(collection.title, self._values("collections", collection.id), inside, part)

    def vote_on(self, kind: str, object_id: uuid.UUID) -> str | None:
        """Return the guest's vote: "" before it voted, None if it is not a reviewer by its own link."""
        guest = self._guest
        if ShareRight.SETTING_APPROVE_STATUS not in guest.allows or not guest.email:
            return None
        found = find_object(self._session, self._actor, kind, object_id)
        approval = requests_of(self._session, [found]).get(found.id)
        if approval is None:
            return None
        votes = votes_of(self._session, [approval])[approval.id]
        return next((vote.status for vote in votes if vote.external == guest.email), "")

    def _inside(self, collection_id: uuid.UUID) -> tuple[list[Inside], Part]:
        """Return the contents, collections first, each kind by title."""
        below = select(Collection.id, Collection.title, literal("collections").label("kind")).where(
            Collection.parent_id == collection_id,
            Collection.status == CollectionStatus.ACTIVE,
            readable_by(self._actor, "collections", Collection.id),
        )
        held = (
            select(Asset.id, Asset.title, literal("assets").label("kind"))
            .join(CollectionAsset, CollectionAsset.asset_id == Asset.id)
            .where(
                CollectionAsset.collection_id == collection_id,
                Asset.status == AssetStatus.ACTIVE,
                readable_by(self._actor, "assets", Asset.id),
            )
        )
        both = union_all(below, held).subquery()
        part = Part.of(self._numbers.inside, self._count(select(both.c.id)), MOST_INSIDE)
        rows = select(both.c.id, both.c.title, both.c.kind).order_by(both.c.kind.desc(), both.c.title, both.c.id)
        return [Inside(*row) for row in self._session.execute(part.cut(rows, MOST_INSIDE))], part

    def _count(self, rows: Select[Any]) -> int:
        return self._session.scalar(select(func.count()).select_from(rows.subquery())) or 0

    def _values(self, kind: str, object_id: uuid.UUID) -> list[tuple[str, str]]:
        """Return labels and values of the fields in the views that the share includes."""
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
        stored = (
            select(File.id, File.name, File.size)
            .join(FileSetFile, FileSetFile.file_id == File.id)
            .join(FileSet, FileSet.id == FileSetFile.file_set_id)
            .where(FileSet.format_id == one.id)
        )
        there = self._count(stored)
        part = Part.of(self._numbers.files, there, MOST_FILES)
        files = self._session.execute(part.cut(stored.order_by(File.name, File.id), MOST_FILES)).all()
        shown = [
            ShownFile(display_text(file.name), file.size, self._address(FILE, asset.id, file.id) if may else None)
            for file in files
        ]
        archive = self._address(FORMAT, asset.id, one.id) if may and there > 1 else None
        count, size = sum(row.file_count for row in sets), sum(row.size_bytes for row in sets)
        return ShownFormat(one.name, shown, part, max(count, there), size or sum(f.size for f in shown), archive)

    def _address(self, kind: int, asset_id: uuid.UUID, object_id: uuid.UUID) -> str:
        ticket = Ticket(kind, self._token.id, asset_id, object_id, self._until)
        return f"/API/files/v1/downloads/{ticket.write(self._key)}/"

    def _comments(self, asset_id: uuid.UUID) -> tuple[list[ShownComment], Part]:
        said = (Segment.asset_id == asset_id, Segment.segment_type == SegmentType.COMMENT, visible_to(self._actor))
        part = Part.of(self._numbers.comments, self._count(select(Segment.id).where(*said)), MOST_COMMENTS)
        ordered = (
            select(Segment, User.first_name, User.last_name)
            .outerjoin(User, User.id == Segment.user_id)
            .where(*said)
            .order_by(Segment.time_start_milliseconds.nulls_first(), Segment.id)
        )
        rows = self._session.execute(part.cut(ordered, MOST_COMMENTS)).all()
        names = [f"{row[1] or ''} {row[2] or ''}".strip() or email_shown(self._actor, row[0]) for row in rows]
        return threads([(row[0], name) for row, name in zip(rows, names, strict=True)]), part


def guest_name(comment: Segment) -> str | None:
    """Return the name that a guest claimed, or None where it is its e-mail, which other guests must not see."""
    said = comment.details.get(GUEST_NAME)
    return None if said == comment.share_user_email else said


def threads(rows: Sequence[tuple[Segment, str | None]]) -> list[ShownComment]:
    """Build comment threads from rows with author names; replies to hidden comments become top-level ones."""
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
    """Return whether the guest may write comments."""
    return ShareRight.COMMENTS in guest.allows
