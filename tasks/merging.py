"""Ending assets in others, and bringing them back: the dead id answers with the living one in one hop.

Rights never move, so a merge opens nothing; history stays under the id that it was written for. The row of the dead
asset keeps its title, its rights and its values, so that it comes back as it was.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tasks.holding import Pairs, unnest_pairs
from tasks.holdings import Return, give_back_holdings, move_holdings

LOCK = text("SELECT FROM asset WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")

END = text("""
    UPDATE asset SET merged_into = survivor, status = 'DELETED', is_online = false, date_modified = now(),
        date_deleted = coalesce(date_deleted, now())
    FROM unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS pair (dead, survivor) WHERE id = dead
""")

BRING_BACK = text("""
    UPDATE asset SET merged_into = NULL, status = 'ACTIVE', is_online = true, date_modified = now(),
        date_deleted = NULL
    FROM unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS pair (dead, survivor)
    WHERE id = dead AND merged_into = survivor
""")


def end_in(session: Session, pairs: Pairs) -> dict[uuid.UUID, dict[str, Any]]:
    """End each first asset in its second; the files, formats and sets have moved already.

    Gives what else moved, by asset, for the entry of history from which `bring_back` undoes it.
    """
    if not pairs:
        return {}
    pairs = sorted(pairs)
    session.execute(LOCK, {"ids": sorted({asset_id for pair in pairs for asset_id in pair})})
    session.execute(END, unnest_pairs(pairs))
    return move_holdings(session, pairs)


def bring_back(session: Session, returns: Sequence[Return]) -> None:
    """Have assets answer for themselves again, with what they held; the files have moved or move later."""
    if not returns:
        return
    pairs = sorted((back.asset_id, back.holder_id) for back in returns)
    session.execute(LOCK, {"ids": sorted({asset_id for pair in pairs for asset_id in pair})})
    session.execute(BRING_BACK, unnest_pairs(pairs))
    give_back_holdings(session, returns)
