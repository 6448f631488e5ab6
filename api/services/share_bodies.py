"""Request bodies and serialisers of shares and their recipients."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, PrivateAttr

from api.addresses import public_base
from api.bodies import Body, Moment, Text
from api.call import Call, OpenCall
from api.rendering import key, stamp
from models.share import Share, ShareRight, ShareUser
from tasks.passwords import LEAST_OF_SHARE, hash_password
from tasks.refusals import Invalid
from tasks.share_guests import GuestToken
from tasks.share_links import link
from tasks.shares import NewShare

NOWHERE = str(UUID(int=0))
"""Value of `system_domain_id`, which clients require; Tapeless has no system domains."""
KEPT = ("automatic_approval_share", "is_approval", "review_experience_public_beta", "upload_storage_id", "project_id")
Ids = Annotated[list[UUID], Field(max_length=1_000)]
Title = Annotated[str, Field(max_length=1_000)]
Protection = Literal["none", "standard"]


class ShareBody(Body):
    """Writable fields of a share. A null keeps the stored value, except for the password, which it removes."""

    title: Title | None = None
    message: Text | None = None
    expires: Moment | None = None
    password: Annotated[str, Field(max_length=10_000)] | None = None
    format_ids: Ids | None = None
    """Formats of the asset that the share opens; not a key of iconik."""
    metadata_views: Ids | None = None
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
    drm: Protection | None = None
    watermark: Protection | None = None
    show_watermark: bool | None = None
    _password_hash: str | None = PrivateAttr(default=None)

    def is_slow(self) -> bool:
        return self.password is not None

    def prepare(self) -> None:
        self._password_hash = hash_password(self.password or "", LEAST_OF_SHARE)

    def changes(self, share: Share) -> dict[str, Any]:
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
        sent = {name: getattr(self, name) for name in KEPT}
        return {name: str(value) if isinstance(value, UUID) else value for name, value in sent.items() if value}

    def refuse_protection(self) -> None:
        """Reject DRM and watermarks, which Tapeless does not implement."""
        for name in ("drm", "watermark"):
            if getattr(self, name) == "standard":
                raise Invalid(name, f'Tapeless has no {name}; send "none"')
        if self.show_watermark:
            raise Invalid("show_watermark", "Tapeless draws no watermark; send false")

    def new_share(self, emails: Sequence[str] = (), *, has_url: bool = False) -> NewShare:
        """Return the share to create."""
        self.refuse_protection()
        return NewShare(
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
    emails: Annotated[list[str], Field(max_length=1_000)]


class ShareUserBody(Body):
    email: Annotated[str, Field(max_length=1_000)]


class ShareUserChangeBody(Body):
    first_name: Title | None = None
    last_name: Title | None = None
    email: str | None = None
    """Ignored: the e-mail of a recipient is immutable; add another recipient instead."""


class Links:
    """Builds the links of shares for one request, for callers who may see them."""

    def __init__(self, call: Call | OpenCall) -> None:
        self._key = call.context.outside.key
        self._base = public_base(call)

    def of(self, user: ShareUser) -> str | None:
        """Return the link of a recipient; None where no signing key is configured."""
        return link(self._key, self._base, user.id, user.generation) if self._key is not None else None


def share_body(share: Share, users: Sequence[ShareUser], links: Links | None) -> dict[str, Any]:
    """Serialise a share as ShareSchema; with its public link if `links` is given."""
    return {
        **{right.value: right in share.allows for right in ShareRight},
        **{name: share.options.get(name) for name in KEPT},
        "id": str(share.id),
        "object_type": share.object_type,
        "object_id": str(share.object_id),
        "title": share.title,
        "message": share.message,
        "owner_id": key(share.created_by),
        "format_ids": None if share.format_ids is None else [str(format_id) for format_id in share.format_ids],
        "metadata_views": [str(view_id) for view_id in share.metadata_views],
        "has_password": share.password_hash is not None,
        "url": links.of(users[0]) if links and share.has_url and users else None,
        "population_status": "FINISHED",
        "drm": "none",
        "watermark": "none",
        "show_watermark": False,
        "system_domain_id": NOWHERE,
        "expires": stamp(share.expires),
        "date_created": stamp(share.date_created),
        "date_modified": stamp(share.date_modified),
    }


def whole_share_body(share: Share, users: Sequence[ShareUser], links: Links | None) -> dict[str, Any]:
    """Serialise a share with its recipients."""
    return {
        **share_body(share, users, links),
        "upload_storage": None,
        "users": [share_user_body(user, share, links) for user in users],
    }


def share_user_body(user: ShareUser, share: Share, links: Links | None) -> dict[str, Any]:
    """Serialise a recipient; `url` is its own link, if `links` is given."""
    return {
        "id": str(user.id),
        "share_id": str(user.share_id),
        "object_type": share.object_type,
        "object_id": str(share.object_id),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "internal_user_id": key(user.internal_user_id),
        "access_count": user.access_count,
        "download_count": user.download_count,
        "last_access_date": stamp(user.last_access_date),
        "photo": None,
        "photo_big": None,
        "photo_small": None,
        "url": links.of(user) if links else None,
    }


def listed_share_body(
    share: Share, users: Sequence[ShareUser], titles: Mapping[UUID, str], me: UUID | None, links: Links
) -> dict[str, Any]:
    """Serialise a share in lists over all objects.

    Args:
        me: the caller: as owner it sees all links, as recipient its own; None sees all links.
    """
    mine = next((user for user in users if me is not None and user.internal_user_id == me), None)
    shown = links if me is None or share.created_by == me else None
    return {
        **whole_share_body(share, users, shown),
        "object_title": titles.get(share.object_id),
        "personal_url": links.of(mine) if mine else None,
        "approval": None,
    }


def share_token_body(token: GuestToken) -> dict[str, Any]:
    """Serialise a guest's sign-in: `app_id` and `token` work as `App-ID` and `Auth-Token`."""
    guest = token.share.guest
    internal = token.share.internal_user_id
    return {
        "app_id": str(guest.share_id),
        "token": token.secret,
        "expires": stamp(token.expires),
        "email": guest.email,
        "is_internal_user": internal is not None,
        "object_type": guest.object_type,
        "object_id": str(guest.object_id),
        "roles": sorted(guest.allows),
        "share_id": str(guest.share_id),
        "share_user_id": str(guest.share_user_id),
        "share_session_id": str(token.id),
        "user_id": str(internal or guest.share_user_id),
        "system_domain_id": NOWHERE,
        "drm": "none",
        "watermark": "none",
    }
