"""Responses about search, suggestions, saved searches and the search history."""

from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from asgi.answers import DateText, IdText, JsonMap, PageNumbersAnswer


class FacetBucketAnswer(TypedDict):
    """A value, and the number of objects that have it."""

    key: Any
    doc_count: int


class FacetAnswer(TypedDict):
    """The most frequent values of a facet."""

    buckets: list[FacetBucketAnswer]


class HitFormatAnswer(TypedDict):
    """A format of an asset that was found."""

    id: IdText
    name: str
    kind: str
    is_online: bool
    files: list[str]


@with_config(ConfigDict(extra="allow"))
class SearchHitAnswer(TypedDict):
    """An object that was found, with the terms of its document; which it has depends on its type.

    `include_fields` and `exclude_fields` choose keys. A term with one value is shown as such, another one as a list.
    """

    id: IdText
    object_type: Literal["assets", "collections", "segments"]
    title: str
    metadata: JsonMap
    _sort: list[Any]
    highlight: NotRequired[dict[str, list[str]]]
    status: NotRequired[str]
    type: NotRequired[str]
    media_type: NotRequired[str]
    is_online: NotRequired[bool]
    external_id: NotRequired[str]
    category: NotRequired[str | None]
    approval_status: NotRequired[str]
    format: NotRequired[str | None]
    format_kind: NotRequired[list[str]]
    formats: NotRequired[list[HitFormatAnswer]]
    storage_id: NotRequired[list[IdText] | IdText]
    in_collections: NotRequired[list[IdText]]
    file_count: NotRequired[int]
    size_bytes: NotRequired[int]
    missing_frames: NotRequired[int]
    duration_milliseconds: NotRequired[int]
    comments_count: NotRequired[int]
    date_created: NotRequired[DateText]
    date_modified: NotRequired[DateText]


class SearchPageAnswer(PageNumbersAnswer):
    """One page of hits, with the facets that were asked for."""

    objects: list[SearchHitAnswer]
    facets: dict[str, FacetAnswer]
    scroll_id: None


class SuggestionAnswer(TypedDict):
    """A value that begins with what was typed."""

    value: str


class SavedSearchAnswer(TypedDict):
    """A search that the caller saved under a name."""

    id: IdText
    name: str
    criteria: JsonMap
    favoured: bool
    group_id: None
    permissions: list[str]
    date_created: DateText
    date_modified: DateText


class RecentSearchAnswer(TypedDict):
    """A search of the caller's history."""

    id: IdText
    criteria: JsonMap
    date_created: DateText
