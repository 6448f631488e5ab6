"""Responses about shares, their recipients and the sign-in of guests."""

from typing import Literal

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText, JsonMap, PageNumbersAnswer
from models.access.acl import ShareRight


class ShareUserAnswer(TypedDict):
    """A recipient of a share; `url` is its own link, where this response shows it."""

    id: IdText
    share_id: IdText
    object_type: str
    object_id: IdText
    email: str
    first_name: str
    last_name: str
    internal_user_id: IdText | None
    access_count: int
    download_count: int
    last_access_date: DateText | None
    photo: None
    photo_big: None
    photo_small: None
    url: str | None


class ShareAnswer(TypedDict):
    """A share: what it opens, what it allows, and when it ends."""

    allow_approving_comments: bool
    allow_comments: bool
    allow_custom_actions: bool
    allow_download: bool
    allow_download_proxy: bool
    allow_setting_approve_status: bool
    allow_sync: bool
    allow_upload: bool
    allow_user_search_for_mentions: bool
    allow_view_transcriptions: bool
    allow_view_versions: bool
    show_existing_comments: bool
    automatic_approval_share: bool | None
    is_approval: bool | None
    review_experience_public_beta: bool | None
    upload_storage_id: IdText | None
    project_id: IdText | None
    id: IdText
    object_type: str
    object_id: IdText
    title: str
    message: str
    owner_id: IdText | None
    format_ids: list[IdText] | None
    metadata_views: list[IdText]
    has_password: bool
    url: str | None
    population_status: Literal["FINISHED"]
    drm: Literal["none"]
    watermark: Literal["none"]
    show_watermark: Literal[False]
    system_domain_id: IdText
    is_stopped: bool
    expires: DateText
    date_created: DateText
    date_modified: DateText


class ShareWithUsersAnswer(ShareAnswer):
    """A share with its recipients."""

    upload_storage: None
    users: list[ShareUserAnswer]


class ListedShareAnswer(ShareWithUsersAnswer):
    """A share in lists over all objects."""

    object_title: str | None
    personal_url: str | None
    approval: None


class SharesPageAnswer(PageNumbersAnswer):
    """One page of shares."""

    objects: list[ListedShareAnswer]
    facets: JsonMap
    scroll_id: None


class ShareTokenAnswer(TypedDict):
    """The sign-in of a guest: `app_id` and `token` are the headers `App-ID` and `Auth-Token`."""

    app_id: IdText
    token: str
    expires: DateText
    email: str
    is_internal_user: bool
    object_type: str
    object_id: IdText
    roles: list[ShareRight]
    share_id: IdText
    share_user_id: IdText
    share_session_id: IdText
    user_id: IdText
    system_domain_id: IdText
    drm: Literal["none"]
    watermark: Literal["none"]


class MagicLinkAnswer(TypedDict):
    """The same for every recipient and share, so that it reveals neither."""

    message: str
    expires_in_minutes: None
