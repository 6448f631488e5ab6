"""Votes on approval requests: one per reviewer, which can be changed any time.

Reviewers are the named users, members of the named groups, and guests of a share that allows votes; if a request names
no reviewers, every user with write access. An administrator may always vote. Read access alone allows no vote.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.acl import Actor, Permission, permitted
from models.approval import Approval, ApprovalVote, VoteStatus
from models.base import new_id
from models.history import Operation
from models.share import ShareRight
from tasks.approvals import (
    Wanted,
    find_request,
    refuse_deleted,
    refuse_other_kinds,
    request_approvals,
    requests_of,
    settle,
    votes_of,
)
from tasks.objects import Found, tell
from tasks.refusals import Conflict, Denied, Missing

TOLD = {VoteStatus.APPROVED: (Operation.APPROVE, "approved"), VoteStatus.NOT_APPROVED: (Operation.REJECT, "rejected")}
"""History operation and verb of a vote."""


def vote(session: Session, found: Found, status: VoteStatus, actor: Actor) -> ApprovalVote:
    """Record the actor's vote on an object with read access; it replaces an earlier vote."""
    refuse_other_kinds(found.object_type)
    refuse_deleted(found)
    # The request is locked before its votes are read: a concurrent vote waits, and both count.
    approval = requests_of(session, [found], lock=True).get(found.id)
    if approval is None:
        raise Conflict(f'nobody asked for the approval of "{found.title}"; ask first, with POST …/approvals/request/')
    _refuse_who_was_not_asked(session, approval, found, actor)
    _write_votes(session, [approval], status, actor)
    operation, what = TOLD[status]
    tell(session, found, operation, f"{actor.name} {what}", actor)
    votes = votes_of(session, [approval])[approval.id]
    settle(approval, votes)
    session.flush()
    external = _email_of(actor)
    return next(each for each in votes if (each.user_id, each.external) == (actor.user_id, external))


def _write_votes(session: Session, approvals: Sequence[Approval], status: VoteStatus, actor: Actor) -> None:
    external = _email_of(actor)
    share_id = actor.guest.share_id if actor.guest is not None else None
    said = {"user_id": actor.user_id, "external": external, "status": status, "share_id": share_id}
    statement = insert(ApprovalVote).on_conflict_do_update(
        index_elements=["approval_id", "user_id" if external is None else "external"],
        set_={"status": status, "share_id": share_id, "change_date": func.now()},
    )
    session.execute(statement, [{"id": new_id(), "approval_id": each.id} | said for each in approvals])


def _email_of(actor: Actor) -> str | None:
    """Return the address under which a guest votes; None for a user."""
    return None if actor.guest is None else actor.guest.email.lower()


def _refuse_who_was_not_asked(session: Session, approval: Approval, found: Found, actor: Actor) -> None:
    """Raise PermissionDenied if the actor is not a reviewer of the request."""
    if actor.guest is not None:
        if ShareRight.SETTING_APPROVE_STATUS not in actor.guest.allows:
            raise Denied(f'this share of "{found.title}" allows no votes')
        if not _email_of(actor):
            raise Denied("a link for everybody has no name to vote under; ask for a link of your own")
        return
    if actor.is_admin or actor.user_id in approval.users or set(actor.group_ids) & set(approval.groups):
        return
    if not _names_nobody(approval) or not _may_write(session, found, actor):
        raise Denied(f'you may read "{found.title}", but were not asked to approve it')


def _names_nobody(approval: Approval) -> bool:
    """Return whether the request names no reviewers, so that every user with write access may vote."""
    return not (approval.users or approval.groups or approval.externals)


def _may_write(session: Session, found: Found, actor: Actor) -> bool:
    may = permitted(actor, found.object_type, literal(found.id), Permission.WRITE)
    return bool(session.scalar(select(may)))


def withdraw_vote(
    session: Session, found: Found, actor: Actor, *, user_id: uuid.UUID | None = None, external: str | None = None
) -> None:
    """Withdraw a vote: the actor's own, or with write access that of another voter."""
    approval = find_request(session, found, lock=True)
    refuse_deleted(found)
    if user_id is None and external is None:
        user_id, external = actor.user_id, _email_of(actor)
    is_own = (user_id, external) == (actor.user_id, _email_of(actor))
    if not is_own and not _may_write(session, found, actor):
        raise Denied(f'you may read "{found.title}", but only who may write it takes the votes of others back')
    votes = votes_of(session, [approval])[approval.id]
    of_voter = [each for each in votes if (each.user_id, each.external) == (user_id, external and external.lower())]
    if not of_voter:
        raise Missing("vote", f'of {external or user_id} on "{found.title}"')
    for each in of_voter:
        session.delete(each)
    said = "a vote was withdrawn" if is_own else f"the vote of {external or user_id} was withdrawn"
    tell(session, found, Operation.CUSTOM, f"{said} by {actor.name}", actor)
    settle(approval, [each for each in votes if each not in of_voter])
    session.flush()


def set_approvals(session: Session, founds: Sequence[Found], status: VoteStatus, actor: Actor) -> None:
    """Vote on many objects of one type, and request approval where there is no request. The actor may write all of
    them, and the caller has locked them in id order.

    Write access includes the right to add reviewers: if others are named, the actor is added to them. A request without
    reviewers stays open to all users with write access.
    """
    refuse_other_kinds(founds[0].object_type)
    assert actor.user_id is not None
    standing = requests_of(session, founds, lock=True)
    unasked = [found for found in founds if found.id not in standing]
    if unasked:
        made = request_approvals(session, unasked, Wanted(users=[actor.user_id]), actor)
        standing |= {approval.object_id: approval for approval in made}
    approvals = [standing[found.id] for found in founds]
    for approval in approvals:
        is_asked = actor.user_id in approval.users or set(actor.group_ids) & set(approval.groups)
        if not is_asked and not _names_nobody(approval):
            approval.users = [*approval.users, actor.user_id]
    _write_votes(session, approvals, status, actor)
    operation, what = TOLD[status]
    for found in founds:
        tell(session, found, operation, f"{actor.name} {what}", actor)
    votes = votes_of(session, approvals)
    for approval in approvals:
        settle(approval, votes[approval.id])
    session.flush()
