"""Record the expiry of shares, and delete sign-ins that are no longer valid.

Nothing depends on when this runs: `OPEN_SHARE_SQL` in `services.shares.guests` checks the expiry at every request.
"""

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.share import Share, ShareToken, ShareUser
from models.catalog.asset import Asset
from models.catalog.history import Operation
from services.core.audit_log import record_audit
from services.core.history import record_history

SHARE_SWEEP_ACTOR = Actor("Tapeless", is_admin=True)
MAX_EXPIRED_SHARES = 500
"""Per run; beat runs this again."""


def record_expired_shares(session: Session) -> int:
    """Record the expiry of up to `MAX_EXPIRED_SHARES` shares in history; return their number."""
    due = (
        select(Share.id)
        .where(Share.expires <= func.now(), Share.ended_at.is_(None), Share.revoked_at.is_(None))
        .order_by(Share.id)
        .limit(MAX_EXPIRED_SHARES)
        # SKIP LOCKED: concurrent runs divide the shares between them, and each expiry is recorded once.
        .with_for_update(skip_locked=True)
    )
    ended = session.scalars(update(Share).where(Share.id.in_(due)).values(ended_at=func.now()).returning(Share)).all()
    there = set(session.scalars(select(Asset.id).where(Asset.id.in_([share.object_id for share in ended]))))
    for share in sorted(ended, key=lambda one: one.id):
        said = f'share "{share.title}" came to its end'
        if share.object_id in there:
            record_history(session, share.object_id, Operation.CUSTOM, said, SHARE_SWEEP_ACTOR)
        else:
            record_audit(session, share.object_type, share.object_id, said, SHARE_SWEEP_ACTOR)
    return len(ended)


def delete_expired_share_tokens(session: Session) -> None:
    """Delete sign-ins that are expired, or that belong to an expired or revoked share."""
    closed = (
        select(ShareUser.id)
        .join(Share, Share.id == ShareUser.share_id)
        .where(or_(Share.expires <= func.now(), Share.revoked_at.is_not(None)))
    )
    gone = delete(ShareToken).where(or_(ShareToken.expires_at <= func.now(), ShareToken.share_user_id.in_(closed)))
    session.execute(gone.execution_options(synchronize_session=False))
