"""What the player of a page needs: where its media, captions and pictures are, and how its frames are counted."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

from sqlalchemy.orm import Session

from grouping.model.frames import Frames
from media.probe.timecode import ClipClock
from models.access.acl import Actor
from models.catalog.asset import MAX_SUMMARY_CHARACTERS, Asset, KeyframeType
from services.core.signing_key import SigningKey
from services.downloads.previews import KeyframeView, create_picture_ticket, load_keyframes
from services.downloads.tickets import (
    FILE_TICKET,
    FORMAT_TICKET,
    PLAYBACK_SECONDS,
    PLAYBACK_TICKET,
    TICKET_SECONDS,
    DownloadTicket,
)
from services.renditions.playback import (
    FrameRange,
    PlayableRendition,
    PlaybackWait,
    find_playable_rendition,
    request_playback,
)
from services.viewing.assets import MediaFacts, load_shown_formats
from services.viewing.comments import ShownComment, list_caption_tracks

TIMELINE_WIDTH = 1000
"""Units of the drawn time line; it is stretched to the player."""
MAX_DRAWN_HOLES = 500


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """A rectangle on the time line: a comment, or frames without a file."""

    x: float
    width: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class PlayerTrack:
    """Captions of a player."""

    url: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Player:
    """One picture or clip as a page shows it."""

    title: str
    poster: str | None
    """Address of a large picture."""
    video_url: str | None = None
    has_picture: bool = False
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    clock: ClipClock = field(default_factory=ClipClock)
    tracks: Sequence[PlayerTrack] = ()
    frames: FrameRange | None = None
    holes: Sequence[TimelineMark] = ()
    wait: PlaybackWait | None = None

    def marks(self, comments: Sequence[ShownComment]) -> list[TimelineMark]:
        """Return where comments are on the time line."""
        length = self.duration_ms or 0
        return [
            TimelineMark(round(min(one.start_ms / length, 1) * TIMELINE_WIDTH, 1), 4, one.who)
            for one in comments
            if one.start_ms is not None and length
        ]


@dataclass(frozen=True, slots=True)
class SignedUrls:
    """Addresses of files that work without headers, for one sign-in."""

    key: SigningKey
    token_id: uuid.UUID

    def picture(self, shown: KeyframeView) -> str:
        """Return the address of a picture."""
        return f"/API/files/v1/pictures/{create_picture_ticket(shown, self.token_id).write(self.key)}/"

    def file(self, asset_id: uuid.UUID, file_id: uuid.UUID) -> str:
        """Return the address that downloads a file."""
        return self._download("downloads", FILE_TICKET, asset_id, file_id, TICKET_SECONDS)

    def archive(self, asset_id: uuid.UUID, format_id: uuid.UUID) -> str:
        """Return the address that downloads a format."""
        return self._download("downloads", FORMAT_TICKET, asset_id, format_id, TICKET_SECONDS)

    def playback(self, asset_id: uuid.UUID, file_id: uuid.UUID) -> str:
        """Return the address that a player reads."""
        return self._download("playback", PLAYBACK_TICKET, asset_id, file_id, PLAYBACK_SECONDS)

    def _download(self, route: str, kind: int, asset_id: uuid.UUID, object_id: uuid.UUID, seconds: int) -> str:
        ticket = DownloadTicket(kind, self.token_id, asset_id, object_id, int(time.time()) + seconds)
        return f"/API/files/v1/{route}/{ticket.write(self.key)}/"


def load_player(
    session: Session, actor: Actor, asset: Asset, urls: SignedUrls, title: str, media: MediaFacts, captions: str
) -> Player:
    """Load the player of an asset; `captions` is where its tracks are. A clip without a rendition has one made."""
    pictures = load_keyframes(session, actor, [asset.id]).get(asset.id, [])
    poster = next((urls.picture(one) for one in pictures if one.row.type is KeyframeType.POSTER), None)
    found = find_playable_rendition(session, actor, asset)
    if found is None:
        wait = request_playback(session, actor, asset)
        return Player(title, poster, wait=wait, duration_ms=media.duration_ms, clock=build_source_clock(media))
    tracks = [
        PlayerTrack(f"{captions}/{one.id}", one.language) for one in list_caption_tracks(session, actor, asset.id)
    ]
    return build_player(title, poster, urls.playback(asset.id, found.file_id), found, tracks)


def build_player(
    title: str, poster: str | None, url: str, found: PlayableRendition, tracks: Sequence[PlayerTrack]
) -> Player:
    """Build the player of a rendition."""
    video, general = found.video or {}, found.general
    return Player(
        title,
        poster,
        url,
        has_picture=found.video is not None,
        width=video.get("width"),
        height=video.get("height"),
        duration_ms=general.get("duration_milliseconds"),
        clock=build_clock(found),
        tracks=tracks,
        frames=found.frames,
        holes=place_holes(found.frames) if found.frames is not None else (),
    )


def build_clock(found: PlayableRendition) -> ClipClock:
    """Build the clock of a rendition."""
    return ClipClock(parse_rate((found.video or {}).get("frame_rate")), found.general.get("timecode_start"))


def build_source_clock(media: MediaFacts) -> ClipClock:
    """Build the clock of an original, which a page shows until there is a rendition."""
    return ClipClock(parse_rate(media.frame_rate), media.timecode_start)


def load_clip_clock(session: Session, actor: Actor, asset: Asset) -> ClipClock:
    """Load the clock by which pages count an asset."""
    found = find_playable_rendition(session, actor, asset)
    if found is not None:
        return build_clock(found)
    formats = load_shown_formats(session, actor, asset, 1)
    return build_source_clock(next((one.media for one in formats if not one.is_rendition), MediaFacts()))


def parse_rate(text: object) -> Fraction | None:
    """Return a frame rate; None for what is none."""
    try:
        rate = Fraction(text) if isinstance(text, str) else None
    except (ValueError, ZeroDivisionError):
        return None
    return rate if rate is not None and rate > 0 else None


def place_holes(frames: FrameRange) -> list[TimelineMark]:
    """Return where the missing frames of a sequence are on its time line."""
    # A list that was cut ends within a number.
    whole = frames.missing if len(frames.missing) < MAX_SUMMARY_CHARACTERS else frames.missing.rpartition(",")[0]
    each = TIMELINE_WIDTH / max(1, (frames.last - frames.first) // frames.step + 1)
    return [
        TimelineMark(
            round((first - frames.first) / frames.step * each, 2),
            round(((last - first) // frames.step + 1) * each, 2),
            f"{first}-{last}",
        )
        for first, last in islice(Frames.from_text(whole).intervals(), MAX_DRAWN_HOLES)
    ]
