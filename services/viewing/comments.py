"""Comments of an asset as threads, with the names of their authors, and its captions as tracks of a player."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.user import User
from models.catalog.asset import Component, FileSetFile
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from models.core.statements import count_rows
from services.catalog.segments.access import segment_visible_to, visible_author_email
from services.catalog.segments.export import MAX_EXPORTED_SEGMENTS, ExportLine, export_vtt
from services.core.errors import NotFound
from services.viewing.drawings import CommentDrawing, read_drawing
from services.viewing.paging import ListPage

GUEST_NAME_KEY = "guest_name"
"""Key in a comment's details: the name that a guest of a public link claims."""
MAX_COMMENTS_PER_PAGE = 50
MAX_CAPTION_TRACKS = 20


@dataclass(frozen=True, slots=True)
class ShownComment:
    """A comment with its replies."""

    id: uuid.UUID
    who: str
    text: str
    start_ms: int | None
    date: datetime
    is_checked: bool
    drawing: CommentDrawing | None
    has_other_drawing: bool
    """It has a drawing that pages cannot show."""
    answers: list["ShownComment"]


def load_comments(
    session: Session, actor: Actor, asset_id: uuid.UUID, number: int
) -> tuple[list[ShownComment], ListPage]:
    """Load a page of the comments that the actor sees: those on the whole asset first, then by time; each with all of
    its replies."""
    visible = (
        Segment.asset_id == asset_id,
        Segment.segment_type == SegmentType.COMMENT,
        Segment.status == SegmentStatus.ACTIVE,
        segment_visible_to(actor),
    )
    seen = select(Segment.id).where(*visible)
    # Replies whose comment the actor does not see are shown as comments of their own.
    top = (*visible, Segment.parent_id.is_(None) | Segment.parent_id.not_in(seen))
    part = ListPage.of(number, count_rows(session, select(Segment.id).where(*top)), MAX_COMMENTS_PER_PAGE)
    order = (Segment.time_start_milliseconds.nulls_first(), Segment.id)
    ids = session.scalars(part.cut(select(Segment.id).where(*top).order_by(*order), MAX_COMMENTS_PER_PAGE)).all()
    rows = session.execute(
        select(Segment, User)
        .outerjoin(User, User.id == Segment.user_id)
        .where(*visible, Segment.id.in_(ids) | Segment.parent_id.in_(ids))
        .order_by(*order)
    ).all()
    return build_comment_threads([(row[0], _author(actor, *row)) for row in rows]), part


def _author(actor: Actor, comment: Segment, user: User | None) -> str | None:
    if user is None:
        return visible_author_email(actor, comment)
    named = f"{user.first_name} {user.last_name}".strip()
    # Guests do not see the addresses of users.
    return named or (None if actor.guest is not None else user.email)


def claimed_guest_name(comment: Segment) -> str | None:
    """Return the name that a guest claimed, or None where it is its e-mail, which other guests must not see."""
    said = comment.details.get(GUEST_NAME_KEY)
    return None if said == comment.share_user_email else said


def build_comment_threads(rows: Sequence[tuple[Segment, str | None]]) -> list[ShownComment]:
    """Build comment threads from rows with author names; replies to hidden comments become top-level ones."""
    shown = {row.id: _build_comment(row, name) for row, name in rows}
    top = []
    for row, _ in rows:
        if row.parent_id in shown:
            shown[row.parent_id].answers.append(shown[row.id])
        else:
            top.append(shown[row.id])
    return top


def _build_comment(row: Segment, name: str | None) -> ShownComment:
    drawing = read_drawing(row.drawing)
    return ShownComment(
        id=row.id,
        who=name or claimed_guest_name(row) or "Someone",
        text=row.segment_text,
        start_ms=row.time_start_milliseconds,
        date=row.date_created,
        is_checked=row.segment_checked,
        drawing=drawing,
        has_other_drawing=row.drawing is not None and drawing is None,
        answers=[],
    )


@dataclass(frozen=True, slots=True)
class CaptionTrack:
    """Captions that were imported from one file."""

    id: uuid.UUID
    language: str | None


def _captions_of(actor: Actor, asset_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        Segment.asset_id == asset_id,
        Segment.segment_type == SegmentType.TRANSCRIPTION,
        Segment.status == SegmentStatus.ACTIVE,
        Segment.transcription_id.is_not(None),
        segment_visible_to(actor),
    )


def list_caption_tracks(session: Session, actor: Actor, asset_id: uuid.UUID) -> list[CaptionTrack]:
    """Return the captions of an asset that the actor sees."""
    query = (
        select(Segment.transcription_id, func.min(Component.language).label("language"))
        # Captions are named after the file that they came from.
        .outerjoin(FileSetFile, FileSetFile.file_id == Segment.transcription_id)
        .outerjoin(Component, Component.file_set_id == FileSetFile.file_set_id)
        .where(*_captions_of(actor, asset_id))
        .group_by(Segment.transcription_id)
        .order_by(Segment.transcription_id)
        .limit(MAX_CAPTION_TRACKS)
    )
    return [CaptionTrack(row.transcription_id, row.language) for row in session.execute(query)]


def export_caption_track(session: Session, actor: Actor, asset_id: uuid.UUID, track_id: uuid.UUID) -> str:
    """Return captions as WebVTT. Raises NotFound if the actor sees none of this name."""
    query = (
        select(Segment)
        .where(*_captions_of(actor, asset_id), Segment.transcription_id == track_id)
        .order_by(Segment.time_start_milliseconds, Segment.id)
        .limit(MAX_EXPORTED_SEGMENTS)
    )
    lines = [ExportLine(one, "") for one in session.scalars(query)]
    if not lines:
        raise NotFound("captions", track_id)
    return export_vtt(lines)
