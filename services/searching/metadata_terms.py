"""Field information that a search needs: value types for range terms, and the fields of a view."""

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog.metadata import FieldType, MetadataField
from search.document import METADATA_TERM_PREFIX
from search.query.ranges import ValueKind
from services.core.errors import NotFound, ValidationFailed
from services.metadata.forms import load_view_form

TransactionRunner = Callable[[Callable[[Session], dict[str, ValueKind]]], dict[str, ValueKind]]
"""Runs a query in a transaction: that of the request, or a short one of its own."""

RANGE_KINDS: dict[FieldType, ValueKind] = {
    FieldType.INTEGER: "number",
    FieldType.FLOAT: "number",
    FieldType.DATE: "day",
    FieldType.DATETIME: "time",
}


def make_range_kind_reader(run: TransactionRunner) -> Callable[[str], ValueKind | None]:
    """Return a function from a term's name to its value type. Fields are loaded once, and only if a term names one."""

    @cache
    def kinds() -> dict[str, ValueKind]:
        return run(load_range_kinds)

    return lambda name: kinds().get(name) if name.startswith(METADATA_TERM_PREFIX) else None


def load_range_kinds(session: Session) -> dict[str, ValueKind]:
    """Return the value type of each active field by the name of its term. Booleans are left out: they have no
    ranges."""
    query = select(MetadataField.name, MetadataField.field_type).where(
        MetadataField.date_deleted.is_(None), MetadataField.field_type != FieldType.BOOLEAN
    )
    return {
        METADATA_TERM_PREFIX + name: RANGE_KINDS.get(field_type, "text") for name, field_type in session.execute(query)
    }


def find_view_field_names(session: Session, view_id: Any) -> frozenset[str] | None:
    """Return the names of the fields that a view shows, or None without a view: then hits show all fields."""
    if not view_id:
        return None
    try:
        return frozenset(load_view_form(session, uuid.UUID(str(view_id))).rules)
    except (ValueError, NotFound):
        raise ValidationFailed("metadata_view_id", f'"{str(view_id)[:80]}" is no metadata view') from None
