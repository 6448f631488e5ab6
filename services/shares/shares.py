"""Shares: created, found, updated, revoked and expired. Users who may change the permissions of an object may share it.

Every change is recorded in history in the same transaction; history never contains a link or a password.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission
from models.access.share import Share, ShareUser
from models.catalog.asset import Asset, Format
from models.catalog.metadata import MetadataView
from models.core.base import new_id
from services.access.permissions import effective_permissions
from services.core.errors import NotFound, PermissionDenied, ValidationFailed, refuse_deleted, require_found
from services.core.rows import apply_changes, load, save
from services.objects.objects import ObjectRef, find_object
from services.shares.recipients import (
    build_recipients,
    record_share_history,
    revoke_links,
    sign_out_guests,
    validate_recipient_emails,
)

DEFAULT_SHARE_DURATION = timedelta(days=7)
NOW_AND_MAX_EXPIRY = text("SELECT now(), now() + interval '5 years'")
SHAREABLE_OBJECT_TYPES = ("assets", "collections")


@dataclass(frozen=True, slots=True)
class ShareInput:
    """Input for a new share."""

    allows: frozenset[str]
    title: str | None = None
    message: str = ""
    emails: Sequence[str] = ()
    has_url: bool = False
    expires: datetime | None = None
    password_hash: str | None = None
    format_ids: Sequence[uuid.UUID] | None = None
    """None: all formats that the asset has now."""
    metadata_views: Sequence[uuid.UUID] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def create_share(session: Session, actor: Actor, object_type: str, object_id: uuid.UUID, new: ShareInput) -> Share:
    """Open an object to external guests: one link per e-mail address, or a single link for everyone who has it."""
    found = find_shareable(session, actor, object_type, object_id)
    share = Share(
        id=new_id(),
        object_type=found.object_type,
        object_id=found.id,
        title=new.title or found.title,
        message=new.message,
        created_by=actor.user_id,
        allows=sorted(new.allows),
        format_ids=validate_formats(session, found, new.format_ids),
        metadata_views=validate_views(session, new.metadata_views),
        password_hash=new.password_hash,
        has_url=new.has_url,
        options=dict(new.options),
        expires=validate_expiry(session, new.expires),
    )
    emails = [""] if new.has_url else validate_recipient_emails(new.emails)
    session.add(share)
    session.flush()
    session.add_all(build_recipients(session, share.id, emails))
    who = "all who have its link" if new.has_url else ", ".join(emails)
    record_share_history(session, found, f"shared with {who} until {share.expires:%Y-%m-%d %H:%M} UTC", actor)
    return save(session, share)


def find_shareable(session: Session, actor: Actor, object_type: str, object_id: uuid.UUID) -> ObjectRef:
    """Lock and return the object if the actor may share it."""
    if object_type not in SHAREABLE_OBJECT_TYPES:
        raise ValidationFailed(
            "object_type", f'"{object_type[:80]}" cannot be shared; {" and ".join(SHAREABLE_OBJECT_TYPES)} can'
        )
    found = find_object(session, actor, object_type, object_id, Permission.CHANGE_ACL, lock=True)
    refuse_deleted(f'"{found.title}"', found.is_deleted)
    return found


def validate_expiry(session: Session, wanted: datetime | None) -> datetime:
    """Return the expiry of a share by the database's clock: in the future, and at most five years ahead."""
    now: datetime
    farthest: datetime
    now, farthest = session.execute(NOW_AND_MAX_EXPIRY).one()
    if wanted is None:
        return now + DEFAULT_SHARE_DURATION
    if wanted <= now:
        raise ValidationFailed("expires", f"{wanted:%Y-%m-%d %H:%M} is past; a share ends later than now")
    if wanted > farthest:
        raise ValidationFailed("expires", "a share ends within five years")
    return wanted


def validate_formats(session: Session, found: ObjectRef, wanted: Sequence[uuid.UUID] | None) -> list[uuid.UUID] | None:
    """Return the formats that a share opens: all that the asset has now, or the given ones; None for a collection,
    which follows its contents.
    """
    if found.object_type != "assets":
        if wanted is not None:
            raise ValidationFailed(
                "format_ids", "a collection is shared with all that it holds; share an asset by itself"
            )
        return None
    there = list(session.scalars(select(Format.id).where(Format.asset_id == found.id).order_by(Format.id)))
    if wanted is None:
        return there
    for format_id in wanted:
        if format_id not in there:
            raise ValidationFailed("format_ids", f'{format_id} is no format of "{found.title}"')
    return [format_id for format_id in there if format_id in set(wanted)]


def validate_views(session: Session, wanted: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Return the ids of the views through which guests see values, without duplicates."""
    there = set(session.scalars(select(MetadataView.id).where(MetadataView.id.in_(wanted))))
    for view_id in wanted:
        if view_id not in there:
            raise ValidationFailed("metadata_views", f"{view_id} is no metadata view")
    return list(dict.fromkeys(wanted))


def is_share_of_object(object_id: uuid.UUID) -> ColumnElement[bool]:
    """Match unrevoked shares of an object, including those of assets that were merged into it."""
    merged = select(Asset.id).where(Asset.merged_into == object_id)
    return and_(Share.revoked_at.is_(None), or_(Share.object_id == object_id, Share.object_id.in_(merged)))


def find_share(
    session: Session,
    actor: Actor,
    object_type: str,
    object_id: uuid.UUID,
    share_id: uuid.UUID,
    permission: Permission = Permission.READ,
) -> tuple[ObjectRef, Share]:
    """Return a share with its object. Raises NotFound if the actor may not read the object."""
    found = find_object(session, actor, object_type, object_id, permission, lock=permission != Permission.READ)
    share = session.scalar(
        select(Share).where(Share.id == share_id, Share.object_type == object_type, is_share_of_object(found.id))
    )
    return found, require_found(share, "share", share_id)


def can_share(session: Session, actor: Actor, object_type: str, object_id: uuid.UUID) -> bool:
    """Return whether the actor may share an object."""
    return Permission.CHANGE_ACL in effective_permissions(session, actor, object_type, object_id)


def update_share(session: Session, found: ObjectRef, share: Share, changes: Mapping[str, Any], actor: Actor) -> None:
    """Update columns of a share; equal values are no change. A new password signs out all guests."""
    changes = dict(changes)
    if "expires" in changes and changes["expires"] != share.expires:
        changes["expires"] = validate_expiry(session, changes["expires"])
    if "format_ids" in changes:
        changes["format_ids"] = _validate_format_update(session, found, share, changes["format_ids"])
    if "metadata_views" in changes and changes["metadata_views"] != share.metadata_views:
        changes["metadata_views"] = validate_views(session, changes["metadata_views"])
    changed = apply_changes(share, changes)
    if "password_hash" in changed:
        sign_out_guests(session, [share.id])
    if "expires" in changed:
        share.ended_at = None
    if changed:
        share.date_modified = func.now()
        named = ", ".join(sorted(name.removesuffix("_hash") for name in changed))
        record_share_history(session, found, f'share "{share.title}": changed {named}', actor)
        save(session, share)


def _validate_format_update(
    session: Session, found: ObjectRef, share: Share, wanted: Sequence[uuid.UUID] | None
) -> list[uuid.UUID] | None:
    """Return the updated formats. Formats that were deleted since stay allowed, because clients send back what they
    read."""
    if wanted is None or share.format_ids is None:
        return share.format_ids
    kept = [format_id for format_id in wanted if format_id in share.format_ids]
    added = validate_formats(session, found, [format_id for format_id in wanted if format_id not in kept]) or []
    return sorted({*kept, *added})


def revoke_share(session: Session, found: ObjectRef, share: Share, actor: Actor) -> None:
    """Revoke a share at once: all links, sign-ins and running downloads end."""
    share.revoked_at = func.now()
    session.flush()
    revoke_links(session, ShareUser.share_id == share.id)
    record_share_history(session, found, f'share "{share.title}" was revoked', actor)


def revoke_shares(session: Session, actor: Actor, share_ids: Sequence[uuid.UUID]) -> None:
    """Revoke several shares in id order; all or nothing."""
    # Sorted, so that concurrent calls lock the objects in the same order.
    for share_id in sorted(set(share_ids)):
        share = load(session, Share, share_id, "share", revoked_at=None)
        try:
            found, share = find_share(session, actor, share.object_type, share.object_id, share.id)
        except NotFound:
            raise NotFound("share", share_id) from None
        require_share_owner(session, actor, share, found)
        revoke_share(session, found, share, actor)


def require_share_owner(session: Session, actor: Actor, share: Share, found: ObjectRef) -> None:
    """Raise PermissionDenied unless the actor created the share or may share its object."""
    is_creator = share.created_by is not None and share.created_by == actor.user_id
    if not is_creator and not can_share(session, actor, share.object_type, found.id):
        raise PermissionDenied(
            f'the share "{share.title}" is ended by its maker, or by a user who may share "{found.title}"'
        )
