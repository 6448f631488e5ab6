"""What a search has to know of fields: what their values are, and which of them a view shows."""

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
"""Runs a question in a transaction: a request's own, or a short one."""

KINDS: dict[FieldType, Kind] = {
    FieldType.INTEGER: "number",
    FieldType.FLOAT: "number",
    FieldType.DATE: "day",
    FieldType.DATETIME: "time",
}


def kind_reader(run: Run) -> Callable[[str], Kind | None]:
    """Tells what the values of a term are; the fields are read once, and only where a term names one."""

    @cache
    def kinds() -> dict[str, Kind]:
        return run(kinds_by_term)

    return lambda name: kinds().get(name) if name.startswith(METADATA) else None


def kinds_by_term(session: Session) -> dict[str, Kind]:
    """What the values of each living field are, by the name of its term; a truth value has no ranges."""
    query = select(MetadataField.name, MetadataField.field_type).where(
        MetadataField.date_deleted.is_(None), MetadataField.field_type != FieldType.BOOLEAN
    )
    return {METADATA + name: KINDS.get(field_type, "text") for name, field_type in session.execute(query)}


def shown_names(session: Session, view_id: Any) -> frozenset[str] | None:
    """Names of the fields that a search's view shows; None where it names none, and hits show all."""
    if not view_id:
        return None
    try:
        return frozenset(form_of_view(session, uuid.UUID(str(view_id))).rules)
    except (ValueError, Missing):
        raise Invalid("metadata_view_id", f'"{str(view_id)[:80]}" is no metadata view') from None
