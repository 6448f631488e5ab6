"""Metadata values of any kind of object: read and written together with history, for one object or thousands.

A write is three statements for any number of objects and fields: read the stored values, upsert the changed ones,
delete the empty ones. The caller has the objects' rows locked, so that concurrent appends are not lost.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Text, Uuid, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.history import Operation
from models.catalog.metadata import FieldType, MetadataField, MetadataValue
from models.core.statements import bind_columns, in_array
from services.core.errors import FieldsInvalid, PermissionDenied
from services.core.history import HistoryEntry, copy_history
from services.metadata.change_set import (
    FieldChange,
    FieldInput,
    FieldWrite,
    StoredValues,
    compute_field_writes,
    describe_field_writes,
    parse_field_inputs,
    validate_changes,
)
from services.metadata.forms import MetadataForm, load_fields_form, load_view_form
from services.metadata.types import FieldValue, restore_value
from services.objects.objects import ObjectRef, record_object_history

# metadata_value's triggers (mark_metadata_value_insert, _update, _delete) mark the documents of these objects. ORDER
# BY: concurrent writes lock rows in the same order.
UPSERT_VALUES = text("""
    INSERT INTO metadata_value AS stored (object_id, field_id, object_type, "values")
    SELECT object_id, field_id, :object_type, CAST(given AS jsonb)
    FROM unnest(:objects, :fields, :given) AS new (object_id, field_id, given)
    ORDER BY object_id, field_id
    ON CONFLICT (object_id, field_id) DO UPDATE SET "values" = excluded."values", date_modified = now()
""").bindparams(
    bindparam("objects", type_=ARRAY(Uuid)),
    bindparam("fields", type_=ARRAY(Uuid)),
    bindparam("given", type_=ARRAY(Text)),
)

DELETE_EMPTY_VALUES = text("""
    DELETE FROM metadata_value USING unnest(:objects, :fields) AS gone (object_id, field_id)
    WHERE metadata_value.object_id = gone.object_id AND metadata_value.field_id = gone.field_id
""").bindparams(bindparam("objects", type_=ARRAY(Uuid)), bindparam("fields", type_=ARRAY(Uuid)))


@dataclass(frozen=True, slots=True)
class ObjectFieldValues:
    """Values of one field of an object."""

    name: str
    kind: FieldType
    values: list[FieldValue]
    date_created: Any
    date_modified: Any


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """Result of a write on many objects."""

    written: set[uuid.UUID] = field(default_factory=set)
    """Objects that have the given values now, including those that had them before."""
    changed: set[uuid.UUID] = field(default_factory=set)
    refused: dict[uuid.UUID, str] = field(default_factory=dict)
    """Objects of which nothing was written, with the reason."""


def list_object_values(
    session: Session, object_id: uuid.UUID, *, includes_deleted: bool = False
) -> list[ObjectFieldValues]:
    """List the values of one object by field name; those of deleted fields on request.

    If a deleted and a current field share a name, the current field wins.
    """
    query = (
        select(
            MetadataField.name,
            MetadataField.field_type,
            MetadataValue.values,
            MetadataValue.date_created,
            MetadataValue.date_modified,
        )
        .join(MetadataField, MetadataField.id == MetadataValue.field_id)
        .where(MetadataValue.object_id == object_id)
        .order_by(MetadataField.name, MetadataField.date_deleted.asc().nulls_last())
    )
    if not includes_deleted:
        query = query.where(MetadataField.date_deleted.is_(None))
    rows = {name: (name, kind, values, *dates) for name, kind, values, *dates in session.execute(query)}
    return [
        ObjectFieldValues(name, kind, [restore_value(kind, value) for value in values], created, modified)
        for name, kind, values, created, modified in rows.values()
    ]


def load_values_by_object(
    session: Session, object_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[str, list[FieldValue]]]:
    """Load the values of objects in current fields, by field name; objects without values are absent."""
    held: dict[uuid.UUID, dict[str, list[FieldValue]]] = {}
    query = (
        select(MetadataValue.object_id, MetadataField.name, MetadataField.field_type, MetadataValue.values)
        .join(MetadataField, MetadataField.id == MetadataValue.field_id)
        .where(in_array(MetadataValue.object_id, object_ids), MetadataField.date_deleted.is_(None))
        .order_by(MetadataField.name)
    )
    for object_id, name, kind, values in session.execute(query):
        held.setdefault(object_id, {})[name] = [restore_value(kind, value) for value in values]
    return held


def load_stored_values(session: Session, object_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, StoredValues]:
    """Load the stored values of objects by field id, in one query."""
    kept: dict[uuid.UUID, StoredValues] = {object_id: {} for object_id in object_ids}
    query = (
        select(MetadataValue.object_id, func.jsonb_object_agg(MetadataValue.field_id, MetadataValue.values))
        .where(in_array(MetadataValue.object_id, object_ids))
        .group_by(MetadataValue.object_id)
    )
    for object_id, values in session.execute(query):
        kept[object_id] = {uuid.UUID(key): value for key, value in values.items()}
    return kept


def write_object_values(
    session: Session,
    found: ObjectRef,
    values: Mapping[str, Any],
    actor: Actor,
    *,
    view_id: uuid.UUID | None = None,
    ignores_unchanged: bool = True,
) -> list[FieldWrite]:
    """Write values by field name on an object that is locked for update: for each field a value, a list, or a
    `FieldInput`. Raises ValidationFailed with every faulty field; then nothing is written.

    Without a view, `required` and `read_only` do not apply.
    """
    form = load_view_form(session, view_id) if view_id else load_fields_form(session, values)
    return write_form_values(
        session, found, form, parse_field_inputs(values), actor, ignores_unchanged=ignores_unchanged
    )


def write_form_values(
    session: Session,
    found: ObjectRef,
    form: MetadataForm,
    given: Mapping[str, FieldInput],
    actor: Actor,
    *,
    ignores_unchanged: bool,
) -> list[FieldWrite]:
    """Write inputs through a form. Unchanged values are saved again and recorded in history, unless
    `ignores_unchanged`."""
    require_view_write_access(form, actor)
    kept = load_stored_values(session, [found.id])[found.id]
    written = compute_field_writes(form, kept, validate_changes(form, given, kept))
    if ignores_unchanged:
        written = [one for one in written if one.is_change]
    if written:
        _store_writes(session, found.object_type, {found.id: written})
        record_object_history(session, found, Operation.METADATA, _history_text(found, written), actor)
    return written


def require_view_write_access(form: MetadataForm, actor: Actor) -> None:
    """Raise PermissionDenied if the actor may not write through the form's view."""
    if form.view is not None and not form.view.write_access_for_everyone and not actor.is_admin:
        raise PermissionDenied(f'only administrators write through the view "{form.view.name}"')


def write_objects_values(
    session: Session,
    form: MetadataForm,
    found: Mapping[uuid.UUID, ObjectRef],
    wanted: Mapping[uuid.UUID, Sequence[FieldChange]],
    actor: Actor,
    *,
    job_id: uuid.UUID | None = None,
    names: Mapping[uuid.UUID, str] | None = None,
) -> BulkOutcome:
    """Write changes on locked objects of one type; unchanged values are left alone.

    Args:
        names: actor names for history by object id, where they differ from the actor's own.
    """
    outcome = BulkOutcome()
    changed: dict[uuid.UUID, list[FieldWrite]] = {}
    for object_id, kept in load_stored_values(session, list(wanted)).items():
        try:
            written = [one for one in compute_field_writes(form, kept, wanted[object_id]) if one.is_change]
        except FieldsInvalid as faults:
            outcome.refused[object_id] = str(faults)
            continue
        outcome.written.add(object_id)
        if written:
            changed[object_id] = written
    if changed:
        _store_writes(session, next(iter(found.values())).object_type, changed)
        said = [
            HistoryEntry(
                asset, Operation.METADATA, _history_text(one, changed[one.id]), actor_name=(names or {}).get(one.id)
            )
            for one in (found[object_id] for object_id in changed)
            if (asset := one.history_of) is not None
        ]
        copy_history(session, said, actor, job_id)
    outcome.changed.update(changed)
    return outcome


def _store_writes(session: Session, object_type: str, written: Mapping[uuid.UUID, Sequence[FieldWrite]]) -> None:
    rows = [(object_id, one.rule.field_id, one.after) for object_id, many in written.items() for one in many]
    full = [(*row[:2], json.dumps(row[2], ensure_ascii=False, allow_nan=False)) for row in rows if row[2]]
    gone = [row[:2] for row in rows if not row[2]]
    if full:
        named = bind_columns(("objects", "fields", "given"), full)
        session.execute(UPSERT_VALUES, named | {"object_type": object_type})
    if gone:
        session.execute(DELETE_EMPTY_VALUES, bind_columns(("objects", "fields"), gone))


def _history_text(found: ObjectRef, written: Sequence[FieldWrite]) -> str:
    """Describe a write for history. A segment's values go to its asset's history, so its title is included."""
    told = describe_field_writes(written)
    return told if found.history_of == found.id else f'{found.object_type} "{found.title[:80]}": {told}'
