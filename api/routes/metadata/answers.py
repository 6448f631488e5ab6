"""Responses about metadata fields, views, categories and values."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText
from models.catalog.metadata import FieldType


class FieldOptionAnswer(TypedDict):
    """One choice of a drop-down field."""

    label: str
    value: str


class MetadataFieldAnswer(TypedDict):
    """A metadata field; in a view, with the view's overrides."""

    name: str
    label: str
    field_type: FieldType
    options: list[FieldOptionAnswer]
    min_value: float | None
    max_value: float | None
    date_created: DateText
    date_modified: DateText
    multi: bool
    read_only: bool
    required: bool
    sortable: bool
    use_as_facet: bool
    description: str | None
    external_id: str | None
    auto_set: bool
    hide_if_not_set: bool
    is_block_field: bool
    is_warning_field: bool
    mapped_field_name: str | None
    representative: bool
    source_url: str | None
    ai_prompt_description: str | None


class ViewFieldAnswer(TypedDict):
    """A field of a view: what the view says otherwise, with label and type."""

    name: str
    field_type: FieldType
    label: str
    options: list[FieldOptionAnswer] | None
    required: bool | None
    read_only: bool | None
    auto_set: bool | None
    hide_if_not_set: bool | None
    mapped_field_name: str | None
    source_url: str | None


class ListedViewAnswer(TypedDict):
    """A view in a list; `include_fields` and `exclude_fields` choose its optional keys."""

    id: IdText
    name: str
    view_fields: list[ViewFieldAnswer]
    description: NotRequired[str | None]
    write_access_for_everyone: NotRequired[bool]
    date_created: NotRequired[DateText]
    date_modified: NotRequired[DateText]


class MetadataViewAnswer(TypedDict):
    """A view: fields in their order, complete or only as the view overrides them."""

    id: IdText
    name: str
    description: str | None
    write_access_for_everyone: bool
    date_created: DateText
    date_modified: DateText
    view_fields: list[MetadataFieldAnswer] | list[ViewFieldAnswer]


class MetadataCategoryAnswer(TypedDict):
    """A category of views for one type of object."""

    name: str
    label: str
    object_type: str
    view_ids: list[IdText]
    date_created: DateText
    date_modified: DateText


class CategoryViewsAnswer(MetadataCategoryAnswer):
    """A category with its complete views."""

    views: list[MetadataViewAnswer]


class ValueAnswer(TypedDict):
    """A value, of the type of its field."""

    value: Any


class FieldValuesAnswer(TypedDict):
    """Values of one field."""

    field_values: list[ValueAnswer]
    date_created: DateText | None


class MetadataValuesAnswer(TypedDict):
    """Values of an object by field name."""

    metadata_values: dict[str, FieldValuesAnswer]
    object_id: IdText
    object_type: str
    version_id: IdText | None
    job_id: None
    date_created: DateText | None
    date_modified: DateText | None


class DirectValuesAnswer(TypedDict):
    """Values of one field, in the shape of the route without a view."""

    name: str
    type: FieldType
    values: list[ValueAnswer]
