"""Approval requests on assets and collections, and votes on them."""

from collections.abc import Sequence
from uuid import UUID

from api.routes.catalog.approval_answers import ApprovalAnswer, ApprovalVoteAnswer
from api.routes.catalog.approval_bodies import (
    ApprovalBulkBody,
    ApprovalBulkVoteBody,
    ApprovalRequestBody,
    ApprovalVoteBody,
    filter_votes_for_guest,
    serialize_approval,
    serialize_vote,
)
from asgi.answers import EmptyAnswer, JobIdAnswer, PageAnswer, StatusResponse
from asgi.pagination import page_envelope
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import Permission
from services.approvals.collection_requests import create_collection_request_job
from services.approvals.requests import (
    ApprovalStatusView,
    approval_version,
    load_approval_status,
    request_approval,
    require_approvable,
    update_request,
    withdraw_request,
    withdraw_requests,
)
from services.approvals.votes import cast_vote, set_approvals, withdraw_vote
from services.core.errors import NotFound
from services.objects.objects import ObjectRef, find_object, get_object_for_update

routes = RouteGroup("assets")


def get_approvable(call: Call, object_type: str, object_id: UUID, version_id: UUID | None = None) -> ObjectRef:
    """Return an object that the caller reads and whose kind has approvals; a version, if one is named, is its own.

    A share of an asset that was merged does not show the approval of the surviving asset.
    """
    require_approvable(object_type)
    if call.actor.guest is not None and call.actor.guest.is_merged:
        raise NotFound("approval", object_id)
    found = find_object(call.session, call.actor, object_type, object_id)
    if version_id not in (None, approval_version(found)):
        raise NotFound("version", version_id)
    return found


def get_approvable_for_update(call: Call, object_type: str, object_id: UUID) -> ObjectRef:
    """Return an object that the caller may write, its row locked until the transaction ends."""
    require_approvable(object_type)
    return get_object_for_update(call.session, call.actor, object_type, object_id)


def serialize_object_approval(call: Call, found: ObjectRef) -> ApprovalAnswer:
    """Serialise the approval of an object."""
    return serialize_approval(call, load_approval_status(call.session, found))


@routes.post("/{object_type}/{object_id}/approvals/request/", other=202, other_answer=JobIdAnswer)
def post_approval_request(
    call: Call, object_type: str, object_id: UUID, body: ApprovalRequestBody
) -> StatusResponse[ApprovalAnswer | JobIdAnswer]:
    """Request approval of an object. For a collection, a job requests approval of its contents (202)."""
    found, wanted = get_approvable_for_update(call, object_type, object_id), body.wanted()
    request_approval(call.session, found, wanted, call.actor)
    if object_type == "assets":
        return StatusResponse(201, serialize_object_approval(call, found))
    return StatusResponse(202, call.start_job(create_collection_request_job(call.session, found, wanted, call.actor)))


@routes.get(
    "/{object_type}/{object_id}/versions/{version_id}/approvals/request/",
    SharedEndpoint(
        "get_version_approval_request", "Return the approval request of one version.", types={"version_id": UUID}
    ),
)
@routes.get(
    "/{object_type}/{object_id}/approvals/request/",
    SharedEndpoint(
        "get_approval_request", "Return the approval request, with its votes and status.", {"version_id": None}
    ),
    guests=True,
)
def read_approval_request(call: Call, object_type: str, object_id: UUID, version_id: UUID | None) -> ApprovalAnswer:
    """Return the approval request of an object, or of this version of it."""
    return serialize_object_approval(call, get_approvable(call, object_type, object_id, version_id))


@routes.put("/{object_type}/{object_id}/approvals/request/")
def put_approval_request(call: Call, object_type: str, object_id: UUID, body: ApprovalRequestBody) -> ApprovalAnswer:
    """Replace the reviewers; those that are left out are removed."""
    found = get_approvable_for_update(call, object_type, object_id)
    update_request(call.session, found, body.wanted().values, call.actor)
    return serialize_object_approval(call, found)


@routes.patch("/{object_type}/{object_id}/approvals/request/")
def patch_approval_request(call: Call, object_type: str, object_id: UUID, body: ApprovalRequestBody) -> ApprovalAnswer:
    """Change only the fields that were sent."""
    found = get_approvable_for_update(call, object_type, object_id)
    update_request(call.session, found, body.changes(), call.actor)
    return serialize_object_approval(call, found)


@routes.delete("/{object_type}/{object_id}/approvals/request/")
def delete_approval_request(call: Call, object_type: str, object_id: UUID) -> None:
    """Withdraw the request and delete its votes; history keeps them."""
    withdraw_request(call.session, get_approvable_for_update(call, object_type, object_id), call.actor)


@routes.put("/{object_type}/{object_id}/approvals/", guests=True)
def put_approval(call: Call, object_type: str, object_id: UUID, body: ApprovalVoteBody) -> ApprovalVoteAnswer:
    """Set the caller's vote."""
    found, status = get_approvable(call, object_type, object_id), body.vote()
    said = cast_vote(call.session, found, status, call.actor, body.reason.strip())
    return serialize_vote(ApprovalStatusView(found, None), said)


@routes.get(
    "/{object_type}/{object_id}/versions/{version_id}/approvals/",
    SharedEndpoint("get_version_approvals", "List the votes on one version.", types={"version_id": UUID}),
)
@routes.get(
    "/{object_type}/{object_id}/approvals/",
    SharedEndpoint("get_approvals", "List all votes.", {"version_id": None}),
    guests=True,
)
def list_votes(
    call: Call, object_type: str, object_id: UUID, version_id: UUID | None
) -> PageAnswer[ApprovalVoteAnswer]:
    """List all votes on an object, or on this version of it, as one page."""
    standing = load_approval_status(call.session, get_approvable(call, object_type, object_id, version_id))
    if call.actor.guest is not None:
        standing = filter_votes_for_guest(standing, call.actor)
    objects = [serialize_vote(standing, each) for each in standing.votes]
    return page_envelope(call, objects, 1, 1, max(len(objects), 1), len(objects))


@routes.delete("/{object_type}/{object_id}/approvals/", guests=True)
def delete_approval(call: Call, object_type: str, object_id: UUID) -> None:
    """Withdraw the caller's vote."""
    withdraw_vote(call.session, get_approvable(call, object_type, object_id), call.actor)


@routes.delete("/{object_type}/{object_id}/approvals/user/{user_id}/")
def delete_approval_of_user(call: Call, object_type: str, object_id: UUID, user_id: UUID) -> None:
    """Withdraw a user's vote."""
    withdraw_vote(call.session, get_approvable(call, object_type, object_id), call.actor, user_id=user_id)


@routes.delete("/{object_type}/{object_id}/approvals/external/{email}/")
def delete_approval_of_external(call: Call, object_type: str, object_id: UUID, email: str) -> None:
    """Withdraw the vote of an external reviewer."""
    withdraw_vote(call.session, get_approvable(call, object_type, object_id), call.actor, external=email)


@routes.post("/approvals/bulk/", status=200)
def post_approvals_bulk(call: Call, body: ApprovalBulkVoteBody) -> EmptyAnswer:
    """Vote on several objects that the caller may write, creating missing requests; all or none."""
    set_approvals(call.session, get_approvables_for_update(call, body), body.status, call.actor)
    return {}


@routes.post("/approvals/bulk_remove/", status=200)
def post_approvals_bulk_remove(call: Call, body: ApprovalBulkBody) -> EmptyAnswer:
    """Withdraw the requests of several objects; objects without a request are skipped."""
    withdraw_requests(call.session, get_approvables_for_update(call, body), call.actor)
    return {}


def get_approvables_for_update(call: Call, body: ApprovalBulkBody) -> Sequence[ObjectRef]:
    """Return objects that the caller may write, their rows locked, each once even where several ids lead to one."""
    ids = sorted(set(body.object_ids))
    found = [find_object(call.session, call.actor, body.object_type, each, Permission.WRITE) for each in ids]
    living = sorted({each.id for each in found})
    # Lock in id order, so that two bulk requests cannot deadlock.
    return [get_object_for_update(call.session, call.actor, body.object_type, each) for each in living]
