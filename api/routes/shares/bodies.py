"""Request bodies and serialisers of shares and their recipients."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, PrivateAttr

from api.routes.shares.answers import (
    ListedShareAnswer,
    ShareAnswer,
    ShareTokenAnswer,
    ShareUserAnswer,
    ShareWithUsersAnswer,
)
from asgi.body_base import Body, LongText, UtcDatetime
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call, SelfCommittingCall, public_base_url
from models.access.acl import ShareRight
from models.access.share import Share, ShareUser
from services.core.errors import ValidationFailed
from services.core.passwords import MIN_SHARE_PASSWORD_LENGTH, hash_password
from services.shares.guests import GuestToken
from services.shares.links import build_share_link
from services.shares.shares import ShareInput

SYSTEM_DOMAIN_ID = str(UUID(int=0))
"""Value of `system_domain_id`, which clients require; Tapeless has no system domains."""
ECHOED_SHARE_OPTIONS = (
    "automatic_approval_share",
    "is_approval",
    "review_experience_public_beta",
    "upload_storage_id",
    "project_id",
)
ShareReferenceIds = Annotated[list[UUID], Field(fail_fast=True, max_length=1_000)]
ShareTitle = Annotated[str, Field(max_length=1_000)]
MailAddress = Annotated[str, Field(max_length=1_000)]
ShareProtection = Literal["none", "standard"]


class ShareBody(Body):
    """Writable fields of a share. A null keeps the stored value, except for the password, which it removes."""

    title: ShareTitle | None = None
    message: LongText | None = None
    expires: UtcDatetime | None = None
    password: Annotated[str, Field(max_length=10_000)] | None = None
    format_ids: ShareReferenceIds | None = None
    """Formats of the asset that the share opens; not a key of iconik."""
    metadata_views: ShareReferenceIds | None = None
    allow_approving_comments: bool | None = None
    allow_comments: bool | None = None
    allow_custom_actions: bool | None = None
    allow_download: bool | None = None
    allow_download_proxy: bool | None = None
    allow_setting_approve_status: bool | None = None
    allow_sync: bool | None = None
    allow_upload: bool | None = None
    allow_user_search_for_mentions: bool | None = None
    allow_view_transcriptions: bool | None = None
    allow_view_versions: bool | None = None
    show_existing_comments: bool | None = None
    automatic_approval_share: bool | None = None
    is_approval: bool | None = None
    review_experience_public_beta: bool | None = None
    upload_storage_id: UUID | None = None
    project_id: UUID | None = None
    drm: ShareProtection | None = None
    watermark: ShareProtection | None = None
    show_watermark: bool | None = None
    _password_hash: str | None = PrivateAttr(default=None)

    def is_slow(self) -> bool:
        return self.password is not None

    def prepare(self) -> None:
        self._password_hash = hash_password(self.password or "", MIN_SHARE_PASSWORD_LENGTH)

    def changes_of(self, share: Share) -> dict[str, Any]:
        """Return the columns to set of an existing share."""
        self.refuse_protection()
        sent = self.sent()
        plain = ("title", "message", "expires", "format_ids", "metadata_views")
        changes = {name: sent[name] for name in plain if sent.get(name) is not None}
        changes["allows"] = sorted(self.rights(share.allows))
        changes["options"] = share.options | self.options()
        if "password" in sent:
            changes["password_hash"] = self._password_hash
        return changes

    def rights(self, before: Sequence[str] = ()) -> frozenset[str]:
        """Return the rights of the share: those that were sent, and the previous ones for the rest."""
        said = {right: getattr(self, right) for right in ShareRight}
        kept = {right for right in before if said[ShareRight(right)] is None}
        return frozenset(kept | {right.value for right, value in said.items() if value})

    def options(self) -> dict[str, Any]:
        """Return the options that are stored but have no effect."""
        sent = {name: getattr(self, name) for name in ECHOED_SHARE_OPTIONS}
        return {name: str(value) if isinstance(value, UUID) else value for name, value in sent.items() if value}

    def refuse_protection(self) -> None:
        """Reject DRM and watermarks, which Tapeless does not implement."""
        for name in ("drm", "watermark"):
            if getattr(self, name) == "standard":
                raise ValidationFailed(name, f'Tapeless has no {name}; send "none"')
        if self.show_watermark:
            raise ValidationFailed("show_watermark", "Tapeless draws no watermark; send false")

    def new_share(self, emails: Sequence[str] = (), *, has_url: bool = False) -> ShareInput:
        """Return the share to create."""
        self.refuse_protection()
        return ShareInput(
            allows=self.rights(),
            title=self.title,
            message=self.message or "",
            emails=emails,
            has_url=has_url,
            expires=self.expires,
            password_hash=self._password_hash,
            format_ids=self.format_ids,
            metadata_views=self.metadata_views or (),
            options=self.options(),
        )


class NewShareBody(ShareBody):
    emails: Annotated[list[MailAddress], Field(fail_fast=True, max_length=1_000)]


class ShareUserBody(Body):
    email: MailAddress


class ShareUserChangeBody(Body):
    first_name: ShareTitle | None = None
    last_name: ShareTitle | None = None
    email: MailAddress | None = None
    """Ignored: the e-mail of a recipient is immutable; add another recipient instead."""


class ShareLinks:
    """Builds the links that one response shows to a caller who may share the object.

    A link for everyone is shown at any time; a link made out to an address only when it is made, to `shown` recipients'
    sharer (`hand_out_links`): a vote by it has to be the recipient's.
    """

    def __init__(self, call: Call | SelfCommittingCall, shown: Collection[UUID] = ()) -> None:
        self._key = call.context.outside.key
        self._base = public_base_url(call)
        self._shown = shown

    def of(self, user: ShareUser) -> str | None:
        """Return the link of a recipient if this response shows it."""
        return self.personal(user) if not user.email or user.id in self._shown else None

    def personal(self, user: ShareUser) -> str | None:
        """Return the link of a recipient for the recipient itself; None where no signing key is configured."""
        return build_share_link(self._key, self._base, user.id, user.generation) if self._key is not None else None


def serialize_share(
    share: Share, users: Sequence[ShareUser], links: ShareLinks | None, stopped: Collection[UUID] = ()
) -> ShareAnswer:
    """Serialise a share as ShareSchema; with its public link if `links` is given.

    Args:
        stopped: shares whose creator may not share the object any more (`find_stopped_shares`).
    """
    allows, options = share.allows, share.options
    return {
        "allow_approving_comments": "allow_approving_comments" in allows,
        "allow_comments": "allow_comments" in allows,
        "allow_custom_actions": "allow_custom_actions" in allows,
        "allow_download": "allow_download" in allows,
        "allow_download_proxy": "allow_download_proxy" in allows,
        "allow_setting_approve_status": "allow_setting_approve_status" in allows,
        "allow_sync": "allow_sync" in allows,
        "allow_upload": "allow_upload" in allows,
        "allow_user_search_for_mentions": "allow_user_search_for_mentions" in allows,
        "allow_view_transcriptions": "allow_view_transcriptions" in allows,
        "allow_view_versions": "allow_view_versions" in allows,
        "show_existing_comments": "show_existing_comments" in allows,
        "automatic_approval_share": options.get("automatic_approval_share"),
        "is_approval": options.get("is_approval"),
        "review_experience_public_beta": options.get("review_experience_public_beta"),
        "upload_storage_id": options.get("upload_storage_id"),
        "project_id": options.get("project_id"),
        "id": str(share.id),
        "object_type": share.object_type,
        "object_id": str(share.object_id),
        "title": share.title,
        "message": share.message,
        "owner_id": optional_id(share.created_by),
        "format_ids": None if share.format_ids is None else [str(format_id) for format_id in share.format_ids],
        "metadata_views": [str(view_id) for view_id in share.metadata_views],
        "has_password": share.password_hash is not None,
        "url": links.of(users[0]) if links and share.has_url and users else None,
        "population_status": "FINISHED",
        "drm": "none",
        "watermark": "none",
        "show_watermark": False,
        "system_domain_id": SYSTEM_DOMAIN_ID,
        "is_stopped": share.id in stopped,
        "expires": format_datetime(share.expires),
        "date_created": format_datetime(share.date_created),
        "date_modified": format_datetime(share.date_modified),
    }


def serialize_share_with_users(
    share: Share, users: Sequence[ShareUser], links: ShareLinks | None, stopped: Collection[UUID] = ()
) -> ShareWithUsersAnswer:
    """Serialise a share with its recipients."""
    return {
        **serialize_share(share, users, links, stopped),
        "upload_storage": None,
        "users": [serialize_share_user(user, share, links) for user in users],
    }


def serialize_share_user(user: ShareUser, share: Share, links: ShareLinks | None) -> ShareUserAnswer:
    """Serialise a recipient; `url` is its own link, if `links` shows it."""
    return {
        "id": str(user.id),
        "share_id": str(user.share_id),
        "object_type": share.object_type,
        "object_id": str(share.object_id),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "internal_user_id": optional_id(user.internal_user_id),
        "access_count": user.access_count,
        "download_count": user.download_count,
        "last_access_date": format_datetime(user.last_access_date),
        "photo": None,
        "photo_big": None,
        "photo_small": None,
        "url": links.of(user) if links else None,
    }


def serialize_listed_share(
    share: Share,
    users: Sequence[ShareUser],
    titles: Mapping[UUID, str],
    me: UUID | None,
    links: ShareLinks,
    stopped: Collection[UUID],
    *,
    is_shareable: bool,
) -> ListedShareAnswer:
    """Serialise a share in lists over all objects.

    Args:
        me: the caller, who sees its own link as a recipient.
        is_shareable: the caller may share the object, and sees the link for everyone.
    """
    mine = next((user for user in users if me is not None and user.internal_user_id == me), None)
    return {
        **serialize_share_with_users(share, users, links if is_shareable else None, stopped),
        "object_title": titles.get(share.object_id),
        "personal_url": links.personal(mine) if mine else None,
        "approval": None,
    }


def serialize_share_token(token: GuestToken) -> ShareTokenAnswer:
    """Serialise a guest's sign-in: `app_id` and `token` work as `App-ID` and `Auth-Token`."""
    guest = token.share.guest
    internal = token.share.internal_user_id
    return {
        "app_id": str(guest.share_id),
        "token": token.secret,
        "expires": format_datetime(token.expires),
        "email": guest.email,
        "is_internal_user": internal is not None,
        "object_type": guest.object_type,
        "object_id": str(guest.object_id),
        "roles": sorted(map(ShareRight, guest.allows)),
        "share_id": str(guest.share_id),
        "share_user_id": str(guest.share_user_id),
        "share_session_id": str(token.id),
        "user_id": str(internal or guest.share_user_id),
        "system_domain_id": SYSTEM_DOMAIN_ID,
        "drm": "none",
        "watermark": "none",
    }
