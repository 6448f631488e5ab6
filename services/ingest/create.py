"""Creation of assets from plans without a stored asset. Most files take this path, so it only appends rows."""

import uuid

from grouping import AssetPlan, ComponentPlan
from models.catalog.history import Operation
from models.core.base import new_id
from models.core.paths import base_name, display_path, escape_surrogates
from services.ingest.changeset import CreatedAsset, IngestChanges
from services.ingest.file_set_summary import summarize_file_set
from services.ingest.history_text import describe_added_format, describe_creation, describe_left_files
from services.ingest.plan import PlannedAsset, PlannedFileSet, PlannedFormat
from services.ingest.state import StorageRules, StoredFile


def create_ingested_asset(planned: PlannedAsset, changes: IngestChanges) -> None:
    """Append the rows of a new asset, of its permissions and formats; version 1 has the asset's id."""
    asset_id = new_id()
    rules = planned.island.rules
    title, external_id = derive_asset_names(planned.plan, rules)
    changes.new_assets.append((asset_id, title, external_id, planned.island.claim.id, rules.owner_id))
    changes.created.append(CreatedAsset(asset_id, planned.plan.main_path, rules))
    if planned.split_from is not None:
        changes.copied_rights.append((asset_id, planned.split_from))
    else:
        changes.new_rights.extend(
            (asset_id, "assets", right.principal.id, right.principal.kind.value, list(right.permissions))
            for right in rules.rights
        )
    names = [create_ingested_format(planned, part, asset_id, changes) for part in planned.formats]
    changes.tell(asset_id, Operation.VERSION_CREATE, describe_creation(planned.plan, names[0]))
    if planned.split_from is not None:
        changes.tell(planned.split_from, Operation.MODIFY_FILESET, describe_left_files(names, planned.plan))
    for part, name in zip(planned.formats[1:], names[1:], strict=True):
        if part.plan.role == "transcode":
            changes.tell(asset_id, Operation.ADD_FORMAT, describe_added_format(part.plan, name))


def derive_asset_names(plan: AssetPlan, rules: StorageRules) -> tuple[str, str | None]:
    """Return title and external id of an ingested asset according to the storage's settings."""
    first = display_path(base_name(plan.main_path))
    title = first if rules.settings.title_includes_extension else escape_surrogates(plan.title)
    return title, first.rpartition(".")[0] or first if rules.settings.filename_is_external_id else None


def create_ingested_format(
    planned: PlannedAsset, part: PlannedFormat, asset_id: uuid.UUID, changes: IngestChanges
) -> str:
    """Append a new format with its file sets; return the name of its first file set."""
    format_id = append_format_row(part, asset_id, changes)
    names = [create_ingested_file_set(planned, file_set, asset_id, format_id, changes) for file_set in part.sets]
    return names[0]


def append_format_row(part: PlannedFormat, asset_id: uuid.UUID, changes: IngestChanges) -> uuid.UUID:
    """Append only the row of a new format; return its id."""
    format_id, plan = part.id or new_id(), part.plan
    changes.new_formats.append((format_id, asset_id, asset_id, plan.name, plan.role, plan.kind, plan.rule))
    return format_id


def create_ingested_file_set(
    planned: PlannedAsset, part: PlannedFileSet, asset_id: uuid.UUID, format_id: uuid.UUID, changes: IngestChanges
) -> str:
    """Append a file set with its components and members; return its name.

    A stored file set that splits off whole from another asset keeps its row.
    """
    facts = summarize_file_set(part)
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
    append_components(part.plan.components, format_id, set_id, changes)
    append_members(part, set_id, changes)
    return str(facts["name"])


def append_components(
    components: tuple[ComponentPlan, ...], format_id: uuid.UUID, set_id: uuid.UUID, changes: IngestChanges
) -> None:
    """Append the components of a file set."""
    for component in components:
        changes.new_components.append(
            (
                new_id(),
                format_id,
                set_id,
                escape_surrogates(component.name),
                component.type,
                component.language,
                list(component.flags),
            )
        )


def append_members(part: PlannedFileSet, set_id: uuid.UUID, changes: IngestChanges) -> list[StoredFile]:
    """Append memberships of files that are not in the file set yet; return those files."""
    joined = [file for file in part.files if file.file_set_id != set_id]
    for file in joined:
        rows = changes.new_members if file.file_set_id is None else changes.moved_members
        rows.append((file.id, set_id, file.size))
    changes.recounted.extend(
        (file.id, file.size) for file in part.files if file.file_set_id == set_id and file.counted_bytes != file.size
    )
    return joined
