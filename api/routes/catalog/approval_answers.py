"""Responses about approval requests and votes."""

from typing import NotRequired

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText
from models.access.user import UserType
from models.catalog.approval import ApprovalStatus, VoteStatus


class ApprovalVoteAnswer(TypedDict):
    """A vote of a user, or of an external reviewer."""

    object_id: IdText
    object_type: str
    version_id: IdText
    user: IdText | None
    external: str | None
    status: VoteStatus
    reason: str
    change_date: DateText


class ReviewerAnswer(TypedDict):
    """A user who was asked for approval."""

    id: IdText
    first_name: str
    last_name: str
    type: UserType


class ApprovalRequestAnswer(TypedDict):
    """An approval request; its status is `N/A` where none exists."""

    status: ApprovalStatus
    users: list[IdText]
    groups: list[IdText]
    externals: list[str]
    min_number: int
    requested_by: NotRequired[IdText | None]
    request_date: NotRequired[DateText]
    change_date: NotRequired[DateText]
    share_id: NotRequired[IdText | None]


class ApprovalAnswer(ApprovalRequestAnswer):
    """The approval request of an object with its votes."""

    object_id: IdText
    object_type: str
    version_id: IdText
    approvals_by: list[ApprovalVoteAnswer]
    user_status: ApprovalStatus
    users_info: list[ReviewerAnswer]
    users_without_read: list[IdText]


class ReviewSummaryAnswer(TypedDict):
    """Approval request and number of comments of an asset, in lists."""

    approval: ApprovalRequestAnswer
    comments_count: int
