"""Approvals of assets and collections: asked for, voted on, taken back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api.call import Answer, Call
from api.pages import envelope
from api.routing import Service
from api.services.approval_bodies import (
    BulkBody,
    BulkSetBody,
    RequestBody,
    VoteBody,
    approval_body,
    of_guest,
    vote_body,
)
from models.acl import Permission
from models.job import Job
from tasks.approvals import (
    Standing,
    change_request,
    refuse_other_kinds,
    request_approval,
    standing_of,
    version_of,
    withdraw_request,
    withdraw_requests,
)
from tasks.approvals_of_collections import TASK, request_contents
from tasks.approvals_voting import set_approvals, vote, withdraw_vote
from tasks.objects import Found, find_object, find_object_for_change
from tasks.refusals import Missing

routes = Service("assets")


def readable(call: Call, object_type: str, object_id: UUID) -> Found:
    """An object that the caller reads and that is approved at all; a share of one merged away shows no survivor's."""
    refuse_other_kinds(object_type)
    if call.actor.guest is not None and call.actor.guest.is_merged:
        raise Missing("approval", object_id)
    return find_object(call.session, call.actor, object_type, object_id)


def held(call: Call, object_type: str, object_id: UUID) -> Found:
    """One that the caller may write, held until the transaction ends."""
    refuse_other_kinds(object_type)
    return find_object_for_change(call.session, call.actor, object_type, object_id)


def shown(call: Call, found: Found) -> dict[str, Any]:
    """How the approval of an object stands."""
    return approval_body(call, standing_of(call.session, found))


@routes.post("/{object_type}/{object_id}/approvals/request/", other=202)
def post_approval_request(call: Call, object_type: str, object_id: UUID, body: RequestBody) -> Answer:
    """Ask for approval; of a collection and of all that it holds by a job (202)."""
    found, wanted = held(call, object_type, object_id), body.wanted()
    request_approval(call.session, found, wanted, call.actor)
    if object_type == "assets":
        return Answer(201, shown(call, found))
    job: Job = request_contents(call.session, found, wanted, call.actor)
    call.ring(TASK, [job.id])
    return Answer(202, {"job_id": str(job.id)})


@routes.get("/{object_type}/{object_id}/approvals/request/", guests=True)
def get_approval_request(call: Call, object_type: str, object_id: UUID) -> dict[str, Any]:
    """What was asked, and what the votes make of it."""
    return shown(call, readable(call, object_type, object_id))


@routes.put("/{object_type}/{object_id}/approvals/request/")
def put_approval_request(call: Call, object_type: str, object_id: UUID, body: RequestBody) -> dict[str, Any]:
    """Set who shall agree: those who are left out are asked no more."""
    found = held(call, object_type, object_id)
    change_request(call.session, found, body.wanted().values, call.actor)
    return shown(call, found)


@routes.patch("/{object_type}/{object_id}/approvals/request/")
def patch_approval_request(call: Call, object_type: str, object_id: UUID, body: RequestBody) -> dict[str, Any]:
    """The same for what was sent alone."""
    found = held(call, object_type, object_id)
    change_request(call.session, found, body.changes(), call.actor)
    return shown(call, found)


@routes.delete("/{object_type}/{object_id}/approvals/request/")
def delete_approval_request(call: Call, object_type: str, object_id: UUID) -> None:
    """Ask no more; the votes are forgotten, but for history."""
    withdraw_request(call.session, held(call, object_type, object_id), call.actor)


@routes.put("/{object_type}/{object_id}/approvals/", guests=True)
def put_approval(call: Call, object_type: str, object_id: UUID, body: VoteBody) -> dict[str, Any]:
    """The caller's own vote."""
    found, status = readable(call, object_type, object_id), body.vote()
    said = vote(call.session, found, status, call.actor)
    return vote_body(Standing(found, None), said)


@routes.get("/{object_type}/{object_id}/approvals/", guests=True)
def get_approvals(call: Call, object_type: str, object_id: UUID) -> dict[str, Any]:
    """All votes."""
    return votes(call, readable(call, object_type, object_id))


def votes(call: Call, found: Found) -> dict[str, Any]:
    """All votes on an object, on one page."""
    standing = standing_of(call.session, found)
    if call.actor.guest is not None:
        standing = of_guest(standing, call.actor.guest)
    objects = [vote_body(standing, each) for each in standing.votes]
    return envelope(call, objects, 1, 1, max(len(objects), 1), len(objects))


@routes.delete("/{object_type}/{object_id}/approvals/", guests=True)
def delete_approval(call: Call, object_type: str, object_id: UUID) -> None:
    """Take one's own vote back."""
    withdraw_vote(call.session, readable(call, object_type, object_id), call.actor)


@routes.delete("/{object_type}/{object_id}/approvals/user/{user_id}/")
def delete_approval_of_user(call: Call, object_type: str, object_id: UUID, user_id: UUID) -> None:
    """Take a user's vote back."""
    withdraw_vote(call.session, readable(call, object_type, object_id), call.actor, user_id=user_id)


@routes.delete("/{object_type}/{object_id}/approvals/external/{email}/")
def delete_approval_of_external(call: Call, object_type: str, object_id: UUID, email: str) -> None:
    """Take the vote of somebody outside back."""
    withdraw_vote(call.session, readable(call, object_type, object_id), call.actor, external=email)


@routes.get("/{object_type}/{object_id}/versions/{version_id}/approvals/request/")
def get_version_approval_request(call: Call, object_type: str, object_id: UUID, version_id: UUID) -> dict[str, Any]:
    """The request about one version."""
    return shown(call, of_version(readable(call, object_type, object_id), version_id))


@routes.get("/{object_type}/{object_id}/versions/{version_id}/approvals/")
def get_version_approvals(call: Call, object_type: str, object_id: UUID, version_id: UUID) -> dict[str, Any]:
    """The votes on one version."""
    return votes(call, of_version(readable(call, object_type, object_id), version_id))


def of_version(found: Found, version_id: UUID) -> Found:
    """The object, if that is its version."""
    if version_of(found) != version_id:
        raise Missing("version", version_id)
    return found


@routes.post("/approvals/bulk/", status=200)
def post_approvals_bulk(call: Call, body: BulkSetBody) -> Answer:
    """Ask where nobody did, and vote, for many that the caller may write; all or none."""
    set_approvals(call.session, many(call, body), body.status, call.actor)
    return Answer(200, {})


@routes.post("/approvals/bulk_remove/", status=200)
def post_approvals_bulk_remove(call: Call, body: BulkBody) -> Answer:
    """Withdraw the requests about many; those about which there is none stay as they are."""
    withdraw_requests(call.session, many(call, body), call.actor)
    return Answer(200, {})


def many(call: Call, body: BulkBody) -> Sequence[Found]:
    """Objects that the caller may write, held in id order and each once, also where several ids lead to one."""
    ids = sorted(set(body.object_ids))
    found = [find_object(call.session, call.actor, body.object_type, each, Permission.WRITE) for each in ids]
    living = sorted({each.id for each in found})
    return [find_object_for_change(call.session, call.actor, body.object_type, each) for each in living]
