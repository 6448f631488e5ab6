"""Request bodies and serialisers of approvals."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select

from api.routes.catalog.approval_answers import (
    ApprovalAnswer,
    ApprovalRequestAnswer,
    ApprovalVoteAnswer,
    ReviewerAnswer,
    ReviewSummaryAnswer,
)
from asgi.body_base import Body
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call
from models.access.acl import Actor
from models.access.user import User
from models.catalog.approval import Approval, ApprovalStatus, ApprovalVote, VoteStatus
from models.catalog.asset import ASSET_KIND
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from models.core.statements import in_array
from services.approvals.requests import (
    MAX_REVIEWERS_PER_KIND,
    ApprovalSpec,
    ApprovalStatusView,
    approval_version,
    list_reviewers_without_access,
)
from services.approvals.votes import MAX_REASON_CHARACTERS, external_voter, is_reviewer
from services.catalog.assets.assets import MAX_ASSETS_PER_REQUEST
from services.core.errors import ValidationFailed

ExternalReviewers = Annotated[
    list[Annotated[str, Field(max_length=320)]], Field(fail_fast=True, max_length=MAX_REVIEWERS_PER_KIND)
]
ReviewerIds = Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_REVIEWERS_PER_KIND)]


class ApprovalRequestBody(Body):
    """Reviewers of an approval request; all its other keys are read-only and ignored."""

    users: ReviewerIds | None = None
    groups: ReviewerIds | None = None
    externals: ExternalReviewers | None = None
    min_number: Annotated[int, Field(ge=1, le=1_000)] | None = None
    share_id: UUID | None = None

    def wanted(self) -> ApprovalSpec:
        """Return the approval request to create."""
        return ApprovalSpec(**self.changes())


class ApprovalVoteBody(Body):
    status: ApprovalStatus | None = None
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)] = ""

    def vote(self) -> VoteStatus:
        """Return the caller's vote."""
        if self.status not in (ApprovalStatus.APPROVED, ApprovalStatus.NOT_APPROVED):
            raise ValidationFailed("status", "must be APPROVED or NOT_APPROVED; withdraw a vote with DELETE")
        return VoteStatus(self.status)


class ApprovalBulkBody(Body):
    object_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_ASSETS_PER_REQUEST, min_length=1)]
    object_type: Literal["assets", "collections"]


class ApprovalBulkVoteBody(ApprovalBulkBody):
    status: VoteStatus


def serialize_vote(standing: ApprovalStatusView, vote: ApprovalVote) -> ApprovalVoteAnswer:
    """Serialise one vote."""
    return {
        "object_id": str(standing.found.id),
        "object_type": standing.found.object_type,
        "version_id": str(approval_version(standing.found)),
        "user": optional_id(vote.user_id),
        "external": vote.external,
        "status": vote.status,
        "reason": vote.reason,
        "change_date": format_datetime(vote.change_date),
    }


def serialize_approval(call: Call, standing: ApprovalStatusView) -> ApprovalAnswer:
    """Serialise the approval request of an object with its votes; status `N/A` where none exists."""
    approval = standing.approval
    if call.actor.guest is not None:
        standing = filter_votes_for_guest(standing, call.actor)
        approval = None
    in_vain = (
        list_reviewers_without_access(call.session, standing.found, approval.users) if approval is not None else []
    )
    body: ApprovalAnswer = {
        **serialize_approval_request(approval),
        "object_id": str(standing.found.id),
        "object_type": standing.found.object_type,
        "version_id": str(approval_version(standing.found)),
        "approvals_by": [serialize_vote(standing, vote) for vote in standing.votes],
        "user_status": vote_status_of_caller(call, standing),
        "users_info": serialize_reviewers(call, approval),
        "users_without_read": [str(user_id) for user_id in in_vain],
    }
    if standing.approval is not None:
        body["status"] = standing.approval.status
    return body


def filter_votes_for_guest(standing: ApprovalStatusView, actor: Actor) -> ApprovalStatusView:
    """Return the approval as a guest sees it: the status and its own vote, without names or addresses of others."""
    own = [vote for vote in standing.votes if vote.external is not None and vote.external == external_voter(actor)]
    return ApprovalStatusView(standing.found, standing.approval, own)


def serialize_approval_request(approval: Approval | None) -> ApprovalRequestAnswer:
    """Serialise the request itself, as in lists."""
    if approval is None:
        return {"status": ApprovalStatus.NONE, "users": [], "groups": [], "externals": [], "min_number": 1}
    return {
        "status": approval.status,
        "users": [str(each) for each in approval.users],
        "groups": [str(each) for each in approval.groups],
        "externals": approval.externals,
        "min_number": approval.min_number,
        "requested_by": optional_id(approval.requested_by),
        "request_date": format_datetime(approval.request_date),
        "change_date": format_datetime(approval.change_date),
        "share_id": optional_id(approval.share_id),
    }


def vote_status_of_caller(call: Call, standing: ApprovalStatusView) -> ApprovalStatus:
    """Return the caller's vote, `REQUESTED` where it has not voted yet, or `N/A` where it is not asked."""
    approval, actor = standing.approval, call.actor
    if actor.guest is not None:
        said = [ApprovalStatus(vote.status) for vote in standing.votes if vote.external == external_voter(actor)]
        is_asked = approval is not None and is_reviewer(approval, actor)
        return next(iter(said), ApprovalStatus.REQUESTED if is_asked else ApprovalStatus.NONE)
    for vote in standing.votes:
        if vote.user_id is not None and vote.user_id == actor.user_id:
            return ApprovalStatus(vote.status)
    is_asked = approval is not None and is_reviewer(approval, actor)
    return ApprovalStatus.REQUESTED if is_asked else ApprovalStatus.NONE


def serialize_reviewers(call: Call, approval: Approval | None) -> list[ReviewerAnswer]:
    """Serialise the requested users with their names."""
    if approval is None or not approval.users:
        return []
    users = call.session.scalars(select(User).where(in_array(User.id, approval.users)).order_by(User.id))
    return [
        {"id": str(user.id), "first_name": user.first_name, "last_name": user.last_name, "type": user.type}
        for user in users
    ]


def load_review_summaries(call: Call, ids: Sequence[UUID]) -> Mapping[UUID, ReviewSummaryAnswer]:
    """Load approval request and comment count of several assets, in two queries."""
    query = select(Approval).where(Approval.object_type == ASSET_KIND, in_array(Approval.object_id, ids))
    approvals = {approval.object_id: approval for approval in call.session.scalars(query)}
    counted = (
        select(Segment.asset_id, func.count())
        .where(
            in_array(Segment.asset_id, ids),
            Segment.segment_type == SegmentType.COMMENT,
            Segment.status == SegmentStatus.ACTIVE,
        )
        .group_by(Segment.asset_id)
    )
    comments = {row[0]: row[1] for row in call.session.execute(counted)}
    return {
        asset_id: {
            "approval": serialize_approval_request(approvals.get(asset_id)),
            "comments_count": comments.get(asset_id, 0),
        }
        for asset_id in ids
    }
