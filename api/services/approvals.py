"""Approval requests on assets and collections, and votes on them."""

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
    """Return an object that the caller reads and whose kind has approvals.

    A share of an asset that was merged does not show the approval of the surviving asset.
    """
    refuse_other_kinds(object_type)
    if call.actor.guest is not None and call.actor.guest.is_merged:
        raise Missing("approval", object_id)
    return find_object(call.session, call.actor, object_type, object_id)


def held(call: Call, object_type: str, object_id: UUID) -> Found:
    """Return an object that the caller may write, its row locked until the transaction ends."""
    refuse_other_kinds(object_type)
    return find_object_for_change(call.session, call.actor, object_type, object_id)


def shown(call: Call, found: Found) -> dict[str, Any]:
    """Serialise the approval of an object."""
    return approval_body(call, standing_of(call.session, found))


@routes.post("/{object_type}/{object_id}/approvals/request/", other=202)
def post_approval_request(call: Call, object_type: str, object_id: UUID, body: RequestBody) -> Answer:
    """Request approval of an object. For a collection, a job requests approval of its contents (202)."""
    found, wanted = held(call, object_type, object_id), body.wanted()
    request_approval(call.session, found, wanted, call.actor)
    if object_type == "assets":
        return Answer(201, shown(call, found))
    job: Job = request_contents(call.session, found, wanted, call.actor)
    call.ring(TASK, [job.id])
    return Answer(202, {"job_id": str(job.id)})


@routes.get("/{object_type}/{object_id}/approvals/request/", guests=True)
def get_approval_request(call: Call, object_type: str, object_id: UUID) -> dict[str, Any]:
    """Return the approval request, with its votes and status."""
    return shown(call, readable(call, object_type, object_id))


@routes.put("/{object_type}/{object_id}/approvals/request/")
def put_approval_request(call: Call, object_type: str, object_id: UUID, body: RequestBody) -> dict[str, Any]:
    """Replace the reviewers; those that are left out are removed."""
    found = held(call, object_type, object_id)
    change_request(call.session, found, body.wanted().values, call.actor)
    return shown(call, found)


@routes.patch("/{object_type}/{object_id}/approvals/request/")
def patch_approval_request(call: Call, object_type: str, object_id: UUID, body: RequestBody) -> dict[str, Any]:
    """Change only the fields that were sent."""
    found = held(call, object_type, object_id)
    change_request(call.session, found, body.changes(), call.actor)
    return shown(call, found)


@routes.delete("/{object_type}/{object_id}/approvals/request/")
def delete_approval_request(call: Call, object_type: str, object_id: UUID) -> None:
    """Withdraw the request and delete its votes; history keeps them."""
    withdraw_request(call.session, held(call, object_type, object_id), call.actor)


@routes.put("/{object_type}/{object_id}/approvals/", guests=True)
def put_approval(call: Call, object_type: str, object_id: UUID, body: VoteBody) -> dict[str, Any]:
    """Set the caller's vote."""
    found, status = readable(call, object_type, object_id), body.vote()
    said = vote(call.session, found, status, call.actor)
    return vote_body(Standing(found, None), said)


@routes.get("/{object_type}/{object_id}/approvals/", guests=True)
def get_approvals(call: Call, object_type: str, object_id: UUID) -> dict[str, Any]:
    """List all votes."""
    return votes(call, readable(call, object_type, object_id))


def votes(call: Call, found: Found) -> dict[str, Any]:
    """Serialise all votes on an object, as one page."""
    standing = standing_of(call.session, found)
    if call.actor.guest is not None:
        standing = of_guest(standing, call.actor.guest)
    objects = [vote_body(standing, each) for each in standing.votes]
    return envelope(call, objects, 1, 1, max(len(objects), 1), len(objects))


@routes.delete("/{object_type}/{object_id}/approvals/", guests=True)
def delete_approval(call: Call, object_type: str, object_id: UUID) -> None:
    """Withdraw the caller's vote."""
    withdraw_vote(call.session, readable(call, object_type, object_id), call.actor)


@routes.delete("/{object_type}/{object_id}/approvals/user/{user_id}/")
def delete_approval_of_user(call: Call, object_type: str, object_id: UUID, user_id: UUID) -> None:
    """Withdraw a user's vote."""
    withdraw_vote(call.session, readable(call, object_type, object_id), call.actor, user_id=user_id)


@routes.delete("/{object_type}/{object_id}/approvals/external/{email}/")
def delete_approval_of_external(call: Call, object_type: str, object_id: UUID, email: str) -> None:
    """Withdraw the vote of an external reviewer."""
    withdraw_vote(call.session, readable(call, object_type, object_id), call.actor, external=email)


@routes.get("/{object_type}/{object_id}/versions/{version_id}/approvals/request/")
def get_version_approval_request(call: Call, object_type: str, object_id: UUID, version_id: UUID) -> dict[str, Any]:
    """Return the approval request of one version."""
    return shown(call, of_version(readable(call, object_type, object_id), version_id))


@routes.get("/{object_type}/{object_id}/versions/{version_id}/approvals/")
def get_version_approvals(call: Call, object_type: str, object_id: UUID, version_id: UUID) -> dict[str, Any]:
    """List the votes on one version."""
    return votes(call, of_version(readable(call, object_type, object_id), version_id))


def of_version(found: Found, version_id: UUID) -> Found:
    """Return the object if the version is its own; else raise `NotFound`."""
    if version_of(found) != version_id:
        raise Missing("version", version_id)
    return found


@routes.post("/approvals/bulk/", status=200)
def post_approvals_bulk(call: Call, body: BulkSetBody) -> Answer:
    """Vote on several objects that the caller may write, creating missing requests; all or none."""
    set_approvals(call.session, many(call, body), body.status, call.actor)
    return Answer(200, {})


@routes.post("/approvals/bulk_remove/", status=200)
def post_approvals_bulk_remove(call: Call, body: BulkBody) -> Answer:
    """Withdraw the requests of several objects; objects without a request are skipped."""
    withdraw_requests(call.session, many(call, body), call.actor)
    return Answer(200, {})


def many(call: Call, body: BulkBody) -> Sequence[Found]:
    """Return objects that the caller may write, their rows locked, each once even where several ids lead to one."""
    ids = sorted(set(body.object_ids))
    found = [find_object(call.session, call.actor, body.object_type, each, Permission.WRITE) for each in ids]
    living = sorted({each.id for each in found})
    # Lock in id order, so that two bulk requests cannot deadlock.
    return [find_object_for_change(call.session, call.actor, body.object_type, each) for each in living]
