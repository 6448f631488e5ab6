"""What a guest of a share sees of an asset or a collection, as plain values for one page."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.catalog.asset import KeyframeType
from models.core.statements import AnyRow
from services.catalog.assets.assets import find_asset
from services.catalog.collections.collections import find_collection
from services.core.signing_key import SigningKey
from services.downloads.previews import load_keyframes
from services.shares.guests import GuestToken
from services.viewing.assets import MediaFacts, ShownFormat, load_shown_formats, load_view_values
from services.viewing.comments import ShownComment, load_comments
from services.viewing.paging import ListPage
from services.viewing.shares import list_shared_contents
from web.player import Player, SignedUrls, load_player


@dataclass(frozen=True, slots=True)
class GuestFormat:
    """A format with the addresses of its files and of all of them as an archive; None where a guest downloads none."""

    shown: ShownFormat
    file_urls: Sequence[str] | None
    archive_url: str | None

    @property
    def download_url(self) -> str | None:
        """The one address that downloads all of it."""
        return self.file_urls[0] if self.file_urls and self.shown.count == 1 else self.archive_url


@dataclass(frozen=True, slots=True)
class GuestAsset:
    """Content of an asset's page."""

    id: uuid.UUID
    title: str
    player: Player
    values: list[tuple[str, str]]
    formats: list[GuestFormat]
    comments: list[ShownComment]
    comments_part: ListPage

    @property
    def media(self) -> MediaFacts:
        """Facts of the original."""
        return next((one.shown.media for one in self.formats if not one.shown.is_rendition), MediaFacts())


@dataclass(frozen=True, slots=True)
class GuestItem:
    """An object in a collection, with its small picture."""

    row: AnyRow
    picture: str | None


@dataclass(frozen=True, slots=True)
class GuestCollection:
    """Content of a collection's page."""

    title: str
    values: list[tuple[str, str]]
    inside: list[GuestItem]
    part: ListPage


class ShareReader:
    """Reads content for one guest; `home` is the path of the share's page."""

    def __init__(
        self, session: Session, key: SigningKey, token: GuestToken, home: str, numbers: Mapping[str, int]
    ) -> None:
        self._session, self._home, self._numbers = session, home, numbers
        self._actor, self._guest, self._urls = token.share.actor, token.share.guest, SignedUrls(key, token.id)

    def asset(self, asset_id: uuid.UUID) -> GuestAsset:
        """Return an asset that the share opens."""
        asset = find_asset(self._session, self._actor, asset_id)
        title = self._guest.title if self._guest.is_merged else asset.title
        formats = load_shown_formats(self._session, self._actor, asset, self._numbers["files"])
        comments, part = load_comments(self._session, self._actor, asset.id, self._numbers["comments"])
        media = next((one.media for one in formats if not one.is_rendition), MediaFacts())
        captions = f"{self._home}/assets/{asset.id}/captions"
        return GuestAsset(
            id=asset.id,
            title=title,
            player=load_player(self._session, self._actor, asset, self._urls, title, media, captions),
            values=load_view_values(self._session, asset.id, self._guest.metadata_views),
            formats=[self._format(asset.id, one) for one in formats],
            comments=comments,
            comments_part=part,
        )

    def _format(self, asset_id: uuid.UUID, one: ShownFormat) -> GuestFormat:
        if not one.can_download:
            return GuestFormat(one, None, None)
        archive = self._urls.archive(asset_id, one.id) if one.is_stored and one.count > 1 else None
        return GuestFormat(one, [self._urls.file(asset_id, file.id) for file in one.files], archive)

    def collection(self, collection_id: uuid.UUID) -> GuestCollection:
        """Return a collection that the share opens."""
        collection = find_collection(self._session, self._actor, collection_id)
        rows, part = list_shared_contents(self._session, self._actor, collection.id, self._numbers["inside"])
        pictures = load_keyframes(self._session, self._actor, [row.id for row in rows if row.kind == "assets"])
        small = {
            asset_id: self._urls.picture(shown)
            for asset_id, some in pictures.items()
            for shown in reversed(some)
            if shown.row.type is not KeyframeType.KEYFRAME_MAP
        } | {
            asset_id: self._urls.picture(shown)
            for asset_id, some in pictures.items()
            for shown in reversed(some)
            if shown.row.type is KeyframeType.KEYFRAME
        }
        inside = [GuestItem(row, small.get(row.id)) for row in rows]
        values = load_view_values(self._session, collection.id, self._guest.metadata_views)
        return GuestCollection(collection.title, values, inside, part)
