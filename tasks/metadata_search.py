"""Field information that a search needs: value types for range terms, and the fields of a view."""

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.metadata import FieldType, MetadataField
from search.documents import METADATA
from search.ranges import Kind
from tasks.metadata_forms import form_of_view
from tasks.refusals import Invalid, Missing

Run = Callable[[Callable[[Session], Any]], Any]
"""Runs a query in a transaction: that of the request, or a short one of its own."""

KINDS: dict[FieldType, Kind] = {
    FieldType.INTEGER: "number",
    FieldType.FLOAT: "number",
    FieldType.DATE: "day",
    FieldType.DATETIME: "time",
}


def kind_reader(run: Run) -> Callable[[str], Kind | None]:
    """Return a function from a term's name to its value type. Fields are loaded once, and only if a term names one."""

    @cache
    def kinds() -> dict[str, Kind]:
        return run(kinds_by_term)

    return lambda name: kinds().get(name) if name.startswith(METADATA) else None


def kinds_by_term(session: Session) -> dict[str, Kind]:
    """Return the value type of each active field by the name of its term. Booleans are left out: they have no
    ranges."""
    query = select(MetadataField.name, MetadataField.field_type).where(
        MetadataField.date_deleted.is_(None), MetadataField.field_type != FieldType.BOOLEAN
    )
    return {METADATA + name: KINDS.get(field_type, "text") for name, field_type in session.execute(query)}


def shown_names(session: Session, view_id: Any) -> frozenset[str] | None:
    """Return the names of the fields that a view shows, or None without a view: then hits show all fields."""
    if not view_id:
        return None
    try:
        return frozenset(form_of_view(session, uuid.UUID(str(view_id))).rules)
    except (ValueError, Missing):
        raise Invalid("metadata_view_id", f'"{str(view_id)[:80]}" is no metadata view') from None
