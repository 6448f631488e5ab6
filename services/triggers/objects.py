"""Triggers about objects: write metadata, approve, share, reindex, transcode; each calls the service of the API."""

import uuid
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field
from sqlalchemy import select

from models.access.acl import Permission, ShareRight
from models.access.share import ShareUser
from models.catalog.approval import VoteStatus
from models.queues.job import TRANSCODE_TASK
from services.approvals.requests import ApprovalSpec, request_approval, require_approvable
from services.approvals.votes import set_approvals
from services.core.errors import ValidationFailed, require_administrator
from services.indexing.requests import start_index_rebuild
from services.metadata.change_set import FieldInput, WriteMode
from services.metadata.values import write_object_values
from services.objects.objects import find_object, get_object_for_update
from services.outbound.mail_queue import check_mail_address
from services.renditions.profiles import WEB_PROFILE
from services.renditions.queue import request_transcode
from services.searching.query import reindex_objects
from services.shares.recipients import queue_link_mails
from services.shares.shares import ShareInput, create_share
from services.triggers.spec import Trigger, TriggerArguments, TriggerDone, TriggerRun

ObjectTypeArgument = Annotated[str, Field(min_length=1, max_length=100)]
ObjectArgumentText = Annotated[str, Field(min_length=1, max_length=1000)]
MetadataScalar = str | int | float | bool
MetadataArgumentValues = dict[ObjectArgumentText, MetadataScalar | list[MetadataScalar]]


class MetadataArguments(TriggerArguments):
    """Values of one object by field name; with a view, its required fields and options apply."""

    object_id: uuid.UUID
    object_type: ObjectTypeArgument = "assets"
    values: Annotated[MetadataArgumentValues, Field(min_length=1, max_length=1000)]
    mode: Literal["overwrite", "append", "delete"] = "overwrite"
    view_id: uuid.UUID | None = None


class ApprovalArguments(TriggerArguments):
    """Request approval of one object (`REQUESTED`), or vote on it; the service user needs `write` in both cases."""

    object_id: uuid.UUID
    object_type: ObjectTypeArgument = "assets"
    status: Literal["REQUESTED", "APPROVED", "NOT_APPROVED"]
    users: Annotated[tuple[uuid.UUID, ...], Field(max_length=100)] = ()
    groups: Annotated[tuple[uuid.UUID, ...], Field(max_length=100)] = ()
    emails: Annotated[tuple[ObjectArgumentText, ...], Field(max_length=100)] = ()
    min_number: Annotated[int, Field(ge=1, le=1000)] = 1


class ShareArguments(TriggerArguments):
    """A share by mail, or with one link for anyone who has it. Passwords are secrets, and can only be set over HTTP."""

    object_id: uuid.UUID
    object_type: ObjectTypeArgument = "assets"
    emails: Annotated[tuple[ObjectArgumentText, ...], Field(max_length=100)] = ()
    has_url: bool = False
    allows: tuple[ShareRight, ...] = ()
    title: ObjectArgumentText | None = None
    message: Annotated[str, Field(max_length=10_000)] = ""
    expires: AwareDatetime | None = None


class ReindexArguments(TriggerArguments):
    """One object, or without one the whole index, which only administrators may rebuild."""

    object_id: uuid.UUID | None = None
    object_type: ObjectTypeArgument = "assets"


class TranscodeArguments(TriggerArguments):
    """One asset; without a format, its first original with video or audio."""

    object_id: uuid.UUID
    format_id: uuid.UUID | None = None
    profile: Annotated[str, Field(min_length=1, max_length=40)] = WEB_PROFILE


def run_metadata_trigger(asked: TriggerRun, given: MetadataArguments) -> TriggerDone:
    """Write values and their history, all or none."""
    found = get_object_for_update(asked.session, asked.actor, given.object_type, given.object_id)
    values: dict[str, Any] = {
        name: FieldInput(value if isinstance(value, list) else [value], WriteMode(given.mode))
        for name, value in given.values.items()
    }
    written = write_object_values(asked.session, found, values, asked.actor, view_id=given.view_id)
    return TriggerDone(f"{len(written)} fields were written", object_type=found.object_type, object_id=found.id)


def run_approval_trigger(asked: TriggerRun, given: ApprovalArguments) -> TriggerDone:
    """Request approval, or vote as the actor of this run."""
    require_approvable(given.object_type)
    found = get_object_for_update(asked.session, asked.actor, given.object_type, given.object_id)
    if given.status == "REQUESTED":
        wanted = ApprovalSpec(given.users, given.groups, given.emails, given.min_number)
        request_approval(asked.session, found, wanted, asked.actor)
        return TriggerDone("approval was asked for", object_type=found.object_type, object_id=found.id)
    if given.users or given.groups or given.emails:
        raise ValidationFailed("users", "are who is asked; they belong to the status REQUESTED")
    set_approvals(asked.session, [found], VoteStatus(given.status), asked.actor)
    return TriggerDone(f"the vote is {given.status}", object_type=found.object_type, object_id=found.id)


def run_share_trigger(asked: TriggerRun, given: ShareArguments) -> TriggerDone:
    """Share an object; recipients get their links by mail if a mail server is configured."""
    if given.has_url == bool(given.emails):
        raise ValidationFailed("emails", "give e-mails to share with, or has_url for a link")
    emails = [check_mail_address(email, "emails") for email in given.emails]
    new = ShareInput(frozenset(given.allows), given.title, given.message, emails, given.has_url, given.expires)
    made = create_share(asked.session, asked.actor, given.object_type, given.object_id, new)
    wake_ups: list[tuple[str, list[uuid.UUID]]] = []
    if emails:
        users = asked.session.scalars(select(ShareUser).where(ShareUser.share_id == made.id)).all()
        queue_link_mails(
            asked.session, asked.outside, users, asked.actor, lambda task, ids: wake_ups.append((task, list(ids)))
        )
    until = f"share {made.id} is open until {made.expires:%Y-%m-%d %H:%M} UTC"
    return TriggerDone(until, object_type="shares", object_id=made.id, wake_ups=wake_ups)


def run_reindex_trigger(asked: TriggerRun, given: ReindexArguments) -> TriggerDone:
    """Mark one object for the index, or start a rebuild of the whole index."""
    if given.object_id is None:
        require_administrator(asked.actor, "rebuild the index")
        job = start_index_rebuild(asked.session, asked.actor)
        wake_ups = [(str(job.task), [job.id])]
        return TriggerDone(f"job {job.id} rebuilds the index", object_type="jobs", object_id=job.id, wake_ups=wake_ups)
    found = find_object(asked.session, asked.actor, given.object_type, given.object_id, Permission.WRITE)
    reindex_objects(asked.session, [found.id], found.object_type)
    return TriggerDone("it is sent to the search engine again", object_type=found.object_type, object_id=found.id)


def run_transcode_trigger(asked: TriggerRun, given: TranscodeArguments) -> TriggerDone:
    """Create a transcode job, which the media workers run."""
    job = request_transcode(asked.session, given.object_id, given.format_id, given.profile, asked.actor)
    return TriggerDone(
        f"job {job.id} transcodes it", object_type="jobs", object_id=job.id, wake_ups=[(TRANSCODE_TASK, [job.id])]
    )


METADATA_TRIGGER = Trigger(
    "metadata", "METADATA", MetadataArguments, run_metadata_trigger, lambda given: "Write metadata"
)
APPROVAL_TRIGGER = Trigger(
    "approval", "SET_APPROVAL", ApprovalArguments, run_approval_trigger, lambda given: "Set an approval"
)
SHARE_TRIGGER = Trigger(
    "share", "PUBLISH", ShareArguments, run_share_trigger, lambda given: "Share with people outside"
)
REINDEX_TRIGGER = Trigger("reindex", "REINDEX", ReindexArguments, run_reindex_trigger, lambda given: "Index again")
TRANSCODE_TRIGGER = Trigger(
    "transcode", "TRANSCODE", TranscodeArguments, run_transcode_trigger, lambda given: "Have a rendition made"
)
