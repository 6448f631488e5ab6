"""Create, update and delete segments; each operation writes one history entry of the asset.

History records who did something and at which time of the clip, never the text: history is permanent, a comment can be
deleted.
"""

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from models.access.acl import Actor, ShareRight
from models.catalog.asset import Asset
from models.catalog.history import Operation
from models.catalog.metadata import delete_values
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from models.core.base import new_id
from models.core.statements import in_array
from services.catalog.assets.assets import MAX_ASSETS_PER_REQUEST, refuse_deleted_asset
from services.catalog.segments.access import (
    SEGMENT_NOUN,
    AssetSegment,
    asset_duration_ms,
    find_segment,
    get_asset_for_new_segments,
    may_write_asset,
    require_author_or_writer,
    segment_visible_to,
)
from services.catalog.segments.history_text import (
    new_segments_text,
    segment_change_text,
    segment_changes_text,
    segment_counts_text,
    segment_noun,
)
from services.core.errors import NotFound, PermissionDenied, ValidationFailed
from services.core.history import record_history

MAX_SEGMENT_JSON_BYTES = 256 * 1024
"""Of a drawing, and of all client details, as JSON: a pencil line of about ten thousand points."""
MAX_PURGED_SEGMENTS = 500
SEGMENT_NOT_NULL_COLUMNS = frozenset({"segment_type", "status", "segment_text", "segment_checked", "is_internal"})
SEGMENT_COLUMNS = frozenset(
    {
        *SEGMENT_NOT_NULL_COLUMNS,
        *("time_start_milliseconds", "time_end_milliseconds", "segment_color", "segment_track", "external_id"),
        *("person_id", "project_id", "transcription_id", "drawing"),
    }
)
SEGMENT_START, SEGMENT_END = "time_start_milliseconds", "time_end_milliseconds"


@dataclass(frozen=True, slots=True)
class NewSegment:
    """A segment to be created; `values` are columns by name, `details` are stored for clients."""

    segment_type: SegmentType
    values: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    parent_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """An update of a segment by column and detail; None clears nullable ones."""

    segment_id: uuid.UUID
    values: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


def add_segments(session: Session, actor: Actor, asset_id: uuid.UUID, news: Sequence[NewSegment]) -> Sequence[Segment]:
    """Create segments on an asset that the actor may add them to; all or none."""
    if not 0 < len(news) <= MAX_ASSETS_PER_REQUEST:
        raise ValidationFailed("objects", f"between 1 and {MAX_ASSETS_PER_REQUEST} segments at once, not {len(news)}")
    only_comments = all(new.segment_type == SegmentType.COMMENT for new in news)
    asset = get_asset_for_new_segments(session, actor, asset_id, only_comments=only_comments)
    return create_segments(session, asset, news, actor)


def create_segments(session: Session, asset: Asset, news: Sequence[NewSegment], actor: Actor) -> Sequence[Segment]:
    """Create segments with three queries and one history entry; the caller has checked the permission on the asset."""
    _refuse_invalid_parents(session, actor, asset, news)
    duration = asset_duration_ms(session, asset.id)
    made = [_new_segment(asset, new, actor, duration) for new in news]
    # Triggers mark_segment_insert (segments) and mark_commented_asset_insert (their asset) queue the documents.
    session.add_all(made)
    record_history(session, asset.id, Operation.CUSTOM, new_segments_text(made, actor), actor)
    session.flush()
    return made


def _new_segment(asset: Asset, new: NewSegment, actor: Actor, duration: int | None) -> Segment:
    values = {
        name: value for name, value in new.values.items() if value is not None or name not in SEGMENT_NOT_NULL_COLUMNS
    }
    guest = actor.guest
    if guest is not None:
        values |= {"is_internal": False, "share_id": guest.share_id, "share_user_id": guest.share_user_id}
        values |= {"share_user_email": guest.email or None, "segment_checked": False}
        values |= {"status": SegmentStatus.ACTIVE}
    if values.get("status") == SegmentStatus.DELETED:
        raise ValidationFailed("status", "a new segment is ACTIVE or AWAITED, not DELETED")
    refuse_invalid_times(values.get(SEGMENT_START), values.get(SEGMENT_END), duration)
    refuse_oversized_json(values.get("drawing"), "drawing")
    refuse_oversized_json(new.details, "body")
    return Segment(
        id=new_id(),
        asset_id=asset.id,
        version_id=asset.id,
        made_on=asset.id,
        segment_type=new.segment_type,
        parent_id=new.parent_id,
        details={name: value for name, value in new.details.items() if value is not None},
        user_id=actor.user_id,
        **{name: value for name, value in values.items() if name != "segment_type"},
    )


def _refuse_invalid_parents(session: Session, actor: Actor, asset: Asset, news: Sequence[NewSegment]) -> None:
    """Require that a parent is on the same asset, visible to the actor, and no reply itself."""
    asked = {new.parent_id for new in news if new.parent_id is not None}
    if not asked:
        return
    query = select(Segment.id, Segment.parent_id).where(
        in_array(Segment.id, asked),
        Segment.asset_id == asset.id,
        Segment.status == SegmentStatus.ACTIVE,
        segment_visible_to(actor),
    )
    found = {row.id: row.parent_id for row in session.execute(query)}
    for new in news:
        if new.parent_id is None:
            continue
        if new.segment_type != SegmentType.COMMENT:
            raise ValidationFailed("parent_id", f"a {new.segment_type} cannot be an answer; only a comment can")
        if new.parent_id not in found:
            raise ValidationFailed("parent_id", f'segment {new.parent_id} is not on the asset "{asset.title}"')
        if found[new.parent_id] is not None:
            raise ValidationFailed("parent_id", f"{new.parent_id} is an answer itself; answer {found[new.parent_id]}")


def refuse_invalid_times(start: int | None, end: int | None, duration: int | None) -> None:
    """Raise ValidationFailed unless 0 <= start <= end, both within the clip if its duration is known."""
    if start is not None and start < 0:
        raise ValidationFailed(SEGMENT_START, f"{start} is before the clip begins")
    if end is not None and start is None:
        raise ValidationFailed(SEGMENT_END, f"{end} ends what has no {SEGMENT_START}")
    if end is not None and start is not None and end < start:
        raise ValidationFailed(SEGMENT_END, f"{end} is before {SEGMENT_START}, which is {start}")
    for name, value in ((SEGMENT_START, start), (SEGMENT_END, end)):
        if value is not None and duration is not None and value > duration:
            raise ValidationFailed(name, f"{value} is after the end of the clip, which is {duration} ms long")


def refuse_oversized_json(value: Any, name: str) -> None:
    """Raise ValidationFailed for a value larger than MAX_SEGMENT_JSON_BYTES as JSON."""
    if value and (size := len(json.dumps(value).encode())) > MAX_SEGMENT_JSON_BYTES:
        raise ValidationFailed(name, f"{size} bytes as JSON; at most {MAX_SEGMENT_JSON_BYTES} are kept with a segment")


def update_segments(
    session: Session, actor: Actor, asset_id: uuid.UUID, changes: Sequence[SegmentChange]
) -> list[Segment]:
    """Update many segments of one asset, all or none; equal values are no change."""
    ids = sorted({change.segment_id for change in changes})
    if not 0 < len(changes) <= MAX_ASSETS_PER_REQUEST or len(ids) < len(changes):
        raise ValidationFailed(
            "objects", f"between 1 and {MAX_ASSETS_PER_REQUEST} segments at once, each once, not {len(changes)}"
        )
    first = find_segment(session, actor, asset_id, ids[0], lock=True)
    refuse_deleted_asset(first.asset)
    found = {segment.id: segment for segment in _lock_segments(session, actor, first.asset, in_array(Segment.id, ids))}
    writes, duration = may_write_asset(session, actor, first.asset), asset_duration_ms(session, first.asset.id)
    told: Counter[str] = Counter()
    for change in changes:
        if change.segment_id not in found:
            raise NotFound(SEGMENT_NOUN, change.segment_id)
        segment = found[change.segment_id]
        told.update(
            _update_segment(
                session, actor, AssetSegment(first.asset, segment), change, writes=writes, duration=duration
            )
        )
    if told:
        record_history(session, first.asset.id, Operation.CUSTOM, f"{actor.name} {segment_changes_text(told)}", actor)
        session.flush()
    return [found[change.segment_id] for change in changes]


def _lock_segments(session: Session, actor: Actor, asset: Asset, which: ColumnElement[bool]) -> Sequence[Segment]:
    query = select(Segment).where(Segment.asset_id == asset.id, segment_visible_to(actor), which)
    # Locked in id order, so that concurrent requests cannot deadlock.
    return session.scalars(query.order_by(Segment.id).with_for_update(of=Segment)).all()


def _update_segment(
    session: Session, actor: Actor, held: AssetSegment, change: SegmentChange, *, writes: bool, duration: int | None
) -> list[str]:
    """Set what differs; returns its descriptions for history."""
    segment = held.segment
    values = {
        name: value
        for name, value in change.values.items()
        if value is not None or name not in SEGMENT_NOT_NULL_COLUMNS
    }
    differing = {name: value for name, value in values.items() if getattr(segment, name) != value}
    details = {name: value for name, value in change.details.items() if segment.details.get(name) != value}
    if not differing and not details:
        return []
    _require_change_permission(actor, held, {*differing, *details}, writes=writes)
    if SEGMENT_START in differing or SEGMENT_END in differing:
        start, end = (differing.get(name, getattr(segment, name)) for name in (SEGMENT_START, SEGMENT_END))
        refuse_invalid_times(start, end, duration)
    refuse_oversized_json(differing.get("drawing"), "drawing")
    kept = {name: value for name, value in (segment.details | details).items() if value is not None}
    refuse_oversized_json(kept, "body")
    what = segment_change_text(segment, differing)
    if "status" in differing:
        _cascade_to_answers(session, segment, differing["status"], actor)
    # Flushing fires mark_segment_update and mark_commented_asset_update.
    for name, value in (differing | {"details": kept, "date_modified": func.now()}).items():
        setattr(segment, name, value)
    return [what]


def _cascade_to_answers(session: Session, segment: Segment, status: SegmentStatus, actor: Actor) -> None:
    """Delete replies with their segment, and restore those that were deleted with it."""
    # Triggers mark_segment_update and mark_commented_asset_update queue the documents.
    answers = update(Segment).where(Segment.parent_id == segment.id).execution_options(synchronize_session=False)
    if status == SegmentStatus.DELETED:
        session.execute(answers.where(Segment.status != status).values(_deleted_by(actor)))
    elif segment.status == SegmentStatus.DELETED:
        back = {"status": SegmentStatus.ACTIVE, "date_deleted": None, "deleted_by_user": None}
        session.execute(answers.where(Segment.date_deleted == segment.date_deleted).values(back))
    gone = _deleted_by(actor) if status == SegmentStatus.DELETED else {"date_deleted": None, "deleted_by_user": None}
    for name, value in gone.items():
        setattr(segment, name, value)


def _deleted_by(actor: Actor) -> dict[str, Any]:
    return {"status": SegmentStatus.DELETED, "date_deleted": func.now(), "deleted_by_user": actor.user_id}


def _require_change_permission(actor: Actor, held: AssetSegment, names: set[str], *, writes: bool) -> None:
    asset, guest = held.asset, actor.guest
    if guest is not None and names == {"segment_checked"} and ShareRight.APPROVING_COMMENTS in guest.allows:
        return
    if guest is not None and names & {"is_internal", "segment_checked", "segment_type", "status"}:
        raise PermissionDenied(f'this share of "{asset.title}" does not allow to change {", ".join(sorted(names))}')
    require_author_or_writer(actor, asset, held.segment, may_write=writes)
    if "segment_type" in names and not writes:
        raise PermissionDenied(
            f'only users with write permission on the asset "{asset.title}" change the type of a segment'
        )


def delete_segment(
    session: Session, actor: Actor, asset_id: uuid.UUID, segment_id: uuid.UUID, *, for_good: bool = False
) -> None:
    """Delete a segment with its replies; `for_good` deletes the rows."""
    held = find_segment(session, actor, asset_id, segment_id, lock=True)
    _delete_locked(session, actor, held.asset, [held.segment], for_good=for_good)


def delete_segments(
    session: Session, actor: Actor, asset: Asset, which: ColumnElement[bool], *, for_good: bool = False
) -> None:
    """Delete the selected segments with replies, if the actor may delete each; all or none."""
    chosen = _lock_segments(session, actor, asset, which)
    if not chosen:
        raise NotFound("segment", f'of these on the asset "{asset.title}"')
    _delete_locked(session, actor, asset, chosen, for_good=for_good)


def _delete_locked(session: Session, actor: Actor, asset: Asset, chosen: Sequence[Segment], *, for_good: bool) -> None:
    writes = may_write_asset(session, actor, asset)
    for segment in chosen:
        require_author_or_writer(actor, asset, segment, may_write=writes)
    if for_good and not writes:  # replies, which are deleted too, are by others
        raise PermissionDenied(
            f'only users with write permission on "{asset.title}" delete for good; leave out soft_delete=false'
        )
    ids = [segment.id for segment in chosen]
    gone = or_(in_array(Segment.id, ids), in_array(Segment.parent_id, ids))
    told = Counter(segment_noun(segment) for segment in chosen if segment.status != SegmentStatus.DELETED or for_good)
    if for_good:
        hard_delete_segments(session, gone)
    else:
        # Triggers mark_segment_update and mark_commented_asset_update queue the documents.
        statement = update(Segment).where(gone, Segment.status != SegmentStatus.DELETED).values(_deleted_by(actor))
        session.execute(statement.execution_options(synchronize_session=False))
    if told:
        record_history(session, asset.id, Operation.CUSTOM, f"{actor.name} deleted {segment_counts_text(told)}", actor)
    session.flush()


def hard_delete_segments(session: Session, which: ColumnElement[bool]) -> int:
    """Delete rows of segments with their replies and metadata values; returns how many."""
    ids = session.scalars(select(Segment.id).where(which)).all()
    answers = session.scalars(select(Segment.id).where(in_array(Segment.parent_id, ids))).all() if ids else ()
    gone = sorted({*ids, *answers})
    if gone:
        delete_values(session, gone)
        # Triggers mark_segment_delete and mark_commented_asset_delete queue the documents.
        statement = delete(Segment).where(in_array(Segment.id, gone)).execution_options(synchronize_session=False)
        session.execute(statement)
    return len(gone)


def purge_segments(session: Session, recycle_seconds: float) -> int:
    """Delete some of the segments that were deleted `recycle_seconds` ago; returns 0 when none is left."""
    age = func.make_interval(0, 0, 0, 0, 0, 0, recycle_seconds)
    old = (
        select(Segment.id)
        .where(Segment.date_deleted < func.now() - age)
        .order_by(Segment.id)
        .limit(MAX_PURGED_SEGMENTS)
    )
    return hard_delete_segments(session, Segment.id.in_(old))
