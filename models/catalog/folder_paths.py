"""Paths of folders below the root of their storage, for many folders at once."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

# Walks up from each folder and joins the names with `/` (0x2f), so that only ancestors are read and not the whole tree:
# names are bytes. The root's own name is empty.
FOLDER_PATHS = {
    column: text(f"""
        WITH RECURSIVE up AS (
            SELECT id, parent_id, name AS path FROM folder WHERE {column} = ANY(:keys)
            UNION ALL
            SELECT up.id, parent.parent_id, parent.name || '\\x2f'::bytea || up.path
            FROM up JOIN folder AS parent ON parent.id = up.parent_id
        )
        SELECT id, path FROM up WHERE parent_id IS NULL ORDER BY id
    """)
    for column in ("id", "island_id", "storage_id")
}


def read_folder_paths(session: Session, keys: Iterable[object], column: str = "id") -> dict[int, bytes]:
    """Return the paths of folders by id: of these folders, or of all of these islands (`island_id`) or storages
    (`storage_id`)."""
    rows = session.execute(FOLDER_PATHS[column], {"keys": list(keys)})
    return {row.id: bytes(row.path).removeprefix(b"/") for row in rows}
