"""Creation of assets from plans without a stored asset. Most files take this path, so it only appends rows."""

import uuid

from models.base import new_id
from models.history import Operation
from models.paths import clean_text, display_text, name_of
from tasks.changes import Changes
from tasks.facts import facts_of
from tasks.folder_tags import tags_of
from tasks.island_state import StorageRules, StoredFile
from tasks.planned import PlannedAsset, PlannedFormat, PlannedSet
from tasks.sentences import added_format, created, left
from watch.grouping import AssetPlan, ComponentPlan


def create_asset(planned: PlannedAsset, changes: Changes) -> None:
    """Append the rows of a new asset, of its permissions and formats; version 1 has the asset's id."""
    asset_id = new_id()
    rules = planned.island.rules
    title, external_id = name_asset(planned.plan, rules)
    changes.new_assets.append((asset_id, title, external_id, planned.island.claim.id, rules.owner_id))
    if planned.parts_from is not None:
        changes.copied_rights.append((asset_id, planned.parts_from))
    else:
        changes.new_rights.extend(
            (asset_id, "assets", right.principal.id, right.principal.kind.value, list(right.permissions))
            for right in rules.rights
        )
    names = [create_format(planned, part, asset_id, changes) for part in planned.formats]
    changes.tell(asset_id, Operation.VERSION_CREATE, created(planned.plan, names[0]))
    if rules.folder_tags_field is not None and (tags := tags_of(planned.plan.key)):
        changes.new_tags.append((asset_id, rules.folder_tags_field, tags))
        changes.tell(asset_id, Operation.METADATA, f"tagged by the names of its folders: {', '.join(tags)}")
    if planned.parts_from is not None:
        changes.tell(planned.parts_from, Operation.MODIFY_FILESET, left(names, planned.plan))
    for part, name in zip(planned.formats[1:], names[1:], strict=True):
        if part.plan.role == "transcode":
            changes.tell(asset_id, Operation.ADD_FORMAT, added_format(part.plan, name))


def name_asset(plan: AssetPlan, rules: StorageRules) -> tuple[str, str | None]:
    """Return title and external id of an ingested asset according to the storage's settings."""
    first = display_text(name_of(plan.key))
    title = first if rules.settings.title_includes_extension else clean_text(plan.title)
    return title, first.rpartition(".")[0] or first if rules.settings.filename_is_external_id else None


def create_format(planned: PlannedAsset, part: PlannedFormat, asset_id: uuid.UUID, changes: Changes) -> str:
    """Append a new format with its file sets; return the name of its first file set."""
    format_id = enter_format(part, asset_id, changes)
    names = [create_file_set(planned, file_set, asset_id, format_id, changes) for file_set in part.sets]
    return names[0]


def enter_format(part: PlannedFormat, asset_id: uuid.UUID, changes: Changes) -> uuid.UUID:
    """Append only the row of a new format; return its id."""
    format_id, plan = part.id or new_id(), part.plan
    changes.new_formats.append((format_id, asset_id, asset_id, plan.name, plan.role, plan.kind, plan.rule))
    return format_id


def create_file_set(
    planned: PlannedAsset, part: PlannedSet, asset_id: uuid.UUID, format_id: uuid.UUID, changes: Changes
) -> str:
    """Append a file set with its components and members; return its name.

    A stored file set that splits off whole from another asset keeps its row.
    """
    facts = facts_of(part)
    row = {
        "id": part.stored.id if part.stored is not None else part.id or new_id(),
        "asset_id": asset_id,
        "format_id": format_id,
        "version_id": asset_id,
        "storage_id": planned.island.rules.id,
        "island_id": planned.island.claim.id,
        "told_count": facts["file_count"],
        **facts,
    }
    set_id = row["id"]
    if part.stored is not None:
        changes.changed_file_sets.append(row)
        changes.recomposed_sets.append(set_id)
    else:
        changes.new_file_sets.append(row)
    compose(part.plan.components, format_id, set_id, changes)
    enter_members(part, set_id, changes)
    return facts["name"]


def compose(components: tuple[ComponentPlan, ...], format_id: uuid.UUID, set_id: uuid.UUID, changes: Changes) -> None:
    """Append the components of a file set."""
    for component in components:
        changes.new_components.append(
            (
                new_id(),
                format_id,
                set_id,
                clean_text(component.name),
                component.type,
                component.language,
                list(component.flags),
            )
        )


def enter_members(part: PlannedSet, set_id: uuid.UUID, changes: Changes) -> list[StoredFile]:
    """Append memberships of files that are not in the file set yet; return those files."""
    joined = [file for file in part.files if file.file_set_id != set_id]
    for file in joined:
        rows = changes.new_members if file.file_set_id is None else changes.moved_members
        rows.append((file.id, set_id, file.size))
    changes.recounted.extend(
        (file.id, file.size) for file in part.files if file.file_set_id == set_id and file.counted_bytes != file.size
    )
    return joined
