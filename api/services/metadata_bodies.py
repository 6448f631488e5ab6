"""Request bodies and serialisers of metadata fields, views, categories and values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, HttpUrl, model_validator

from api.bodies import Body, Name, Text, refuse_unstorable
from api.rendering import key, stamp
from models.metadata import FieldType, MetadataCategory, MetadataField, MetadataView, MetadataViewField
from tasks.metadata_changes import Given, Mode
from tasks.metadata_fields import DETAILS, TRUTHS, NewField
from tasks.metadata_forms import OVERRIDES
from tasks.metadata_types import as_text, quoted
from tasks.metadata_values import FieldValues
from tasks.metadata_views import NewView
from tasks.objects import Found
from tasks.refusals import Invalid, InvalidFields

MOST_FIELDS = 1_000
Limit = Annotated[float, Field(allow_inf_nan=False)]
Word = Annotated[str, Field(max_length=1_000)]


class OptionBody(Body):
    label: Word | None = None
    value: Word | None = None


Options = list[OptionBody]


class FieldChangeBody(Body):
    name: str | None = None
    label: Name | None = None
    field_type: FieldType | None = None
    description: Text | None = None
    external_id: Word | None = None
    options: Options | None = None
    required: bool | None = None
    read_only: bool | None = None
    multi: bool | None = None
    min_value: Limit | None = None
    max_value: Limit | None = None
    sortable: bool | None = None
    use_as_facet: bool | None = None
    auto_set: bool | None = None
    hide_if_not_set: bool | None = None
    is_block_field: bool | None = None
    is_warning_field: bool | None = None
    representative: bool | None = None
    mapped_field_name: Word | None = None
    source_url: HttpUrl | None = None
    ai_prompt_description: Text | None = None

    def settings(self) -> dict[str, Any]:
        """Return the fields that were sent, as JSON."""
        return self.model_dump(mode="json", exclude_unset=True)


class FieldBody(FieldChangeBody):
    name: str
    label: Name
    field_type: FieldType

    def new_field(self) -> NewField:
        """Return the field to create."""
        return NewField(self.name, self.field_type, self.settings())


class ViewFieldBody(Body):
    name: Word
    label: Name | None = None
    options: Options | None = None
    required: bool | None = None
    read_only: bool | None = None
    auto_set: bool | None = None
    hide_if_not_set: bool | None = None
    mapped_field_name: Word | None = None
    source_url: HttpUrl | None = None


class ViewChangeBody(Body):
    name: Name | None = None
    description: Text | None = None
    view_fields: list[ViewFieldBody] | None = None
    write_access_for_everyone: bool | None = None

    def new_view(self) -> NewView:
        """Return the view to set."""
        sent = self.model_dump(mode="json", exclude_unset=True)
        settings = {name: sent[name] for name in ("description", "write_access_for_everyone") if name in sent}
        return NewView(self.name, sent.get("view_fields"), settings)


class ViewBody(ViewChangeBody):
    name: Name
    view_fields: list[ViewFieldBody]


class CategoryBody(Body):
    name: Name
    label: Name
    view_ids: Annotated[list[UUID], Field(max_length=MOST_FIELDS)] | None = None


class CategoryChangeBody(Body):
    label: Name
    view_ids: Annotated[list[UUID], Field(max_length=MOST_FIELDS)] | None = None


class ValuesBody(Body):
    """Values by field name. They are parsed one by one, so that an error names its field."""

    metadata_values: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _leave_out_blanks(cls, given: Any) -> Any:
        if isinstance(given, dict):
            refuse_unstorable({name: value for name, value in given.items() if name != "metadata_values"})
        return given

    def given(self) -> dict[str, Given]:
        """Return values by field name.

        Raises:
            ValidationFailed: too many fields, or values of another shape; names each field.
        """
        if len(self.metadata_values) > MOST_FIELDS:
            raise Invalid("metadata_values", f"at most {MOST_FIELDS:,} fields, not {len(self.metadata_values):,}")
        given, faults = {}, {}
        for name, one in self.metadata_values.items():
            try:
                given[name] = read_given(one)
            except ValueError as error:
                faults[quoted(name, 200)[1:-1]] = str(error)
        if faults:
            raise InvalidFields(faults)
        return given


class BulkValuesBody(ValuesBody):
    object_ids: list[UUID]


def read_given(one: Any) -> Given:
    """Parse `{"field_values": [{"value": …}], "mode": …}`; raise ValueError for another shape."""
    if not isinstance(one, dict):
        raise ValueError('is not an object with "field_values"')
    mode = one.get("mode") or Mode.OVERWRITE
    if mode not in tuple(Mode):
        raise ValueError(f"mode {quoted(mode)} is none of {', '.join(Mode)}")
    values = one.get("field_values") or []
    if not isinstance(values, list) or not all(isinstance(value, dict) and "value" in value for value in values):
        raise ValueError('field_values is not a list of objects with a "value"')
    return Given([value["value"] for value in values], Mode(mode))


def field_body(kept: MetadataField, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Serialise a field, with the overrides of a view."""
    said = {name: value for name, value in (overrides or {}).items() if value is not None}
    body = {
        "name": kept.name,
        "label": kept.label,
        "field_type": kept.field_type,
        "options": kept.options,
        "min_value": _limit(kept.min_value),
        "max_value": _limit(kept.max_value),
        "date_created": stamp(kept.date_created),
        "date_modified": stamp(kept.date_modified),
        **{name: getattr(kept, name) for name in sorted(TRUTHS)},
        **{name: kept.details.get(name, _unset(name)) for name in DETAILS},
    }
    return {**body, **said}


def _limit(value: float | None) -> float | int | None:
    """Return a whole number as int: the 1.x client rejects a fraction."""
    return int(value) if value is not None and value.is_integer() else value


def _unset(name: str) -> bool | None:
    truths = ("auto_set", "hide_if_not_set", "is_block_field", "is_warning_field", "representative")
    return False if name in truths else None


Rows = Sequence[tuple[MetadataViewField, MetadataField]]


def view_body(view: MetadataView, rows: Rows, *, merges: bool) -> dict[str, Any]:
    """Serialise a view with complete fields (`merges`), or only with its overrides of them."""
    mine = [(link, field) for link, field in rows if link.view_id == view.id]
    return {
        "id": str(view.id),
        "name": view.name,
        "description": view.description,
        "write_access_for_everyone": view.write_access_for_everyone,
        "date_created": stamp(view.date_created),
        "date_modified": stamp(view.date_modified),
        "view_fields": [
            field_body(field, link.overrides) if merges else view_field_body(link, field) for link, field in mine
        ],
    }


def view_field_body(link: MetadataViewField, field: MetadataField) -> dict[str, Any]:
    """Serialise the overrides of a view; with label and type, since clients parse every view field as a field."""
    said = {name: link.overrides.get(name) for name in (*OVERRIDES, "source_url")}
    return {**said, "name": field.name, "field_type": field.field_type, "label": said["label"] or field.label}


def category_body(category: MetadataCategory) -> dict[str, Any]:
    """Serialise a category."""
    return {
        "name": category.name,
        "label": category.label,
        "object_type": category.object_type,
        "view_ids": [str(view_id) for view_id in category.view_ids],
        "date_created": stamp(category.date_created),
        "date_modified": stamp(category.date_modified),
    }


def values_body(
    found: Found, held: Iterable[FieldValues], names: Iterable[str] | None, *, as_texts: bool = False
) -> dict[str, Any]:
    """Serialise an object's values: of the named fields, also empty ones, or (without names) all that it has."""
    by_name = {one.name: one for one in held}
    shown = by_name if names is None else names
    return {
        "metadata_values": {name: _values(by_name.get(name), as_texts) for name in shown},
        "object_id": str(found.id),
        "object_type": found.object_type,
        "version_id": key(found.version_id),
        "job_id": None,
        "date_created": stamp(min((one.date_created for one in by_name.values()), default=None)),
        "date_modified": stamp(max((one.date_modified for one in by_name.values()), default=None)),
    }


def _values(one: FieldValues | None, as_texts: bool) -> dict[str, Any]:
    if one is None:
        return {"field_values": [], "date_created": None}
    values = [as_text(value) if as_texts else value for value in one.values]
    return {"field_values": [{"value": value} for value in values], "date_created": stamp(one.date_created)}


def direct_body(held: Iterable[FieldValues]) -> dict[str, Any]:
    """Serialise an object's values by field, in the shape that only the route without a view has."""
    return {
        one.name: {"name": one.name, "type": one.kind, "values": [{"value": value} for value in one.values]}
        for one in held
    }
