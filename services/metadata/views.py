"""Metadata views and categories, which are named lists of views per object type: created, updated and deleted by
administrators, readable by every signed-in user."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.metadata import MetadataCategory, MetadataField, MetadataView, MetadataViewField
from models.core.base import new_id
from services.core.audit_log import record_audit
from services.core.errors import (
    Conflict,
    FieldsInvalid,
    ValidationFailed,
    require_administrator,
    require_found,
    require_known,
)
from services.core.rows import load, save_audited
from services.metadata.fields import validate_options
from services.metadata.forms import VIEW_OVERRIDE_KEYS
from services.metadata.types import quote

VIEW_AUDIT_KIND = "metadata_views"
MAX_VIEW_FIELDS = 1_000


@dataclass(frozen=True, slots=True)
class ViewInput:
    """Input for a view; parts that are None stay as they are."""

    name: str | None = None
    fields: Sequence[Mapping[str, Any]] | None = None
    """Each with a field name and the overrides of the view."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`description` and `write_access_for_everyone`, if given."""


def create_view(session: Session, new: ViewInput, actor: Actor) -> MetadataView:
    """Create a view of existing fields."""
    require_administrator(actor, "make metadata views")
    view = MetadataView(id=new_id(), name=new.name)
    _apply_view_settings(view, new.settings)
    session.add(view)
    session.flush()
    _insert_view_fields(session, view.id, new.fields or [])
    return save_audited(session, view, VIEW_AUDIT_KIND, view.id, f'metadata view "{view.name}" was created', actor)


def find_view(session: Session, view_id: uuid.UUID, *, lock: bool = False) -> MetadataView:
    """Return a view by its id. Raises NotFound if it does not exist."""
    return load(session, MetadataView, view_id, "metadata view", lock=lock)


def update_view(session: Session, view_id: uuid.UUID, new: ViewInput, actor: Actor) -> MetadataView:
    """Update the given parts; given fields replace all fields of the view."""
    require_administrator(actor, "change metadata views")
    view = find_view(session, view_id, lock=True)
    if new.name is not None:
        view.name = new.name
    _apply_view_settings(view, new.settings)
    if new.fields is not None:
        session.execute(delete(MetadataViewField).where(MetadataViewField.view_id == view_id))
        _insert_view_fields(session, view_id, new.fields)
    said = f", with {len(new.fields)} fields" if new.fields is not None else ""
    told = f'metadata view "{view.name}" was changed{said}'
    return save_audited(session, view, VIEW_AUDIT_KIND, view.id, told, actor)


def delete_view(session: Session, view_id: uuid.UUID, actor: Actor) -> None:
    """Delete a view and remove it from its categories; fields and values stay."""
    require_administrator(actor, "remove metadata views")
    view = find_view(session, view_id, lock=True)
    session.execute(
        text("UPDATE metadata_category SET view_ids = array_remove(view_ids, :id) WHERE :id = ANY(view_ids)"),
        {"id": view_id},
    )
    session.delete(view)
    session.flush()
    record_audit(session, VIEW_AUDIT_KIND, view_id, f'metadata view "{view.name}" was removed', actor)


def _apply_view_settings(view: MetadataView, settings: Mapping[str, Any]) -> None:
    if "description" in settings:
        view.description = settings["description"]
    if settings.get("write_access_for_everyone") is not None:
        view.write_access_for_everyone = settings["write_access_for_everyone"]


def _insert_view_fields(session: Session, view_id: uuid.UUID, fields: Sequence[Mapping[str, Any]]) -> None:
    """Insert the fields of a view in order. Raises ValidationFailed for unknown and repeated names, by position."""
    if len(fields) > MAX_VIEW_FIELDS:
        raise ValidationFailed("view_fields", f"at most {MAX_VIEW_FIELDS:,} fields, not {len(fields):,}")
    names = [one["name"] for one in fields if one["name"].isprintable()]
    query = select(MetadataField.name, MetadataField.id).where(
        MetadataField.name.in_(names), MetadataField.date_deleted.is_(None)
    )
    ids: dict[str, uuid.UUID] = dict(session.execute(query).all())
    faults, seen = {}, set()
    for place, one in enumerate(fields):
        if one["name"] not in ids:
            faults[f"view_fields.{place}.name"] = f"metadata field {quote(one['name'])} does not exist"
        elif one["name"] in seen:
            faults[f"view_fields.{place}.name"] = f"{quote(one['name'])} is in the view already"
        seen.add(one["name"])
    if faults:
        raise FieldsInvalid(faults)
    for place, one in enumerate(fields):
        link = MetadataViewField(view_id=view_id, field_id=ids[one["name"]], position=place)
        link.overrides = _validate_overrides(one)
        session.add(link)
    session.flush()


def _validate_overrides(given: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: given.get(name) for name in (*VIEW_OVERRIDE_KEYS, "source_url") if given.get(name) is not None}
    options = said.pop("options", None)
    if options is not None and (kept := validate_options(options)):
        said["options"] = kept
    return said


def mark_objects_with_values(session: Session, view_id: uuid.UUID | None = None) -> None:
    """Mark all objects with values for reindexing, or those with values in a view's fields."""
    # Marks by hand: no row changes here, so no trigger does it.
    of_view = "WHERE field_id IN (SELECT field_id FROM metadata_view_field WHERE view_id = :view)" if view_id else ""
    session.execute(
        text(
            "SELECT mark_for_index(object_type, array_agg(object_id)) "
            f"FROM (SELECT DISTINCT object_type, object_id FROM metadata_value {of_view}) AS held GROUP BY object_type"
        ),
        {"view": view_id} if view_id else {},
    )


CATEGORY_AUDIT_KIND = "metadata_categories"
METADATA_OBJECT_TYPES = ("assets", "collections", "segments")


def find_category(session: Session, object_type: str, name: str, *, lock: bool = False) -> MetadataCategory:
    """Return a category by its name. Raises NotFound if it does not exist."""
    require_known("object_type", object_type, METADATA_OBJECT_TYPES, "has no metadata")
    found = session.get(MetadataCategory, (object_type, name), with_for_update=lock or None)
    return require_found(found, "metadata category", quote(name))


def list_categories(session: Session, object_type: str) -> Sequence[MetadataCategory]:
    """List all categories of an object type by name."""
    require_known("object_type", object_type, METADATA_OBJECT_TYPES, "has no metadata")
    query = select(MetadataCategory).where(MetadataCategory.object_type == object_type)
    return session.scalars(query.order_by(MetadataCategory.name)).all()


def create_category(
    session: Session, object_type: str, name: str, label: str, view_ids: Sequence[uuid.UUID], actor: Actor
) -> MetadataCategory:
    """Create a category. Raises Conflict if the name is in use."""
    require_administrator(actor, "make metadata categories")
    require_known("object_type", object_type, METADATA_OBJECT_TYPES, "has no metadata")
    if session.get(MetadataCategory, (object_type, name)) is not None:
        raise Conflict(f'{object_type} have a metadata category named "{name}" already')
    made = MetadataCategory(object_type=object_type, name=name, label=label)
    made.view_ids = _validate_view_ids(session, view_ids)
    told = f'metadata category "{name}" of {object_type} was created'
    return save_audited(session, made, CATEGORY_AUDIT_KIND, name, told, actor)


def update_category(
    session: Session, object_type: str, name: str, label: str, view_ids: Sequence[uuid.UUID] | None, actor: Actor
) -> MetadataCategory:
    """Update the label, and the views if given."""
    require_administrator(actor, "change metadata categories")
    changed = find_category(session, object_type, name, lock=True)
    changed.label = label
    if view_ids is not None:
        changed.view_ids = _validate_view_ids(session, view_ids)
    told = f'metadata category "{name}" of {object_type} was changed'
    return save_audited(session, changed, CATEGORY_AUDIT_KIND, name, told, actor)


def delete_category(session: Session, object_type: str, name: str, actor: Actor) -> None:
    """Delete a category; its views stay."""
    require_administrator(actor, "remove metadata categories")
    session.delete(find_category(session, object_type, name, lock=True))
    session.flush()
    record_audit(session, CATEGORY_AUDIT_KIND, name, f'metadata category "{name}" of {object_type} was removed', actor)


def list_views_by_ids(
    session: Session, view_ids: Sequence[uuid.UUID], *, writable_by: Actor | None = None
) -> list[MetadataView]:
    """Return views in the order of their ids; with `writable_by`, only those that this actor may write through."""
    found = {view.id: view for view in session.scalars(select(MetadataView).where(MetadataView.id.in_(view_ids)))}
    views = [found[view_id] for view_id in view_ids if view_id in found]
    if writable_by is None or writable_by.is_admin:
        return views
    return [view for view in views if view.write_access_for_everyone]


def _validate_view_ids(session: Session, view_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Return the ids without duplicates; raise for each id that is not a view."""
    wanted = list(dict.fromkeys(view_ids))
    known = set(
        session.scalars(
            # FOR KEY SHARE: a view cannot be deleted before the category that names it is committed.
            select(MetadataView.id).where(MetadataView.id.in_(wanted)).with_for_update(key_share=True, read=True)
        )
    )
    faults = {
        f"view_ids.{place}": f"metadata view {one} does not exist"
        for place, one in enumerate(wanted)
        if one not in known
    }
    if faults:
        raise FieldsInvalid(faults)
    return wanted
