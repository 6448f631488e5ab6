"""Votes on approval requests: one per reviewer, which can be changed any time.

Where a request names reviewers, only they vote: users and members of groups by their sign-in, external people by a
share link made out to their address. If it names none: every user with write access, administrators, and guests of a
share that allows votes. Read access alone allows no vote. A vote by a link for everyone is recorded as of that link,
once for each link, and never under a name.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, ShareRight, has_permission
from models.catalog.approval import Approval, ApprovalVote, VoteStatus
from models.catalog.history import Operation
from models.core.base import new_id
from services.approvals.notices import notify_requesters
from services.approvals.requests import (
    ApprovalSpec,
    get_request,
    has_no_reviewers,
    load_requests,
    load_votes,
    recompute_status,
    request_approvals,
    require_approvable,
)
from services.core.errors import Conflict, NotFound, PermissionDenied, refuse_deleted
from services.objects.objects import ObjectRef, record_object_history

VOTE_HISTORY = {
    VoteStatus.APPROVED: (Operation.APPROVE, "approved"),
    VoteStatus.NOT_APPROVED: (Operation.REJECT, "rejected"),
}
"""History operation and verb of a vote."""
MAX_REASON_CHARACTERS = 2_000


def cast_vote(session: Session, found: ObjectRef, status: VoteStatus, actor: Actor, reason: str = "") -> ApprovalVote:
    """Record the actor's vote on an object with read access; it replaces an earlier vote and its reason."""
    require_approvable(found.object_type)
    refuse_deleted(f'"{found.title}"', found.is_deleted)
    # The request is locked before its votes are read: a concurrent vote waits, and both count.
    approval = load_requests(session, [found], lock=True).get(found.id)
    if approval is None:
        raise Conflict(
            f'the approval of "{found.title}" was not requested; request it first, with POST …/approvals/request/'
        )
    _require_reviewer(session, approval, found, actor)
    _write_votes(session, [approval], status, actor, reason)
    operation, what = VOTE_HISTORY[status]
    record_object_history(session, found, operation, _describe_vote(actor, what), actor)
    votes = load_votes(session, [approval])[approval.id]
    before = {approval.id: approval.status}
    recompute_status(approval, votes)
    session.flush()
    notify_requesters(session, [approval], before, actor)
    external = external_voter(actor)
    return next(each for each in votes if (each.user_id, each.external) == (actor.user_id, external))


def _write_votes(
    session: Session, approvals: Sequence[Approval], status: VoteStatus, actor: Actor, reason: str = ""
) -> None:
    external = external_voter(actor)
    share_id = actor.guest.share_id if actor.guest is not None else None
    said: dict[str, object] = {"user_id": actor.user_id, "external": external, "status": status, "share_id": share_id}
    said["reason"] = reason
    # Votes are in no document and have no trigger: recompute_status changes the approval (mark_approval_update).
    statement = insert(ApprovalVote).on_conflict_do_update(
        index_elements=["approval_id", "user_id" if external is None else "external"],
        set_={"status": status, "reason": reason, "share_id": share_id, "change_date": func.now()},
    )
    session.execute(statement, [{"id": new_id(), "approval_id": each.id} | said for each in approvals])


def _describe_vote(actor: Actor, what: str) -> str:
    """Describe a vote by what is known of its voter: a sign-in, or the link that it came through."""
    guest = actor.guest
    if guest is None:
        return f"{actor.name} {what}"
    if not guest.email:
        return f'a guest {what}, by the link for everyone of the share "{guest.title}"'
    shown = f", shown to {guest.link_shown_to}" if guest.link_shown_to else ""
    return f"{actor.name} {what}, by the link made out to {guest.email}{shown}"


def external_voter(actor: Actor) -> str | None:
    """Return what a guest votes as: the address that its link is made out to, or the link for everyone itself; None
    for a user."""
    if actor.guest is None:
        return None
    return actor.guest.email.lower() or f"link:{actor.guest.share_user_id}"


def is_reviewer(approval: Approval, actor: Actor) -> bool:
    """Return whether the request names the actor, itself or by a group."""
    if actor.guest is not None:
        return external_voter(actor) in approval.externals
    return actor.user_id in approval.users or bool(set(actor.group_ids) & set(approval.groups))


def may_guest_vote(approval: Approval, actor: Actor) -> bool:
    """Return whether a guest's share allows votes, and the request asks this guest or names no one."""
    allows = actor.guest.allows if actor.guest is not None else ()
    is_asked = has_no_reviewers(approval) or is_reviewer(approval, actor)
    return ShareRight.SETTING_APPROVE_STATUS in allows and is_asked


def _require_reviewer(session: Session, approval: Approval, found: ObjectRef, actor: Actor) -> None:
    """Raise PermissionDenied if the actor may not vote on the request."""
    if actor.guest is not None:
        if ShareRight.SETTING_APPROVE_STATUS not in actor.guest.allows:
            raise PermissionDenied(f'this share of "{found.title}" allows no votes')
        if not may_guest_vote(approval, actor):
            raise PermissionDenied(
                f'the approval of "{found.title}" was asked of people by name, and this link is made out to none of '
                "them; ask for a link of your own"
            )
        return
    if is_reviewer(approval, actor):
        return
    if not has_no_reviewers(approval):
        raise PermissionDenied(
            f'you were not asked to approve "{found.title}"; '
            "a user with write permission adds you, by PATCH …/approvals/request/"
        )
    if not actor.is_admin and not _can_write(session, found, actor):
        raise PermissionDenied(f'you may read "{found.title}", but not "write" it, so you have no vote on it')


def _can_write(session: Session, found: ObjectRef, actor: Actor) -> bool:
    may = has_permission(actor, found.object_type, literal(found.id), Permission.WRITE)
    return bool(session.scalar(select(may)))


def withdraw_vote(
    session: Session, found: ObjectRef, actor: Actor, *, user_id: uuid.UUID | None = None, external: str | None = None
) -> None:
    """Withdraw a vote: the actor's own, or with write access that of another voter."""
    approval = get_request(session, found, lock=True)
    refuse_deleted(f'"{found.title}"', found.is_deleted)
    if user_id is None and external is None:
        user_id, external = actor.user_id, external_voter(actor)
    is_own = (user_id, external) == (actor.user_id, external_voter(actor))
    if not is_own and not _can_write(session, found, actor):
        raise PermissionDenied(f'only users with write permission on "{found.title}" withdraw the votes of others')
    votes = load_votes(session, [approval])[approval.id]
    of_voter = [each for each in votes if (each.user_id, each.external) == (user_id, external and external.lower())]
    if not of_voter:
        raise NotFound("vote", f'of {external or user_id} on "{found.title}"')
    # approval_vote has no trigger: recompute_status changes the approval (mark_approval_update).
    for each in of_voter:
        session.delete(each)
    said = "a vote was withdrawn" if is_own else f"the vote of {external or user_id} was withdrawn"
    record_object_history(session, found, Operation.CUSTOM, f"{said} by {actor.name}", actor)
    recompute_status(approval, [each for each in votes if each not in of_voter])
    session.flush()


def set_approvals(session: Session, object_refs: Sequence[ObjectRef], status: VoteStatus, actor: Actor) -> None:
    """Vote on many objects of one type, and request approval where there is no request. The actor may write all of
    them, and the caller has locked them in id order.

    Write access includes the right to add reviewers: if others are named, the actor is added to them. A request without
    reviewers stays open to all users with write access.
    """
    require_approvable(object_refs[0].object_type)
    assert actor.user_id is not None
    standing = load_requests(session, object_refs, lock=True)
    unasked = [found for found in object_refs if found.id not in standing]
    if unasked:
        made = request_approvals(session, unasked, ApprovalSpec(users=[actor.user_id]), actor)
        standing |= {approval.object_id: approval for approval in made}
    approvals = [standing[found.id] for found in object_refs]
    operation, what = VOTE_HISTORY[status]
    for found, approval in zip(object_refs, approvals, strict=True):
        if not is_reviewer(approval, actor) and not has_no_reviewers(approval):
            approval.users = [*approval.users, actor.user_id]
            what = f"became a reviewer, and {VOTE_HISTORY[status][1]}"
        record_object_history(session, found, operation, f"{actor.name} {what}", actor)
    _write_votes(session, approvals, status, actor)
    votes = load_votes(session, approvals)
    before = {approval.id: approval.status for approval in approvals}
    for approval in approvals:
        recompute_status(approval, votes[approval.id])
    session.flush()
    notify_requesters(session, approvals, before, actor)
