"""Metadata categories: named lists of views per object type."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.metadata import MetadataCategory, MetadataView
from services.core.actors import require_administrator
from services.core.audit_log import record_audit
from services.core.errors import Conflict, FieldsInvalid, require_known
from services.core.rows import require_found, save_audited
from services.metadata.types import quote

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
    told = f'metadata category "{name}" of {object_type} was made'
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
