"""Approval requests for assets and collections: created, updated and withdrawn by users with write access.

The request's row is locked before its votes are changed, so that concurrent votes all count. All functions take many
objects in a fixed number of statements, because a job may request approval for the whole contents of a collection.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Uuid, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import Actor, PrincipalKind, readable_by
from models.access.user import Membership
from models.catalog.approval import Approval, ApprovalStatus, ApprovalVote
from models.catalog.history import Operation
from models.core.base import new_id
from models.core.statements import in_array
from services.access.permissions import Principal, principal_names
from services.approvals.notices import notify_reviewers
from services.approvals.status import compute_status
from services.core.actors import find_actors
from services.core.errors import NotFound, ValidationFailed, require_found
from services.core.rows import apply_changes
from services.objects.objects import ObjectRef, record_object_history

APPROVABLE_OBJECT_TYPES = ("assets", "collections")
MAX_REVIEWERS_PER_KIND = 100


@dataclass(frozen=True, slots=True)
class ApprovalSpec:
    """Reviewers of a request, and how many of them must approve."""

    users: Sequence[uuid.UUID] = ()
    groups: Sequence[uuid.UUID] = ()
    externals: Sequence[str] = ()
    min_number: int = 1
    share_id: uuid.UUID | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Columns of the request."""
        return {
            "users": list(dict.fromkeys(self.users)),
            "groups": list(dict.fromkeys(self.groups)),
            "externals": list(dict.fromkeys(each.strip().lower() for each in self.externals)),
            "min_number": self.min_number,
            "share_id": self.share_id,
        }


@dataclass(frozen=True, slots=True)
class ApprovalStatusView:
    """An object's approval request with its votes; `approval` is None if there is no request."""

    found: ObjectRef
    approval: Approval | None
    votes: Sequence[ApprovalVote] = field(default=())


def require_approvable(object_type: str) -> None:
    """Raise ValidationFailed for object types without approvals, such as segments."""
    if object_type not in APPROVABLE_OBJECT_TYPES:
        raise ValidationFailed(
            "object_type", f'"{object_type[:80]}" is not approved; {" and ".join(APPROVABLE_OBJECT_TYPES)} are'
        )


def approval_version(found: ObjectRef) -> uuid.UUID:
    """Return the id of the version that an approval applies to."""
    return found.version_id or found.id


def load_approval_status(session: Session, found: ObjectRef) -> ApprovalStatusView:
    """Load an object's request and votes."""
    approval = load_requests(session, [found]).get(found.id)
    return ApprovalStatusView(found, approval, load_votes(session, [approval])[approval.id] if approval else ())


def load_requests(
    session: Session, object_refs: Sequence[ObjectRef], *, lock: bool = False
) -> dict[uuid.UUID, Approval]:
    """Load the requests for objects of one type, by object id; with `lock`, for update in id order."""
    query = select(Approval).where(
        Approval.object_type == object_refs[0].object_type,
        in_array(Approval.object_id, [found.id for found in object_refs]),
        in_array(Approval.version_id, [approval_version(found) for found in object_refs]),
    )
    # Locks are taken in object id order, as everywhere, so that concurrent requests and votes do not deadlock.
    query = query.order_by(Approval.object_id).execution_options(populate_existing=True)
    rows = session.scalars(query.with_for_update() if lock else query)
    return {row.object_id: row for row in rows}


def get_request(session: Session, found: ObjectRef, *, lock: bool = False) -> Approval:
    """Return the request for an object. Raises NotFound if there is none."""
    require_approvable(found.object_type)
    approval = load_requests(session, [found], lock=lock).get(found.id)
    return require_found(approval, "approval request", f'of "{found.title}"')


def load_votes(session: Session, approvals: Iterable[Approval]) -> Mapping[uuid.UUID, list[ApprovalVote]]:
    """Load the votes on requests in one query, oldest first, by request id."""
    votes: dict[uuid.UUID, list[ApprovalVote]] = defaultdict(list)
    query = select(ApprovalVote).where(in_array(ApprovalVote.approval_id, [each.id for each in approvals]))
    for vote in session.scalars(query.order_by(ApprovalVote.id).execution_options(populate_existing=True)):
        votes[vote.approval_id].append(vote)
    return votes


def request_approval(session: Session, found: ObjectRef, wanted: ApprovalSpec, actor: Actor) -> Approval:
    """Request approval for an object, which the actor may write and the caller has locked. A repeated request discards
    votes."""
    return request_approvals(session, [found], wanted, actor)[0]


def request_approvals(
    session: Session, object_refs: Sequence[ObjectRef], wanted: ApprovalSpec, actor: Actor
) -> list[Approval]:
    """Request approval for many objects of one type, which the caller has locked in id order."""
    require_approvable(object_refs[0].object_type)
    named = validate_spec(session, wanted)
    before = load_requests(session, object_refs, lock=True)
    stale = [approval.id for approval in before.values()]
    if stale:
        session.execute(_skip_session_sync(delete(ApprovalVote).where(in_array(ApprovalVote.approval_id, stale))))
    fresh = {"status": ApprovalStatus.REQUESTED, "requested_by": actor.user_id} | wanted.values
    rows = [
        {"id": new_id(), "object_type": found.object_type, "object_id": found.id, "version_id": approval_version(found)}
        | fresh
        for found in object_refs
    ]
    statement = insert(Approval).on_conflict_do_update(
        index_elements=["object_type", "object_id", "version_id"],
        set_=fresh | {"request_date": func.now(), "change_date": func.now()},
    )
    # mark_approval_insert and mark_approval_update mark the documents of the objects.
    session.execute(statement, rows)
    for found in object_refs:
        record_object_history(session, found, Operation.CUSTOM, f"approval was asked for: {named}", actor)
    session.flush()
    made = load_requests(session, object_refs)
    notify_reviewers(session, fresh["users"], fresh["groups"], fresh["externals"], actor.user_id)
    return [made[found.id] for found in object_refs]


def validate_spec(session: Session, wanted: ApprovalSpec) -> str:
    """Raise ValidationFailed for a request that cannot be fulfilled; return a description of its reviewers."""
    for name, value in (("users", wanted.users), ("groups", wanted.groups), ("externals", wanted.externals)):
        if len(value) > MAX_REVIEWERS_PER_KIND:
            raise ValidationFailed(name, f"{len(value)} are named; the maximum is {MAX_REVIEWERS_PER_KIND}")
    for email in wanted.externals:
        if email.count("@") != 1 or not all(part.strip() for part in email.split("@")) or len(email) > 320:
            raise ValidationFailed("externals", f'"{email[:80]}" is not an e-mail address')
    values = wanted.values
    people = len(values["users"]) + len(values["externals"])
    if wanted.min_number < 1:
        raise ValidationFailed("min_number", f"{wanted.min_number} is less than 1 approval; ask for at least 1")
    if people and not wanted.groups and wanted.min_number > people:
        raise ValidationFailed("min_number", f"{wanted.min_number} have to agree, but only {people} are named")
    names = [
        *_resolve_names(session, "users", PrincipalKind.USER, wanted.users),
        *_resolve_names(session, "groups", PrincipalKind.GROUP, wanted.groups),
        *values["externals"],
    ]
    who = ", ".join(names) or "all who may write it"
    return f"{who}; {wanted.min_number} must agree" if wanted.min_number > 1 else who


def _resolve_names(session: Session, field_name: str, kind: PrincipalKind, ids: Sequence[uuid.UUID]) -> Collection[str]:
    try:
        return principal_names(session, [Principal(kind, key) for key in dict.fromkeys(ids)]).values() if ids else ()
    except NotFound as missing:
        raise ValidationFailed(field_name, str(missing)) from None


def update_request(session: Session, found: ObjectRef, changes: Mapping[str, Any], actor: Actor) -> Approval:
    """Update reviewers and the required number; votes of current reviewers stay."""
    approval = get_request(session, found, lock=True)
    names = ("users", "groups", "externals", "min_number", "share_id")
    wanted = ApprovalSpec(**{name: changes.get(name, getattr(approval, name)) for name in names})
    named = validate_spec(session, wanted)
    if wanted.values == {name: getattr(approval, name) for name in names}:
        return approval
    votes = load_votes(session, [approval])[approval.id]
    asked_before = _votes_by_reviewers(session, votes, approval)
    newly_asked = {
        name: set(wanted.values[name]) - set(getattr(approval, name)) for name in ("users", "groups", "externals")
    }
    # Flushing fires mark_approval_update, which marks the object's document.
    apply_changes(approval, wanted.values)
    asked_now = _votes_by_reviewers(session, votes, approval)
    # Where the request names people, only their votes count; where it names none, those of all others stay.
    void = asked_before if has_no_reviewers(approval) else {vote.id for vote in votes} - asked_now
    gone = [vote for vote in votes if vote.id in void]
    for vote in gone:
        session.delete(vote)
    record_object_history(session, found, Operation.CUSTOM, f"the request for approval was changed: {named}", actor)
    recompute_status(approval, [vote for vote in votes if vote not in gone])
    session.flush()
    notify_reviewers(session, **newly_asked, asked_by=actor.user_id)
    return approval


def has_no_reviewers(approval: Approval) -> bool:
    """Return whether the request names no reviewers, so that every user with write access may vote."""
    return not (approval.users or approval.groups or approval.externals)


def _votes_by_reviewers(session: Session, votes: Sequence[ApprovalVote], approval: Approval) -> set[uuid.UUID]:
    """Return the ids of the votes by reviewers whom the request names."""
    voters = [vote.user_id for vote in votes if vote.user_id is not None]
    members: set[uuid.UUID] = set()
    if voters and approval.groups:
        query = select(Membership.user_id).where(
            in_array(Membership.user_id, voters), in_array(Membership.group_id, approval.groups)
        )
        members = set(session.scalars(query))
    named = members | set(approval.users)
    return {vote.id for vote in votes if vote.user_id in named or vote.external in approval.externals}


def withdraw_requests(session: Session, object_refs: Sequence[ObjectRef], actor: Actor) -> int:
    """Delete the requests with their votes, which history keeps; return the number of deleted requests."""
    require_approvable(object_refs[0].object_type)
    standing = load_requests(session, object_refs, lock=True)
    ids = [approval.id for approval in standing.values()]
    if ids:
        # mark_approval_delete marks the documents of the objects.
        session.execute(_skip_session_sync(delete(Approval).where(in_array(Approval.id, ids))))
    for found in object_refs:
        if found.id in standing:
            record_object_history(session, found, Operation.CUSTOM, "the request for approval was withdrawn", actor)
    session.flush()
    return len(ids)


def withdraw_request(session: Session, found: ObjectRef, actor: Actor) -> None:
    """Delete the request for one object. Raises NotFound if there is none."""
    if not withdraw_requests(session, [found], actor):
        raise NotFound("approval request", f'of "{found.title}"')


def recompute_status(approval: Approval, votes: Collection[ApprovalVote]) -> None:
    """Recompute the status of a locked request from its votes."""
    # mark_approval_update marks the object's document.
    approval.status = compute_status(approval.min_number, [vote.status for vote in votes])
    approval.change_date = func.now()


def _skip_session_sync(statement: Any) -> Any:
    """Skip session synchronisation of a bulk delete: none of the deleted objects is used afterwards."""
    return statement.execution_options(synchronize_session=False)


def list_reviewers_without_access(session: Session, found: ObjectRef, user_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Return those of the users who may not read the object or may not sign in; in two queries."""
    if not user_ids:
        return []
    actors = find_actors(session, user_ids)
    if not actors:
        return list(user_ids)
    key = literal(found.id, Uuid)
    answers = session.execute(select(*(readable_by(actor, found.object_type, key) for actor in actors.values()))).one()
    readers = {user_id for user_id, may in zip(actors, answers, strict=True) if may}
    return [user_id for user_id in user_ids if user_id not in readers]
