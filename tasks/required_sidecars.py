"""Storages that take in nothing without its sidecar: files wait, ungrouped, until one with metadata stands beside them.

What waits is decided by each grouping anew and is written nowhere, so it cannot be out of date: a sidecar that comes
dirties the island like any file. Nothing that is an asset already is ever taken back.
"""

import uuid

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sidecars.kinds import holds_metadata
from models.paths import display_text, name_of
from tasks.island_state import IslandState
from watch.grouping import AssetPlan, Grouping

LOOK_SECONDS = 3_600.0
"""An island with files that wait has a time, like one with orphans. Nothing depends on it."""

RELEASE = text("""
    UPDATE island SET wait_until = now() WHERE storage_id = :storage AND wait_until IS NOT NULL
""")


def is_held(island: IslandState, plan: AssetPlan) -> bool:
    """Whether a planned asset, none of whose files is in one yet, waits for its sidecar."""
    if not island.rules.settings.sidecar_metadata_required:
        return False
    parts = list(plan.formats)
    is_lone_sidecar = all(component.type == "NON_MEDIA" for set_ in parts[0].file_sets for component in set_.components)
    has_sidecar = any(
        holds_metadata(display_text(name_of(path))) for part in parts if part.role == "sidecar" for path in part.paths()
    )
    if is_lone_sidecar or has_sidecar:
        return False
    # A frame that was not read is a member of a stored set; a file with a pin was placed by a person.
    files = [island.files.get(path) for part in parts for path in part.paths()]
    return all(file is not None and file.file_set_id is None and file.pin is None for file in files)


def held_sentence(island: IslandState, grouping: Grouping, path: bytes) -> str | None:
    """What a file waits for, if it does."""
    for plan in grouping.assets:
        if any(path in part.paths() for part in plan.formats) and is_held(island, plan):
            name = display_text(name_of(plan.key))
            stem = name.rpartition(".")[0] or name
            return (
                f'waits for a sidecar with its metadata, such as "{stem}.xml" or "{name}.json": '
                f'storage "{island.rules.name}" takes in nothing without one (sidecar_metadata_required)'
            )
    return None


def release_held(session: Session, storage_id: uuid.UUID) -> None:
    """Have what waits in a storage grouped again, now that it may need no sidecar any more."""
    session.execute(RELEASE, {"storage": storage_id})
