"""Sidecar gate: on storages that require metadata sidecars, files wait ungrouped until their sidecar arrives.

Each grouping decides again which files wait; no state is stored, so none can be stale: an arriving sidecar dirties the
island like any file. Existing assets are not affected.
"""

import uuid

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping import AssetPlan
from media.sidecars.kinds import is_metadata_sidecar
from models.core.paths import base_name, display_path
from services.ingest.state import IslandState

SIDECAR_RECHECK_SECONDS = 3_600.0
"""Delay until an island with waiting files is grouped again; only a safety net, as sidecars dirty the island."""

RELEASE_WAITING_ISLANDS = text("""
    UPDATE island SET wait_until = now() WHERE storage_id = :storage AND wait_until IS NOT NULL
""")


def describe_sidecar_wait(island: IslandState, plan: AssetPlan) -> str | None:
    """Describe which sidecar a planned asset of ungrouped files waits for; None if it does not wait."""
    if not island.rules.settings.sidecar_metadata_required:
        return None
    parts = list(plan.formats)
    is_lone_sidecar = all(component.type == "NON_MEDIA" for set_ in parts[0].file_sets for component in set_.components)
    has_sidecar = any(
        is_metadata_sidecar(display_path(base_name(path)))
        for part in parts
        if part.role == "sidecar"
        for path in part.paths()
    )
    # Unread frames are members of a stored file set, and pinned files were grouped manually: neither waits.
    files = [island.files.get(path) for part in parts for path in part.paths()]
    is_ungrouped = all(file is not None and file.file_set_id is None and file.pin is None for file in files)
    if is_lone_sidecar or has_sidecar or not is_ungrouped:
        return None
    name = display_path(base_name(plan.key))
    stem = name.rpartition(".")[0] or name
    return (
        f'waits for a sidecar with its metadata, such as "{stem}.xml" or "{name}.json": '
        f'storage "{island.rules.name}" takes in nothing without one (sidecar_metadata_required)'
    )


def release_waiting_for_sidecars(session: Session, storage_id: uuid.UUID) -> None:
    """Schedule the grouping of waiting files of a storage that no longer requires sidecars."""
    session.execute(RELEASE_WAITING_ISLANDS, {"storage": storage_id})
