"""Request bodies and serialisers of approvals."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select

from api.bodies import Body
from api.call import Call
from api.rendering import key, stamp
from models.acl import Guest
from models.approval import Approval, ApprovalStatus, ApprovalVote, VoteStatus
from models.bulk import among
from models.segment import Segment, SegmentStatus, SegmentType
from models.user import User
from tasks.approvals import MOST_NAMED, Standing, Wanted, version_of
from tasks.approvals_asked import cannot_read
from tasks.assets import KIND, MOST_AT_ONCE
from tasks.refusals import Invalid

Ids = Annotated[list[UUID], Field(max_length=MOST_NAMED)]


class RequestBody(Body):
    """Reviewers of an approval request; all its other keys are read-only and ignored."""

    users: Ids | None = None
    groups: Ids | None = None
    externals: Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=MOST_NAMED)] | None = None
    min_number: Annotated[int, Field(ge=1, le=1_000)] | None = None
    share_id: UUID | None = None

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent, without nulls."""
        return {name: value for name, value in self.sent().items() if value is not None}

    def wanted(self) -> Wanted:
        """Return the approval request to create."""
        return Wanted(**self.changes())


class VoteBody(Body):
    status: ApprovalStatus | None = None

    def vote(self) -> VoteStatus:
        """Return the caller's vote."""
        if self.status not in (ApprovalStatus.APPROVED, ApprovalStatus.NOT_APPROVED):
            raise Invalid("status", "say APPROVED or NOT_APPROVED; a vote is taken back with DELETE")
        return VoteStatus(self.status)


class BulkBody(Body):
    object_ids: Annotated[list[UUID], Field(max_length=MOST_AT_ONCE, min_length=1)]
    object_type: Literal["assets", "collections"]


class BulkSetBody(BulkBody):
    status: VoteStatus


def vote_body(standing: Standing, vote: ApprovalVote) -> dict[str, Any]:
    """Serialise one vote."""
    return {
        "object_id": str(standing.found.id),
        "object_type": standing.found.object_type,
        "version_id": str(version_of(standing.found)),
        "user": key(vote.user_id),
        "external": vote.external,
        "status": vote.status,
        "change_date": stamp(vote.change_date),
    }


def approval_body(call: Call, standing: Standing) -> dict[str, Any]:
    """Serialise the approval request of an object with its votes; status `N/A` where none exists."""
    approval = standing.approval
    if call.actor.guest is not None:
        standing = of_guest(standing, call.actor.guest)
        approval = None
    about = {
        "object_id": str(standing.found.id),
        "object_type": standing.found.object_type,
        "version_id": str(version_of(standing.found)),
        "approvals_by": [vote_body(standing, vote) for vote in standing.votes],
        "user_status": user_status(call, standing),
    }
    in_vain = cannot_read(call.session, standing.found, approval.users) if approval is not None else []
    body = {
        **about,
        **request_body(approval),
        "users_info": named_users(call, approval),
        "users_without_read": [str(user_id) for user_id in in_vain],
    }
    return body if standing.approval is None else {**body, "status": standing.approval.status}


def of_guest(standing: Standing, guest: Guest) -> Standing:
    """Return the approval as a guest sees it: the status and its own vote, without names or addresses of others."""
    own = [vote for vote in standing.votes if vote.external is not None and vote.external == guest.email.lower()]
    return Standing(standing.found, standing.approval, own)


def request_body(approval: Approval | None) -> dict[str, Any]:
    """Serialise the request itself, as in lists."""
    if approval is None:
        return {"status": ApprovalStatus.NONE, "users": [], "groups": [], "externals": [], "min_number": 1}
    return {
        "status": approval.status,
        "users": [str(each) for each in approval.users],
        "groups": [str(each) for each in approval.groups],
        "externals": approval.externals,
        "min_number": approval.min_number,
        "requested_by": key(approval.requested_by),
        "request_date": stamp(approval.request_date),
        "change_date": stamp(approval.change_date),
        "share_id": key(approval.share_id),
    }


def user_status(call: Call, standing: Standing) -> ApprovalStatus:
    """Return the caller's vote, `REQUESTED` where it has not voted yet, or `N/A` where it is not asked."""
    approval, actor = standing.approval, call.actor
    if actor.guest is not None:
        asked = approval is not None and actor.guest.email in approval.externals
        said = [ApprovalStatus(vote.status) for vote in standing.votes if vote.external == actor.guest.email]
        return next(iter(said), ApprovalStatus.REQUESTED if asked else ApprovalStatus.NONE)
    for vote in standing.votes:
        if vote.user_id is not None and vote.user_id == actor.user_id:
            return ApprovalStatus(vote.status)
    is_asked = approval is not None and (
        actor.user_id in approval.users or bool(set(actor.group_ids) & set(approval.groups))
    )
    return ApprovalStatus.REQUESTED if is_asked else ApprovalStatus.NONE


def named_users(call: Call, approval: Approval | None) -> list[dict[str, Any]]:
    """Serialise the requested users with their names."""
    if approval is None or not approval.users:
        return []
    users = call.session.scalars(select(User).where(among(User.id, approval.users)).order_by(User.id))
    return [
        {"id": str(user.id), "first_name": user.first_name, "last_name": user.last_name, "type": user.type}
        for user in users
    ]


def said_in_list(call: Call, ids: Sequence[UUID]) -> Mapping[UUID, dict[str, Any]]:
    """Load approval request and comment count of several assets, in two queries."""
    query = select(Approval).where(Approval.object_type == KIND, among(Approval.object_id, ids))
    approvals = {approval.object_id: approval for approval in call.session.scalars(query)}
    counted = (
        select(Segment.asset_id, func.count())
        .where(
            among(Segment.asset_id, ids),
            Segment.segment_type == SegmentType.COMMENT,
            Segment.status == SegmentStatus.ACTIVE,
        )
        .group_by(Segment.asset_id)
    )
    comments = {row[0]: row[1] for row in call.session.execute(counted)}
    return {
        asset_id: {"approval": request_body(approvals.get(asset_id)), "comments_count": comments.get(asset_id, 0)}
        for asset_id in ids
    }
