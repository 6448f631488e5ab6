"""Table rows about other clips: an Avid log or a CSV describes many assets of its island."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

# Matches by file name, then asset title, then file name without extension; `rank` decides if several match.
CLIPS_BY_NAME = text("""
    SELECT list.id AS list_id, clip.name AS said, clip.asset_id FROM unnest(CAST(:lists AS uuid[])) AS list (id)
    JOIN file_set AS of_list ON of_list.id = list.id
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (named.name) named.name, named.asset_id FROM file_set
        JOIN format ON format.id = file_set.format_id AND format.role = 'original'
        JOIN asset ON asset.id = file_set.asset_id AND asset.status = 'ACTIVE'
        CROSS JOIN LATERAL (VALUES
            (1, file_set.name, asset.id), (2, asset.title, asset.id),
            (3, regexp_replace(file_set.name, '\\.[^.]*$', ''), asset.id)
        ) AS named (rank, name, asset_id)
        WHERE file_set.island_id = of_list.island_id AND file_set.id <> of_list.id
            AND named.name = ANY(CAST(:names AS text[]))
        ORDER BY named.name, named.rank, named.asset_id
    ) AS clip
""")


@dataclass(slots=True)
class MatchedClips:
    """Assets by table and clip name."""

    assets: Mapping[tuple[uuid.UUID, str], uuid.UUID] = field(default_factory=dict)

    def asset_of(self, list_id: uuid.UUID, name: str) -> uuid.UUID | None:
        """Return the asset of a row; a path matches by its last part."""
        short = name.replace("\\", "/").rpartition("/")[2]
        return self.assets.get((list_id, name)) or self.assets.get((list_id, short))


def match_clips(session: Session, rows: Mapping[uuid.UUID, Sequence[Mapping[str, Any]]]) -> MatchedClips:
    """Find the clips that the rows of each table name, within the island of the table."""
    lists = [list_id for list_id, of_list in rows.items() if of_list]
    if not lists:
        return MatchedClips()
    names = {row["name"] for of_list in rows.values() for row in of_list}
    names |= {name.replace("\\", "/").rpartition("/")[2] for name in names}
    found = session.execute(CLIPS_BY_NAME, {"lists": lists, "names": sorted(names)})
    return MatchedClips({(row.list_id, row.said): row.asset_id for row in found})
