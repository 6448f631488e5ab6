"""Declared files on merge: they move to the survivor with their file sets and formats.

Grouping moves formats of scanned files itself; declared ones are in none of its plans.
The triggers mark_file_set_update and mark_format_update mark the documents.
"""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from models.bulk import among
from models.declared_file import DeclaredFile
from tasks.holding import BACK, PAIRS, Held, Holding, Pairs, Parting, ids_by_asset, unnest_pairs, unnest_partings

# A file set with declared files and without scanned ones.
DECLARED_SET = """
    EXISTS (SELECT FROM declared_file WHERE declared_file.file_set_id = file_set.id)
    AND NOT EXISTS (SELECT FROM file_set_file WHERE file_set_file.file_set_id = file_set.id)
"""

MOVE_FILES = text(f"""
    WITH held AS (
        SELECT declared_file.id, dead, survivor FROM declared_file JOIN {PAIRS} ON asset_id = dead
        ORDER BY declared_file.id FOR UPDATE OF declared_file
    )
    UPDATE declared_file SET asset_id = survivor FROM held WHERE declared_file.id = held.id
    RETURNING dead, declared_file.id
""")

MOVE_SETS = text(f"""
    UPDATE file_set SET asset_id = survivor, version_id = survivor FROM {PAIRS}
    WHERE asset_id = dead AND {DECLARED_SET}
""")

MOVE_FORMATS = text(f"""
    UPDATE format SET asset_id = survivor, version_id = survivor FROM {PAIRS}
    WHERE format.asset_id = dead
        AND EXISTS (SELECT FROM file_set WHERE format_id = format.id AND file_set.asset_id = survivor)
""")

GIVE_FILES = text(f"""
    UPDATE declared_file SET asset_id = owner FROM {BACK} WHERE declared_file.id = back.id AND asset_id = holder
    RETURNING declared_file.file_set_id, owner
""")

GIVE_SETS = text(f"""
    UPDATE file_set SET asset_id = owner, version_id = owner FROM {BACK}
    WHERE file_set.id = back.id AND asset_id = holder AND {DECLARED_SET}
    RETURNING file_set.format_id, owner
""")

GIVE_FORMATS = text(f"""
    UPDATE format SET asset_id = owner, version_id = owner FROM {BACK}
    WHERE format.id = back.id AND format.asset_id = holder
        AND NOT EXISTS (SELECT FROM file_set WHERE format_id = format.id AND file_set.asset_id <> owner)
""")


def _move(session: Session, pairs: Pairs) -> Held:
    parameters = unnest_pairs(pairs)
    moved = session.execute(MOVE_FILES, parameters).all()
    if moved:
        session.execute(MOVE_SETS, parameters)
        session.execute(MOVE_FORMATS, parameters)
    return ids_by_asset(moved)


def _give_back(session: Session, partings: Sequence[Parting]) -> None:
    """Move back files, then their file sets, then the formats of which every file set moved back."""
    holder_of = {parting.asset_id: parting.holder_id for parting in partings}
    rows = session.execute(GIVE_FILES, unnest_partings(partings)).all()
    for statement in (GIVE_SETS, GIVE_FORMATS):
        owners = dict(map(tuple, rows))
        asked = {"ids": list(owners), "owners": list(owners.values()), "holders": []}
        asked["holders"] = [holder_of[owner] for owner in owners.values()]
        result = session.execute(statement, asked)
        rows = result.all() if result.returns_rows else []


def _remove(session: Session, ids: Collection[uuid.UUID]) -> None:
    statement = delete(DeclaredFile).where(among(DeclaredFile.asset_id, ids))
    session.execute(statement.execution_options(synchronize_session=False))


DECLARED_FILES = Holding("declared_files", _move, _give_back, _remove)
