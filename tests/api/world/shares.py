"""A share of the asset that allows everything, with a guest who is logged in by it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.access.acl import ShareRight
from models.access.share import Share, ShareToken, ShareUser
from models.catalog.approval import Approval
from models.catalog.asset import Format
from models.core.base import new_id
from services.access.tokens import token_digest
from services.shares.guests import GUEST_TOKEN_PREFIX


def make_shares(session: Session, asset: UUID, owner: UUID, _reader: UUID | None) -> dict[str, object]:
    """Ids of the share and its recipient, and the secret of a guest's token."""
    end = datetime.now(UTC) + timedelta(days=1)
    formats = session.scalars(select(Format.id).where(Format.asset_id == asset)).all()
    share = Share(
        id=new_id(), object_type="assets", object_id=asset, title=f"s {uuid4().hex}", created_by=owner, expires=end
    )
    share.allows, share.format_ids = sorted(right.value for right in ShareRight), list(formats)
    session.add(share)
    session.flush()
    user = ShareUser(id=new_id(), share_id=share.id, email=f"{uuid4().hex}@example.org", generation=1)
    session.add(user)
    session.flush()
    # The guest is asked for its vote by the address of its link.
    asked = update(Approval).where(Approval.object_id == asset)
    session.execute(asked.values(externals=func.array_append(Approval.externals, user.email)))
    secret = GUEST_TOKEN_PREFIX + uuid4().hex
    token = ShareToken(id=new_id(), digest=token_digest(secret), share_user_id=user.id, generation=1, expires_at=end)
    session.add(token)
    return {
        "share_id": share.id,
        "share_title": share.title,
        "share_user_id": user.id,
        "share_email": user.email,
        "guest_token": secret,
        "guest_session": token.id,
    }
