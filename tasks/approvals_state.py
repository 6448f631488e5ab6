"""What votes make of a request: a pure function, and the only one that knows."""

from collections.abc import Collection

from models.approval import ApprovalStatus, VoteStatus


def state_of(min_number: int | None, votes: Collection[VoteStatus]) -> ApprovalStatus:
    """The status of a request that so many have to approve; None where nobody asked.

    Votes that differ make it MIXED, whatever the numbers are: a person has to look. One rejection rejects, for
    `min_number` says how many have to agree, and nobody needs company to refuse.
    """
    if min_number is None:
        return ApprovalStatus.NONE
    agreed = sum(vote == VoteStatus.APPROVED for vote in votes)
    if 0 < agreed < len(votes):
        return ApprovalStatus.MIXED
    if votes and not agreed:
        return ApprovalStatus.NOT_APPROVED
    return ApprovalStatus.APPROVED if agreed >= min_number else ApprovalStatus.REQUESTED
