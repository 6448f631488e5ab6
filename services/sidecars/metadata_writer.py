"""Writer of sidecar values to metadata fields: through the storage's view, under the same validation as users.

1. A sidecar with one invalid value writes nothing and reports the field: a partial write would go unnoticed.
2. Values of users stay: a sidecar fills empty fields, and replaces what a sidecar wrote last and no user changed since.
   In multi-value fields its values are added and removed beside those of users; a value that a user removed stays
   removed. A field that it no longer contains keeps its values.
3. Many sidecars take a few statements; two sidecars of one asset are written one after the other.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.history import Operation
from models.catalog.storage import StorageSettings
from models.core.statements import AnyRow, bind_columns
from services.core.errors import FieldsInvalid, NotFound
from services.core.history import record_history
from services.metadata.change_set import FieldChange, validate_changes
from services.metadata.forms import MetadataForm, load_fields_form, load_view_form
from services.metadata.types import quote
from services.metadata.values import load_stored_values, write_objects_values
from services.objects.objects import ObjectRef
from services.sidecars.field_mapping import ExtractedValues, SidecarFieldTable

SIDECAR_ACTOR = Actor(name="sidecars", user_id=None, is_admin=True)

ALL_FIELD_NAMES = text("SELECT name FROM metadata_field WHERE date_deleted IS NULL")
# Locked in id order before their values are read: concurrent writes of metadata wait.
LOCK_SIDECAR_ASSETS = text("""
    SELECT id, title, title_by_hand, external_id FROM asset
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'ACTIVE' ORDER BY id FOR NO KEY UPDATE
""")
LAST_SIDECAR_VALUES = text("""
    SELECT asset_id, field, "values" FROM sidecar_value WHERE asset_id = ANY(CAST(:ids AS uuid[]))
""")
UPSERT_SIDECAR_VALUES = text("""
    INSERT INTO sidecar_value (asset_id, field, "values")
    SELECT asset_id, field, CAST(said AS jsonb)
    FROM unnest(CAST(:assets AS uuid[]), CAST(:fields AS text[]), CAST(:values AS text[]))
        AS new (asset_id, field, said)
    ORDER BY asset_id, field
    ON CONFLICT (asset_id, field) DO UPDATE SET "values" = excluded."values"
""")
# mark_asset_update marks the document.
UPDATE_ASSET_NAME = text("""
    UPDATE asset SET title = :title, title_by_hand = :by_hand, external_id = :external_id, date_modified = now()
    WHERE id = :id
""")


@dataclass(slots=True)
class SidecarValues:
    """Values of one sidecar for one asset, and the result of writing them."""

    asset_id: uuid.UUID
    name: str
    words: Mapping[str, Sequence[Any]]
    settings: StorageSettings
    is_plain: bool = False
    """It names fields directly, so that `title` may be the asset's title."""
    refused: str | None = None
    unmapped: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Sentences about values that were left out, beside those that were written."""


def write_sidecar_values(session: Session, said: Sequence[SidecarValues]) -> None:
    """Write all values, and set `refused` and the unmapped words of each."""
    tables = _load_field_tables(session, said)
    for round_ in _split_rounds(said):
        _write_round(session, round_, tables)


def _split_rounds(said: Sequence[SidecarValues]) -> Iterator[list[SidecarValues]]:
    """Split into rounds without a repeated asset, in order."""
    waiting = list(said)
    while waiting:
        seen: set[uuid.UUID] = set()
        later: list[SidecarValues] = []
        now: list[SidecarValues] = []
        for one in waiting:
            (later if one.asset_id in seen else now).append(one)
            seen.add(one.asset_id)
        yield now
        waiting = later


FieldTableKey = tuple[uuid.UUID | None, tuple[tuple[str, str], ...]]


def _table_key(settings: StorageSettings) -> FieldTableKey:
    return settings.metadata_view_id, tuple(sorted(settings.sidecar_fields.items()))


def _load_field_tables(session: Session, said: Sequence[SidecarValues]) -> dict[FieldTableKey, SidecarFieldTable | str]:
    """Load the field table of each storage; an error message if its view no longer exists."""
    tables: dict[FieldTableKey, SidecarFieldTable | str] = {}
    for settings in {_table_key(one.settings): one.settings for one in said}.values():
        try:
            tables[_table_key(settings)] = SidecarFieldTable.of(_load_form(session, settings), settings.sidecar_fields)
        except NotFound as gone:
            tables[_table_key(settings)] = f"cannot be written: {gone}; give the storage another metadata_view_id"
    return tables


def _load_form(session: Session, settings: StorageSettings) -> MetadataForm:
    """Load the form of a storage. Read-only fields are writable here: they are meant for programs."""
    if settings.metadata_view_id is None:
        return load_fields_form(session, list(session.scalars(ALL_FIELD_NAMES)))
    form = load_view_form(session, settings.metadata_view_id)
    return MetadataForm({name: replace(rule, read_only=False) for name, rule in form.rules.items()}, form.view)


@dataclass(frozen=True, slots=True)
class _LockedAssets:
    """Locked assets of a round with their values and the last values from sidecars."""

    rows: Mapping[uuid.UUID, AnyRow]
    kept: Mapping[uuid.UUID, Mapping[uuid.UUID, Sequence[Any]]]
    last: Mapping[tuple[uuid.UUID, str], Any]

    def fit(self, asset_id: uuid.UUID, change: FieldChange) -> FieldChange | None:
        """Reduce a change to what keeps the values of users; None if nothing remains."""
        now = self.kept[asset_id].get(change.rule.field_id)
        last = self.last.get((asset_id, str(change.rule.field_id)), [])
        if not now or now == last:
            return change
        if not change.rule.multi:
            return None
        stays = [value for value in now if value not in last or value in change.values]
        return replace(change, values=(*stays, *(value for value in change.values if value not in [*last, *stays])))


def _write_round(
    session: Session, said: Sequence[SidecarValues], tables: Mapping[FieldTableKey, SidecarFieldTable | str]
) -> None:
    ids = sorted({one.asset_id for one in said})
    rows = {row.id: row for row in session.execute(LOCK_SIDECAR_ASSETS, {"ids": ids})}
    last = {
        (asset_id, name): values for asset_id, name, values in session.execute(LAST_SIDECAR_VALUES, {"ids": list(rows)})
    }
    assets = _LockedAssets(rows, load_stored_values(session, list(rows)), last)
    remembered: list[tuple[uuid.UUID, str, list[Any]]] = []
    for key, table in tables.items():
        of_table = [one for one in said if _table_key(one.settings) == key and one.asset_id in rows]
        if isinstance(table, str):
            for one in of_table:
                one.refused = table
        elif of_table:
            remembered += _write_by_table(session, of_table, table, assets)
    if remembered:
        stored = ((asset, name, json.dumps(values, ensure_ascii=False)) for asset, name, values in remembered)
        session.execute(UPSERT_SIDECAR_VALUES, bind_columns(("assets", "fields", "values"), stored))


def _write_by_table(
    session: Session, said: Sequence[SidecarValues], table: SidecarFieldTable, assets: _LockedAssets
) -> list[tuple[uuid.UUID, str, list[Any]]]:
    wanted: dict[uuid.UUID, list[FieldChange]] = {}
    own: dict[uuid.UUID, tuple[SidecarValues, ExtractedValues, list[FieldChange]]] = {}
    for one in said:
        taken = table.sort(one.words, is_plain=one.is_plain)
        one.unmapped, one.left_out = taken.unmapped, taken.left_out
        try:
            changes = validate_changes(table.form, taken.given, assets.kept[one.asset_id])
        except FieldsInvalid as wrong:
            one.refused = _format_refusal(wrong)
            continue
        fitting = [(change, fit) for change in changes if (fit := assets.fit(one.asset_id, change)) is not None]
        wanted[one.asset_id] = [fit for _, fit in fitting]
        own[one.asset_id] = (one, taken, [change for change, _ in fitting])
    found = {asset_id: ObjectRef("assets", asset_id, "", False, asset_id, asset_id) for asset_id in wanted}
    names = {one.asset_id: f"sidecar {one.name}" for one in said}
    outcome = write_objects_values(session, table.form, found, wanted, SIDECAR_ACTOR, names=names)
    remembered: list[tuple[uuid.UUID, str, list[Any]]] = []
    for asset_id, (one, taken, sidecar_changes) in own.items():
        if asset_id in outcome.refused:
            one.refused = f"nothing of it was written: {outcome.refused[asset_id]}"
            continue
        remembered += [(asset_id, str(change.rule.field_id), list(change.values)) for change in sidecar_changes]
        remembered += _write_asset_columns(session, one, taken.own, assets)
    return [row for row in remembered if assets.last.get(row[:2]) != row[2]]


def _format_refusal(wrong: FieldsInvalid) -> str:
    told = "; ".join(f'the metadata field "{name}" does not take it: {why}' for name, why in wrong.errors.items())
    return f"nothing of it was written: {told}"


def _write_asset_columns(
    session: Session, one: SidecarValues, own: Mapping[str, str], assets: _LockedAssets
) -> Iterator[tuple[uuid.UUID, str, list[Any]]]:
    """Write title and external id, unless a user or another program set them. Yields the rows to store in
    `sidecar_value`."""
    row = assets.rows[one.asset_id]
    title, external_id = own.get("title"), own.get("external_id")
    if row.title_by_hand and [row.title] != assets.last.get((row.id, ".title")):
        title = None
    if row.external_id is not None and [row.external_id] != assets.last.get((row.id, ".external_id")):
        external_id = None
    changed = []
    if title is not None and title != row.title:
        changed.append(f"title from {quote(row.title)} to {quote(title)}")
    if external_id is not None and external_id != row.external_id:
        changed.append(f"external id to {quote(external_id)}")
    if changed:
        new = {
            "id": row.id,
            "title": (title or row.title)[:1_000],
            "by_hand": row.title_by_hand or title is not None,
            "external_id": row.external_id if external_id is None else external_id[:1_000],
        }
        session.execute(UPDATE_ASSET_NAME, new)
        told = f"metadata changed: {'; '.join(changed)}"
        record_history(session, row.id, Operation.METADATA, told, replace(SIDECAR_ACTOR, name=f"sidecar {one.name}"))
    for name, value in ((".title", title), (".external_id", external_id)):
        if value is not None:
            yield row.id, name, [value[:1_000]]
