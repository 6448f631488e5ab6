"""Request bodies and serialisers of metadata fields, views, categories and values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import Field, HttpUrl, model_validator

from api.routes.metadata.answers import (
    DirectValuesAnswer,
    FieldOptionAnswer,
    FieldValuesAnswer,
    MetadataCategoryAnswer,
    MetadataFieldAnswer,
    MetadataValuesAnswer,
    MetadataViewAnswer,
    ViewFieldAnswer,
)
from asgi.body_base import Body, LongText, MaxJsonBytes, ShortText, reject_unstorable
from asgi.limits.bodies import DEFAULT_BODY_BYTES
from asgi.rendering import format_datetime, optional_id
from models.catalog.metadata import FieldType, MetadataCategory, MetadataField, MetadataView, MetadataViewField
from services.core.errors import FieldsInvalid, ValidationFailed
from services.metadata.bulk_write import MAX_BULK_OBJECTS
from services.metadata.change_set import FieldInput, WriteMode
from services.metadata.fields import MAX_FIELD_OPTIONS
from services.metadata.types import quote, value_to_text
from services.metadata.values import ObjectFieldValues
from services.metadata.views import MAX_VIEW_FIELDS, ViewInput
from services.objects.objects import ObjectRef

MAX_FIELDS_PER_REQUEST = 1_000
FiniteNumber = Annotated[float, Field(allow_inf_nan=False)]
MetadataText = Annotated[str, Field(max_length=1_000)]


class FieldOptionBody(Body):
    label: MetadataText | None = None
    value: MetadataText | None = None


FieldOptions = Annotated[list[FieldOptionBody], Field(fail_fast=True, max_length=MAX_FIELD_OPTIONS)]
ViewFields = Annotated[list["MetadataViewFieldBody"], Field(fail_fast=True, max_length=MAX_VIEW_FIELDS)]


class MetadataFieldChangeBody(Body):
    name: MetadataText | None = None
    label: ShortText | None = None
    field_type: FieldType | None = None
    description: LongText | None = None
    external_id: MetadataText | None = None
    options: FieldOptions | None = None
    required: bool | None = None
    read_only: bool | None = None
    multi: bool | None = None
    min_value: FiniteNumber | None = None
    max_value: FiniteNumber | None = None
    sortable: bool | None = None
    use_as_facet: bool | None = None
    auto_set: bool | None = None
    hide_if_not_set: bool | None = None
    is_block_field: bool | None = None
    is_warning_field: bool | None = None
    representative: bool | None = None
    mapped_field_name: MetadataText | None = None
    source_url: HttpUrl | None = None
    ai_prompt_description: LongText | None = None

    def settings(self) -> dict[str, Any]:
        """Return the fields that were sent, as JSON."""
        return self.model_dump(mode="json", exclude_unset=True)


class MetadataFieldBody(MetadataFieldChangeBody):
    name: MetadataText
    label: ShortText
    field_type: FieldType


class MetadataViewFieldBody(Body):
    name: MetadataText
    label: ShortText | None = None
    options: FieldOptions | None = None
    required: bool | None = None
    read_only: bool | None = None
    auto_set: bool | None = None
    hide_if_not_set: bool | None = None
    mapped_field_name: MetadataText | None = None
    source_url: HttpUrl | None = None


class MetadataViewChangeBody(Body):
    name: ShortText | None = None
    description: LongText | None = None
    view_fields: ViewFields | None = None
    write_access_for_everyone: bool | None = None

    def new_view(self) -> ViewInput:
        """Return the view to set."""
        sent = self.model_dump(mode="json", exclude_unset=True)
        settings: dict[str, Any] = {
            name: sent[name] for name in ("description", "write_access_for_everyone") if name in sent
        }
        return ViewInput(self.name, sent.get("view_fields"), settings)


class MetadataViewBody(MetadataViewChangeBody):
    name: ShortText
    view_fields: ViewFields


class MetadataCategoryChangeBody(Body):
    label: ShortText
    view_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_FIELDS_PER_REQUEST)] | None = None


class MetadataCategoryBody(MetadataCategoryChangeBody):
    name: ShortText


class MetadataValuesBody(Body):
    """Values by field name. They are parsed one by one, so that an error names its field."""

    metadata_values: Annotated[
        dict[str, Any], Field(max_length=MAX_FIELDS_PER_REQUEST), MaxJsonBytes(DEFAULT_BODY_BYTES)
    ]

    @model_validator(mode="before")
    @classmethod
    def _leave_out_blanks(cls, given: Any) -> Any:
        if isinstance(given, dict):
            reject_unstorable({name: value for name, value in given.items() if name != "metadata_values"})
        return given

    def given(self) -> dict[str, FieldInput]:
        """Return values by field name.

        Raises:
            ValidationFailed: too many fields, or values of another shape; names each field.
        """
        if len(self.metadata_values) > MAX_FIELDS_PER_REQUEST:
            raise ValidationFailed(
                "metadata_values", f"at most {MAX_FIELDS_PER_REQUEST:,} fields, not {len(self.metadata_values):,}"
            )
        given, faults = {}, {}
        for name, one in self.metadata_values.items():
            try:
                given[name] = parse_given_values(one)
            except ValueError as error:
                faults[quote(name, 200)[1:-1]] = str(error)
        if faults:
            raise FieldsInvalid(faults)
        return given


class MetadataBulkValuesBody(MetadataValuesBody):
    object_ids: Annotated[list[UUID], Field(fail_fast=True, min_length=1, max_length=MAX_BULK_OBJECTS)]


def parse_given_values(one: Any) -> FieldInput:
    """Parse `{"field_values": [{"value": …}], "mode": …}`; raise ValueError for another shape."""
    if not isinstance(one, dict):
        raise ValueError('is not an object with "field_values"')
    mode = one.get("mode") or WriteMode.OVERWRITE
    if mode not in tuple(WriteMode):
        raise ValueError(f"mode {quote(mode)} is none of {', '.join(WriteMode)}")
    values = one.get("field_values") or []
    if not isinstance(values, list) or not all(isinstance(value, dict) and "value" in value for value in values):
        raise ValueError('field_values is not a list of objects with a "value"')
    return FieldInput([value["value"] for value in values], WriteMode(mode))


def serialize_metadata_field(kept: MetadataField, overrides: Mapping[str, Any] | None = None) -> MetadataFieldAnswer:
    """Serialise a field, with the overrides of a view."""
    details = kept.details
    body: MetadataFieldAnswer = {
        "name": kept.name,
        "label": kept.label,
        "field_type": kept.field_type,
        "options": cast(list[FieldOptionAnswer], kept.options),
        "min_value": _as_whole_number(kept.min_value),
        "max_value": _as_whole_number(kept.max_value),
        "date_created": format_datetime(kept.date_created),
        "date_modified": format_datetime(kept.date_modified),
        "multi": kept.multi,
        "read_only": kept.read_only,
        "required": kept.required,
        "sortable": kept.sortable,
        "use_as_facet": kept.use_as_facet,
        "description": details.get("description"),
        "external_id": details.get("external_id"),
        "auto_set": details.get("auto_set", False),
        "hide_if_not_set": details.get("hide_if_not_set", False),
        "is_block_field": details.get("is_block_field", False),
        "is_warning_field": details.get("is_warning_field", False),
        "mapped_field_name": details.get("mapped_field_name"),
        "representative": details.get("representative", False),
        "source_url": details.get("source_url"),
        "ai_prompt_description": details.get("ai_prompt_description"),
    }
    said = {name: value for name, value in (overrides or {}).items() if value is not None}
    return cast(MetadataFieldAnswer, {**body, **said})


def _as_whole_number(value: float | None) -> float | int | None:
    """Return a whole number as int: the 1.x client rejects a fraction."""
    return int(value) if value is not None and value.is_integer() else value


ViewFieldRows = Sequence[tuple[MetadataViewField, MetadataField]]


def serialize_metadata_view_row(view: MetadataView, rows: ViewFieldRows, *, merges: bool) -> MetadataViewAnswer:
    """Serialise a view with complete fields (`merges`), or only with its overrides of them."""
    mine = [(link, field) for link, field in rows if link.view_id == view.id]
    return {
        "id": str(view.id),
        "name": view.name,
        "description": view.description,
        "write_access_for_everyone": view.write_access_for_everyone,
        "date_created": format_datetime(view.date_created),
        "date_modified": format_datetime(view.date_modified),
        "view_fields": [serialize_metadata_field(field, link.overrides) for link, field in mine]
        if merges
        else [serialize_view_field(link, field) for link, field in mine],
    }


def serialize_view_field(link: MetadataViewField, field: MetadataField) -> ViewFieldAnswer:
    """Serialise the overrides of a view; with label and type, since clients parse every view field as a field."""
    said = link.overrides
    return {
        "name": field.name,
        "field_type": field.field_type,
        "label": said.get("label") or field.label,
        "options": said.get("options"),
        "required": said.get("required"),
        "read_only": said.get("read_only"),
        "auto_set": said.get("auto_set"),
        "hide_if_not_set": said.get("hide_if_not_set"),
        "mapped_field_name": said.get("mapped_field_name"),
        "source_url": said.get("source_url"),
    }


def serialize_metadata_category(category: MetadataCategory) -> MetadataCategoryAnswer:
    """Serialise a category."""
    return {
        "name": category.name,
        "label": category.label,
        "object_type": category.object_type,
        "view_ids": [str(view_id) for view_id in category.view_ids],
        "date_created": format_datetime(category.date_created),
        "date_modified": format_datetime(category.date_modified),
    }


def serialize_metadata_values(
    found: ObjectRef, held: Iterable[ObjectFieldValues], names: Iterable[str] | None, *, as_texts: bool = False
) -> MetadataValuesAnswer:
    """Serialise an object's values: of the named fields, also empty ones, or (without names) all that it has."""
    by_name = {one.name: one for one in held}
    shown = by_name if names is None else names
    return {
        "metadata_values": {name: _serialize_field_values(by_name.get(name), as_texts) for name in shown},
        "object_id": str(found.id),
        "object_type": found.object_type,
        "version_id": optional_id(found.version_id),
        "job_id": None,
        "date_created": format_datetime(min((one.date_created for one in by_name.values()), default=None)),
        "date_modified": format_datetime(max((one.date_modified for one in by_name.values()), default=None)),
    }


def _serialize_field_values(one: ObjectFieldValues | None, as_texts: bool) -> FieldValuesAnswer:
    if one is None:
        return {"field_values": [], "date_created": None}
    values = [value_to_text(value) if as_texts else value for value in one.values]
    return {"field_values": [{"value": value} for value in values], "date_created": format_datetime(one.date_created)}


def serialize_values_by_field(held: Iterable[ObjectFieldValues]) -> dict[str, DirectValuesAnswer]:
    """Serialise an object's values by field, in the shape that only the route without a view has."""
    return {
        one.name: {"name": one.name, "type": one.kind, "values": [{"value": value} for value in one.values]}
        for one in held
    }
