"""Read what a guest of a share sees of an asset or a collection, as plain values for one page."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from models.access.acl import is_format_visible, readable_by
from models.access.user import User
from models.catalog.asset import Asset, AssetStatus, FileSet, FileSetFile, Format
from models.catalog.collection import Collection, CollectionAsset, CollectionStatus
from models.catalog.file import File
from models.catalog.segment import Segment, SegmentType
from models.core.paths import display_path
from models.core.statements import AnyRow, AnySelect, count_rows
from services.approvals.requests import load_requests, load_votes
from services.approvals.votes import external_voter, may_guest_vote
from services.catalog.assets.assets import find_asset
from services.catalog.collections.collections import find_collection
from services.catalog.segments.access import segment_visible_to, visible_author_email
from services.core.errors import NotFound
from services.core.signing_key import SigningKey
from services.downloads.previews import create_picture_ticket, load_keyframes
from services.downloads.tickets import FILE_TICKET, FORMAT_TICKET, DownloadTicket, can_download
from services.metadata.forms import load_view_form
from services.metadata.values import list_object_values
from services.objects.objects import find_object
from services.shares.guests import GuestToken

GUEST_NAME_KEY = "guest_name"
"""Key in a comment's details: the name that a guest of a public link claims."""
MAX_FILES_PER_PAGE, MAX_COMMENTS_PER_PAGE, MAX_CONTENTS_PER_PAGE = 200, 500, 500
"""Maximum rows on one page of each list."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """Number of a page of a list, and of the last page."""

    number: int
    last: int

    @classmethod
    def of(cls, number: int, count: int, size: int) -> "ListPage":
        """Return the requested page, or the nearest existing one."""
        last = max(1, -(-count // size))
        return cls(min(max(1, number), last), last)

    def cut(self, rows: AnySelect, size: int) -> AnySelect:
        """Limit a query to the rows of this page."""
        return rows.limit(size).offset((self.number - 1) * size)


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file with its download URL, where downloading is allowed."""

    name: str
    size: int
    url: str | None


@dataclass(frozen=True, slots=True)
class GuestFormat:
    """A format with a page of its files, their total count and size, and the URL of all of them as an archive."""

    name: str
    files: list[GuestFile]
    part: ListPage
    count: int
    size: int
    archive_url: str | None


@dataclass(frozen=True, slots=True)
class GuestComment:
    """A comment with its replies."""

    id: uuid.UUID
    who: str
    text: str
    start_ms: int | None
    date: datetime
    is_checked: bool
    answers: list["GuestComment"]


@dataclass(frozen=True, slots=True)
class GuestAsset:
    """Content of an asset's page."""

    id: uuid.UUID
    title: str
    picture_url: str | None
    values: list[tuple[str, str]]
    formats: list[GuestFormat]
    comments: list[GuestComment]
    comments_part: ListPage


@dataclass(frozen=True, slots=True)
class GuestCollection:
    """Content of a collection's page."""

    title: str
    values: list[tuple[str, str]]
    inside: Sequence[AnyRow]
    """Id, title and kind of each object."""
    part: ListPage


class ShareReader:
    """Reads content for one guest; `until` is when the URLs that it builds expire, in seconds since 1970."""

    def __init__(
        self, session: Session, key: SigningKey, token: GuestToken, until: int, numbers: Mapping[str, int]
    ) -> None:
        self._session, self._key, self._token, self._until, self._numbers = session, key, token, until, numbers
        self._actor, self._guest = token.share.actor, token.share.guest

    def asset(self, asset_id: uuid.UUID) -> GuestAsset:
        """Return an asset that the share opens."""
        asset = find_asset(self._session, self._actor, asset_id)
        title = self._guest.title if self._guest.is_merged else asset.title
        pictures = load_keyframes(self._session, self._actor, [asset.id]).get(asset.id, [])
        picture = create_picture_ticket(pictures[0], self._token.id) if pictures else None
        comments, part = self._comments(asset.id)
        return GuestAsset(
            id=asset.id,
            title=title,
            picture_url=f"/API/files/v1/pictures/{picture.write(self._key)}/" if picture else None,
            values=self._values("assets", asset.id),
            formats=self._formats(asset),
            comments=comments,
            comments_part=part,
        )

    def collection(self, collection_id: uuid.UUID) -> GuestCollection:
        """Return a collection that the share opens."""
        collection = find_collection(self._session, self._actor, collection_id)
        inside, part = self._inside(collection.id)
        return GuestCollection(collection.title, self._values("collections", collection.id), inside, part)

    def vote_on(self, kind: str, object_id: uuid.UUID) -> str | None:
        """Return the guest's vote: "" before it voted, None if it may not vote."""
        found = find_object(self._session, self._actor, kind, object_id)
        approval = load_requests(self._session, [found]).get(found.id)
        if approval is None or not may_guest_vote(approval, self._actor):
            return None
        votes = load_votes(self._session, [approval])[approval.id]
        return next((vote.status for vote in votes if vote.external == external_voter(self._actor)), "")

    def _inside(self, collection_id: uuid.UUID) -> tuple[Sequence[AnyRow], ListPage]:
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
        part = ListPage.of(self._numbers["inside"], count_rows(self._session, select(both.c.id)), MAX_CONTENTS_PER_PAGE)
        rows = select(both.c.id, both.c.title, both.c.kind).order_by(both.c.kind.desc(), both.c.title, both.c.id)
        return self._session.execute(part.cut(rows, MAX_CONTENTS_PER_PAGE)).all(), part

    def _values(self, kind: str, object_id: uuid.UUID) -> list[tuple[str, str]]:
        """Return labels and values of the fields in the views that the share includes."""
        if not self._guest.metadata_views:
            return []
        there = {one.name: one.values for one in list_object_values(self._session, object_id)}
        shown: dict[str, tuple[str, str]] = {}
        for view_id in self._guest.metadata_views:
            try:
                rules = load_view_form(self._session, view_id).rules
            except NotFound:
                continue
            for name, rule in rules.items():
                if there.get(name):
                    shown.setdefault(name, (rule.label, ", ".join(map(str, there[name]))))
        return list(shown.values())

    def _formats(self, asset: Asset) -> list[GuestFormat]:
        query = select(Format).where(Format.asset_id == asset.id, is_format_visible(self._actor, Format.id))
        return [self._format(asset, one) for one in self._session.scalars(query.order_by(Format.role, Format.id))]

    def _format(self, asset: Asset, one: Format) -> GuestFormat:
        sets = self._session.execute(
            select(FileSet.file_count, FileSet.size_bytes).where(FileSet.format_id == one.id)
        ).all()
        may = can_download(self._actor, one.role)
        stored = (
            select(File.id, File.name, File.size)
            .join(FileSetFile, FileSetFile.file_id == File.id)
            .join(FileSet, FileSet.id == FileSetFile.file_set_id)
            .where(FileSet.format_id == one.id)
        )
        there = count_rows(self._session, stored)
        part = ListPage.of(self._numbers["files"], there, MAX_FILES_PER_PAGE)
        files = self._session.execute(part.cut(stored.order_by(File.name, File.id), MAX_FILES_PER_PAGE)).all()
        shown = [
            GuestFile(
                display_path(file.name), file.size, self._address(FILE_TICKET, asset.id, file.id) if may else None
            )
            for file in files
        ]
        archive = self._address(FORMAT_TICKET, asset.id, one.id) if may and there > 1 else None
        count, size = sum(row.file_count for row in sets), sum(row.size_bytes for row in sets)
        return GuestFormat(one.name, shown, part, max(count, there), size or sum(f.size for f in shown), archive)

    def _address(self, kind: int, asset_id: uuid.UUID, object_id: uuid.UUID) -> str:
        ticket = DownloadTicket(kind, self._token.id, asset_id, object_id, self._until)
        return f"/API/files/v1/downloads/{ticket.write(self._key)}/"

    def _comments(self, asset_id: uuid.UUID) -> tuple[list[GuestComment], ListPage]:
        said = (
            Segment.asset_id == asset_id,
            Segment.segment_type == SegmentType.COMMENT,
            segment_visible_to(self._actor),
        )
        part = ListPage.of(
            self._numbers["comments"], count_rows(self._session, select(Segment.id).where(*said)), MAX_COMMENTS_PER_PAGE
        )
        ordered = (
            select(Segment, User.first_name, User.last_name)
            .outerjoin(User, User.id == Segment.user_id)
            .where(*said)
            .order_by(Segment.time_start_milliseconds.nulls_first(), Segment.id)
        )
        rows = self._session.execute(part.cut(ordered, MAX_COMMENTS_PER_PAGE)).all()
        names = [f"{row[1] or ''} {row[2] or ''}".strip() or visible_author_email(self._actor, row[0]) for row in rows]
        return build_comment_threads([(row[0], name) for row, name in zip(rows, names, strict=True)]), part


def claimed_guest_name(comment: Segment) -> str | None:
    """Return the name that a guest claimed, or None where it is its e-mail, which other guests must not see."""
    said = comment.details.get(GUEST_NAME_KEY)
    return None if said == comment.share_user_email else said


def build_comment_threads(rows: Sequence[tuple[Segment, str | None]]) -> list[GuestComment]:
    """Build comment threads from rows with author names; replies to hidden comments become top-level ones."""
    shown = {
        row.id: GuestComment(
            row.id,
            name or claimed_guest_name(row) or "Somebody",
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
