"""A request for the approval of the asset, for the authorization matrix: owner and reader were asked, two voted."""

from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models.catalog.approval import Approval, ApprovalVote, VoteStatus
from models.core.base import new_id


def make_approvals(session: Session, asset: UUID, owner: UUID, reader: UUID | None) -> dict[str, object]:
    """An approval by the owner and a rejection by a guest."""
    asked = Approval(id=new_id(), object_type="assets", object_id=asset, version_id=asset, requested_by=owner)
    asked.users = [owner, *([reader] if reader else [])]
    email = f"{uuid4().hex}@example.org"
    session.add(asked)
    session.flush()
    session.add(ApprovalVote(approval_id=asked.id, user_id=owner, status=VoteStatus.APPROVED))
    session.add(ApprovalVote(approval_id=asked.id, external=email, status=VoteStatus.NOT_APPROVED))
    session.flush()
    return {"email": email}
