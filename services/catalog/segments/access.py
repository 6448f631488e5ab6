"""Access rules of segments, for all callers.

Readers of an asset may read its segments and comment, as reviewers do. All other types, and others' segments, need
write permission on the asset; authors may change and delete their own. Guests of a share may do what the share allows,
and never see internal segments or replies to them.
"""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, literal, or_, select, true
from sqlalchemy.orm import Session, aliased

from models.access.acl import Actor, Guest, Permission, ShareRight, has_permission
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from services.catalog.assets.assets import find_asset, refuse_deleted_asset
from services.catalog.assets.formats import load_asset_durations
from services.core.errors import NotFound, PermissionDenied, require_found

SEGMENT_NOUN, SEGMENT_KIND = "segment", "segments"
TRANSCRIPT_TYPES = (SegmentType.TRANSCRIPTION, SegmentType.SEMANTIC_TRANSCRIPTION)


@dataclass(frozen=True, slots=True)
class AssetSegment:
    """A segment and its asset."""

    asset: Asset
    segment: Segment


def segment_visible_to(actor: Actor) -> ColumnElement[bool]:
    """Build the condition for the segments of a readable asset that the actor may see.

    Deleted segments are visible only to those who could restore them.
    """
    if actor.guest is not None:
        return _visible_to_guest(actor.guest)
    if actor.is_admin:
        return true()
    return or_(
        Segment.status != SegmentStatus.DELETED,
        Segment.user_id == actor.user_id,
        has_permission(actor, ASSET_KIND, Segment.asset_id, Permission.WRITE),
    )


def _visible_to_guest(guest: Guest) -> ColumnElement[bool]:
    """Build the condition for a guest: its share's segments and replies; all if the share shows existing comments."""
    asked = aliased(Segment)
    own = or_(
        Segment.share_id == guest.share_id,
        Segment.parent_id.in_(select(asked.id).where(asked.share_id == guest.share_id)),
    )
    shows = ShareRight.EXISTING_COMMENTS in guest.allows and not guest.is_merged
    seen = true() if shows else own
    if ShareRight.VIEW_TRANSCRIPTIONS not in guest.allows:
        seen = and_(seen, Segment.segment_type.not_in(TRANSCRIPT_TYPES))
    internal = select(asked.id).where(asked.is_internal)
    return and_(
        seen,
        Segment.is_internal.is_(False),
        or_(Segment.parent_id.is_(None), Segment.parent_id.not_in(internal)),
        Segment.status == SegmentStatus.ACTIVE,
    )


def visible_author_email(actor: Actor, segment: Segment) -> str | None:
    """Return the e-mail of a guest author; hidden from other guests."""
    if actor.guest is not None and segment.share_user_email != actor.guest.email:
        return None
    return segment.share_user_email


def find_segment(
    session: Session, actor: Actor, asset_id: uuid.UUID, segment_id: uuid.UUID, *, lock: bool = False
) -> AssetSegment:
    """Return a segment of an asset that the actor may read.

    `lock` locks the asset's row too, as a deletion does.
    """
    asset = find_asset(session, actor, asset_id, lock=lock)
    query = select(Segment).where(Segment.id == segment_id, Segment.asset_id == asset.id, segment_visible_to(actor))
    segment = session.scalar(query.with_for_update(of=Segment) if lock else query)
    return AssetSegment(asset, require_found(segment, SEGMENT_NOUN, segment_id))


def find_segment_by_id(session: Session, actor: Actor, segment_id: uuid.UUID, *, lock: bool = False) -> AssetSegment:
    """Return a segment by id alone; NotFound also if its asset is unreadable."""
    asset_id = session.scalar(select(Segment.asset_id).where(Segment.id == segment_id))
    try:
        if asset_id is not None:
            return find_segment(session, actor, asset_id, segment_id, lock=lock)
    except NotFound:
        pass
    raise NotFound(SEGMENT_NOUN, segment_id)


def get_asset_for_new_segments(session: Session, actor: Actor, asset_id: uuid.UUID, *, only_comments: bool) -> Asset:
    """Return the asset, locked, if the actor may add segments: comments need `read`, all others `write`."""
    permission = Permission.READ if only_comments else Permission.WRITE
    asset = find_asset(session, actor, asset_id, permission, lock=True)
    if actor.guest is not None and ShareRight.COMMENTS not in actor.guest.allows:
        raise PermissionDenied(f'this share of "{asset.title}" allows no comments')
    refuse_deleted_asset(asset)
    return asset


def is_segment_author(actor: Actor, segment: Segment) -> bool:
    """Return whether the actor is the author, as a user or as this recipient of a share."""
    if actor.guest is not None:
        return segment.share_user_id == actor.guest.share_user_id
    return actor.user_id is not None and segment.user_id == actor.user_id


def require_author_or_writer(actor: Actor, asset: Asset, segment: Segment, *, may_write: bool) -> None:
    """Raise PermissionDenied unless the actor is the author or may write the asset."""
    if not may_write and not is_segment_author(actor, segment):
        raise PermissionDenied(
            f"only the author of segment {segment.id}, and users with write permission on the asset "
            f'"{asset.title}", may change it'
        )


def may_write_asset(session: Session, actor: Actor, asset: Asset) -> bool:
    """Return whether the actor may write the asset, and so change others' segments."""
    if actor.guest is not None:
        return False
    return bool(session.scalar(select(has_permission(actor, ASSET_KIND, literal(asset.id), Permission.WRITE))))


def asset_duration_ms(session: Session, asset_id: uuid.UUID) -> int | None:
    """Return the asset's duration from the headers of its originals; None if none was read."""
    return load_asset_durations(session, [asset_id]).get(asset_id)
