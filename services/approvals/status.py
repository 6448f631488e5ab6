"""Approval status from votes: the only definition, a pure function."""

from collections.abc import Collection

from models.catalog.approval import ApprovalStatus, VoteStatus


def compute_status(min_number: int | None, votes: Collection[VoteStatus]) -> ApprovalStatus:
    """Compute the status of a request with these votes; `min_number` is None if there is no request.

    Differing votes give MIXED regardless of their numbers: a person must decide. A single rejection without approvals
    rejects, because `min_number` counts only approvals.
    """
    if min_number is None:
        return ApprovalStatus.NONE
    agreed = sum(vote == VoteStatus.APPROVED for vote in votes)
    if 0 < agreed < len(votes):
        return ApprovalStatus.MIXED
    if votes and not agreed:
        return ApprovalStatus.NOT_APPROVED
    return ApprovalStatus.APPROVED if agreed >= min_number else ApprovalStatus.REQUESTED
