"""Triggers about objects: write metadata, approve, share, reindex; each calls the same service as the API."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field
from sqlalchemy import select, text

from models.acl import Permission
from models.approval import VoteStatus
from models.share import ShareRight, ShareUser
from tasks.approvals import Wanted, refuse_other_kinds, request_approval
from tasks.approvals_voting import set_approvals
from tasks.mail import check_address
from tasks.metadata_changes import Given, Mode
from tasks.metadata_values import set_values
from tasks.objects import find_object, find_object_for_change
from tasks.refusals import Invalid
from tasks.reindex import start_rebuild
from tasks.share_mail import send_links
from tasks.shares import NewShare, create_share
from tasks.trigger import Arguments, Asked, Done, Trigger
from tasks.users import require_administrator

ObjectType = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=1000)]
Scalar = str | int | float | bool
Values = dict[Name, Scalar | list[Scalar]]


class MetadataArguments(Arguments):
    """Values of one object by field name; with a view, its required fields and options apply."""

    object_id: uuid.UUID
    object_type: ObjectType = "assets"
    values: Annotated[Values, Field(min_length=1, max_length=1000)]
    mode: Literal["overwrite", "append", "delete"] = "overwrite"
    view_id: uuid.UUID | None = None


class ApprovalArguments(Arguments):
    """Request approval of one object (`REQUESTED`), or vote on it; the service user needs `write` in both cases."""

    object_id: uuid.UUID
    object_type: ObjectType = "assets"
    status: Literal["REQUESTED", "APPROVED", "NOT_APPROVED"]
    users: Annotated[tuple[uuid.UUID, ...], Field(max_length=100)] = ()
    groups: Annotated[tuple[uuid.UUID, ...], Field(max_length=100)] = ()
    emails: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    min_number: Annotated[int, Field(ge=1, le=1000)] = 1


class ShareArguments(Arguments):
    """A share by mail, or with one link for anyone who has it. Passwords are secrets, and can only be set over HTTP."""

    object_id: uuid.UUID
    object_type: ObjectType = "assets"
    emails: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    has_url: bool = False
    allows: tuple[ShareRight, ...] = ()
    title: Name | None = None
    message: Annotated[str, Field(max_length=10_000)] = ""
    expires: AwareDatetime | None = None


class ReindexArguments(Arguments):
    """One object, or without one the whole index, which only administrators may rebuild."""

    object_id: uuid.UUID | None = None
    object_type: ObjectType = "assets"


def write_metadata(asked: Asked, given: MetadataArguments) -> Done:
    """Write values and their history, all or none."""
    found = find_object_for_change(asked.session, asked.actor, given.object_type, given.object_id)
    values: dict[str, Any] = {
        name: Given(value if isinstance(value, list) else [value], Mode(given.mode))
        for name, value in given.values.items()
    }
    written = set_values(asked.session, found, values, asked.actor, view_id=given.view_id)
    return Done(f"{len(written)} fields were written", object_type=found.object_type, object_id=found.id)


def set_approval(asked: Asked, given: ApprovalArguments) -> Done:
    """Request approval, or vote as the actor of this run."""
    refuse_other_kinds(given.object_type)
    found = find_object_for_change(asked.session, asked.actor, given.object_type, given.object_id)
    if given.status == "REQUESTED":
        wanted = Wanted(given.users, given.groups, given.emails, given.min_number)
        request_approval(asked.session, found, wanted, asked.actor)
        return Done("approval was asked for", object_type=found.object_type, object_id=found.id)
    if given.users or given.groups or given.emails:
        raise Invalid("users", "are who is asked; they belong to the status REQUESTED")
    set_approvals(asked.session, [found], VoteStatus(given.status), asked.actor)
    return Done(f"the vote is {given.status}", object_type=found.object_type, object_id=found.id)


def share(asked: Asked, given: ShareArguments) -> Done:
    """Share an object; recipients get their links by mail if a mail server is configured."""
    if given.has_url == bool(given.emails):
        raise Invalid("emails", "a share has e-mails, or a link for whoever is given it (has_url)")
    emails = [check_address(email, "emails") for email in given.emails]
    expires: datetime | None = given.expires
    new = NewShare(frozenset(given.allows), given.title, given.message, emails, given.has_url, expires)
    made = create_share(asked.session, asked.actor, given.object_type, given.object_id, new)
    rings: list[tuple[str, list[uuid.UUID]]] = []
    if emails:
        users = asked.session.scalars(select(ShareUser).where(ShareUser.share_id == made.id)).all()
        send_links(asked.session, asked.outside, users, asked.actor, lambda task, ids: rings.append((task, list(ids))))
    until = f"share {made.id} is open until {made.expires:%Y-%m-%d %H:%M} UTC"
    return Done(until, object_type="shares", object_id=made.id, rings=rings)


def reindex(asked: Asked, given: ReindexArguments) -> Done:
    """Mark one object for the index, or start a rebuild of the whole index."""
    if given.object_id is None:
        require_administrator(asked.actor, "build the index anew")
        job = start_rebuild(asked.session, asked.actor)
        rings = [(str(job.task), [job.id])]
        return Done(f"job {job.id} builds the index anew", object_type="jobs", object_id=job.id, rings=rings)
    found = find_object(asked.session, asked.actor, given.object_type, given.object_id, Permission.WRITE)
    asked.session.execute(
        # Called directly: no row changes here that could fire a mark_* trigger.
        text("SELECT mark_for_index(:kind, ARRAY[CAST(:id AS uuid)])"), {"kind": found.object_type, "id": found.id}
    )
    return Done("it is sent to the search engine again", object_type=found.object_type, object_id=found.id)


METADATA = Trigger("metadata", "METADATA", MetadataArguments, write_metadata, lambda given: "Write metadata")
APPROVAL = Trigger("approval", "SET_APPROVAL", ApprovalArguments, set_approval, lambda given: "Set an approval")
SHARE = Trigger("share", "PUBLISH", ShareArguments, share, lambda given: "Share with people outside")
REINDEX = Trigger("reindex", "REINDEX", ReindexArguments, reindex, lambda given: "Index again")
