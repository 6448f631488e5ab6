"""Metadata fields: created, updated and deleted by administrators, readable by every signed-in user.

A deleted field keeps its values, hidden; a new field of the same name and type restores them. The trigger
`mark_metadata_field_update` marks the documents that show a change, in one statement.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.metadata import FieldType, MetadataField, MetadataViewField
from models.core.base import new_id
from services.core.audit_log import record_audit
from services.core.errors import Conflict, ValidationFailed, require_administrator, require_found
from services.core.rows import save_audited
from services.metadata.forms import NUMERIC_FIELD_TYPES
from services.metadata.types import quote

FIELD_AUDIT_KIND = "metadata_fields"
FIELD_NAME_PATTERN = re.compile(r"\w(?:[\w .:-]{0,198}[\w.:-])?")
"""Names have up to 200 characters without surrounding blanks."""
MAX_FIELD_OPTIONS = 10_000
FIELD_TYPES_WITH_OPTIONS = frozenset({FieldType.DROP_DOWN, FieldType.TAG_CLOUD})
FIELD_SETTING_COLUMNS = (
    *("label", "options", "required", "read_only", "multi", "sortable", "use_as_facet", "min_value", "max_value"),
)
FIELD_DETAIL_KEYS = (
    *("description", "external_id", "auto_set", "hide_if_not_set", "is_block_field", "is_warning_field"),
    *("mapped_field_name", "representative", "source_url", "ai_prompt_description"),
)
BOOLEAN_FIELD_SETTINGS = frozenset({"required", "read_only", "multi", "sortable", "use_as_facet"})


def create_field(
    session: Session, name: str, field_type: FieldType, actor: Actor, settings: Mapping[str, Any] = MappingProxyType({})
) -> MetadataField:
    """Create a field, or restore a deleted one of the same name and type with its values. Raises Conflict if the name
    is in use.
    """
    require_administrator(actor, "make metadata fields")
    if not FIELD_NAME_PATTERN.fullmatch(name) or not name.isprintable():
        raise ValidationFailed(
            "name", "a name has 1 to 200 letters, digits, blanks and . : - _, with no blank around it"
        )
    # Locks deleted fields of this name too, so that two requests cannot restore the same one.
    same = select(MetadataField).where(MetadataField.name == name).with_for_update()
    if session.scalar(same.where(MetadataField.date_deleted.is_(None))):
        raise Conflict(f'a metadata field named "{name}" exists already')
    gone = same.where(MetadataField.field_type == field_type, MetadataField.date_deleted.is_not(None))
    made = session.scalar(gone.order_by(MetadataField.date_deleted.desc()).limit(1))
    if made is None:
        made = MetadataField(id=new_id(), name=name, field_type=field_type, details={}, options=[])
    else:
        _reset_field(made)
    made.label = name
    _apply_field_settings(made, settings)
    _validate_field(made)
    told = f'metadata field "{made.name}" ({made.field_type}) was created'
    return save_audited(session, made, FIELD_AUDIT_KIND, made.name, told, actor)


def find_field(session: Session, name: str, *, lock: bool = False) -> MetadataField:
    """Return a field by its name. Raises NotFound if it does not exist."""
    query = select(MetadataField).where(MetadataField.name == name, MetadataField.date_deleted.is_(None))
    found = session.scalar(query.with_for_update() if lock else query) if name.isprintable() else None
    return require_found(found, "metadata field", quote(name))


def update_field(session: Session, name: str, settings: Mapping[str, Any], actor: Actor) -> MetadataField:
    """Update the given settings. Name and type are immutable."""
    require_administrator(actor, "change metadata fields")
    changed = find_field(session, name, lock=True)
    for fixed in ("name", "field_type"):
        if settings.get(fixed) not in (None, getattr(changed, fixed)):
            raise ValidationFailed(fixed, f"the {fixed} of a field stays; make another field instead")
    before = _read_field_settings(changed)
    _apply_field_settings(changed, settings)
    _validate_field(changed)
    told = [key for key, value in _read_field_settings(changed).items() if before[key] != value]
    if told:
        said = "; ".join(_describe_setting_change(key, before[key], _read_field_settings(changed)[key]) for key in told)
        save_audited(session, changed, FIELD_AUDIT_KIND, name, f'metadata field "{name}": {said}', actor)
    return changed


def delete_field(session: Session, name: str, actor: Actor) -> None:
    """Soft-delete a field: it leaves all views, documents and responses; its values stay stored, hidden."""
    require_administrator(actor, "remove metadata fields")
    gone = find_field(session, name, lock=True)
    # mark_metadata_field_update marks the documents of all objects with values of this field.
    gone.date_deleted = func.now()
    session.execute(delete(MetadataViewField).where(MetadataViewField.field_id == gone.id))
    session.flush()
    record_audit(session, FIELD_AUDIT_KIND, name, f'metadata field "{name}" was removed; its values are kept', actor)


def _reset_field(made: MetadataField) -> None:
    """Reset a restored field to the defaults; only its values survive the deletion."""
    made.date_deleted = None
    made.details, made.options = {}, []
    for name in BOOLEAN_FIELD_SETTINGS:
        setattr(made, name, False)
    made.min_value = made.max_value = None


def _apply_field_settings(changed: MetadataField, settings: Mapping[str, Any]) -> None:
    """Apply the given settings. Null removes a setting; False is stored as absent, because clients send back all
    settings."""
    details = dict(changed.details)
    for name, value in settings.items():
        if name in FIELD_DETAIL_KEYS:
            details[name] = value
        elif name in BOOLEAN_FIELD_SETTINGS:
            setattr(changed, name, bool(value))
        elif name == "options":
            changed.options = validate_options(value or [])
        elif name in FIELD_SETTING_COLUMNS and (value is not None or name != "label"):
            setattr(changed, name, value)
    changed.details = {name: value for name, value in details.items() if value not in (None, False)}


def _read_field_settings(kept: MetadataField) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in FIELD_SETTING_COLUMNS} | {
        name: kept.details.get(name) for name in FIELD_DETAIL_KEYS
    }


def _validate_field(kept: MetadataField) -> None:
    """Raise ValidationFailed if settings contradict each other or the field type."""
    for side in ("min_value", "max_value"):
        if getattr(kept, side) is not None and kept.field_type not in NUMERIC_FIELD_TYPES:
            raise ValidationFailed(side, f"a {kept.field_type} field has no {side}; integer and float have")
    if kept.min_value is not None and kept.max_value is not None and kept.min_value > kept.max_value:
        raise ValidationFailed("max_value", f"{kept.max_value:g} is less than min_value, which is {kept.min_value:g}")
    if kept.options and kept.field_type not in FIELD_TYPES_WITH_OPTIONS:
        raise ValidationFailed("options", f"a {kept.field_type} field has no options; drop_down and tag_cloud have")
    if kept.options and kept.details.get("source_url"):
        raise ValidationFailed("source_url", "cannot be set as long as options are set")


def validate_options(options: list[Mapping[str, str | None]]) -> list[dict[str, str]]:
    """Return options as they are stored; an option without a label gets its value as label."""
    if len(options) > MAX_FIELD_OPTIONS:
        raise ValidationFailed("options", f"at most {MAX_FIELD_OPTIONS:,} options, not {len(options):,}")
    kept: dict[str, dict[str, str]] = {}
    for place, option in enumerate(options):
        value = (option.get("value") or "").strip()
        if not value:
            raise ValidationFailed(f"options.{place}.value", "an option needs a value")
        if value in kept:
            raise ValidationFailed(f"options.{place}.value", f"{quote(value)} is there already")
        kept[value] = {"label": option.get("label") or value, "value": value}
    return list(kept.values())


def _describe_setting_change(key: str, before: Any, after: Any) -> str:
    if key == "options":
        return f"{len(before)} options became {len(after)}" if len(before) != len(after) else "options changed"
    return f"{key} changed from {quote(before)} to {quote(after)}"
