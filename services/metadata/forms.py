"""Forms: the fields that a write accepts by name, as a view presents them or without a view."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog.metadata import FieldType, MetadataField, MetadataView, MetadataViewField
from models.core.statements import in_array
from services.core.rows import load
from services.metadata.types import FieldValue, quote

VIEW_OVERRIDE_KEYS = ("label", "options", "required", "read_only", "auto_set", "hide_if_not_set", "mapped_field_name")
"""Field settings that a view may override, besides `source_url`, which belongs to the options."""
NUMERIC_FIELD_TYPES = frozenset({FieldType.INTEGER, FieldType.FLOAT})


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Validation rule of one field."""

    field_id: uuid.UUID
    name: str
    label: str
    kind: FieldType
    multi: bool = False
    required: bool = False
    read_only: bool = False
    low: float | None = None
    high: float | None = None
    options: frozenset[str] | None = None
    """Allowed values; None if any value is allowed."""

    def fault(self, value: FieldValue) -> str | None:
        """Return why the field rejects a value of its type, or None."""
        if self.options is not None and value not in self.options:
            return f"{quote(value)} is none of its options"
        if not isinstance(value, int | float) or self.kind not in NUMERIC_FIELD_TYPES:
            return None
        if self.low is not None and value < self.low:
            return f"{value} is less than {self.low:g}"
        return f"{value} is more than {self.high:g}" if self.high is not None and value > self.high else None


@dataclass(frozen=True, slots=True)
class MetadataForm:
    """The fields that a write accepts, in order."""

    rules: Mapping[str, FieldRule]
    view: MetadataView | None = None

    @property
    def required(self) -> list[FieldRule]:
        """Fields that must have a value. Without a view no field is required."""
        return [rule for rule in self.rules.values() if rule.required and self.view is not None]


def load_view_form(session: Session, view_id: uuid.UUID) -> MetadataForm:
    """Load the form of a view. Raises NotFound if the view does not exist."""
    view = load(session, MetadataView, view_id, "metadata view")
    rows = load_view_fields(session, [view_id])
    return MetadataForm({field.name: build_field_rule(field, link.overrides) for link, field in rows}, view)


def load_view_fields(session: Session, view_ids: Iterable[uuid.UUID]) -> list[tuple[MetadataViewField, MetadataField]]:
    """Load the fields of views that are not deleted, in their order, in one query."""
    query = (
        select(MetadataViewField, MetadataField)
        .join(MetadataField, MetadataField.id == MetadataViewField.field_id)
        .where(MetadataViewField.view_id.in_(list(view_ids)), MetadataField.date_deleted.is_(None))
        .order_by(MetadataViewField.view_id, MetadataViewField.position)
    )
    return [(link, field) for link, field in session.execute(query)]


def load_fields_form(session: Session, names: Iterable[str]) -> MetadataForm:
    """Load fields without a view: type and limits apply, `required` and `read_only` do not."""
    storable = [name for name in names if name.isprintable()]
    query = select(MetadataField).where(in_array(MetadataField.name, storable), MetadataField.date_deleted.is_(None))
    return MetadataForm({field.name: build_field_rule(field, {"read_only": False}) for field in session.scalars(query)})


def build_field_rule(field: MetadataField, overrides: Mapping[str, Any]) -> FieldRule:
    """Build the rule of a field with the overrides of a view."""
    said = {name: value for name, value in overrides.items() if value is not None}
    options = said.get("options", field.options)
    is_elsewhere = bool(said.get("source_url") or field.details.get("source_url")) and not options
    return FieldRule(
        field_id=field.id,
        name=field.name,
        label=said.get("label", field.label),
        kind=field.field_type,
        multi=field.multi or field.field_type == FieldType.TAG_CLOUD,
        required=said.get("required", field.required),
        read_only=said.get("read_only", field.read_only),
        low=field.min_value,
        high=field.max_value,
        options=frozenset(option["value"] for option in options)
        if field.field_type == FieldType.DROP_DOWN and not is_elsewhere
        else None,
    )
