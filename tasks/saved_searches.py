"""Keeping searches for their user: under a name, or as one of the last ones."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from models.acl import Actor
from models.base import new_id
from models.saved_search import SavedSearch, SearchHistory

REMEMBERED = 100
"""Last searches of a user that are kept."""
LARGEST_BYTES = 64 * 1024
"""Criteria beyond this are programs' lists of ids, which nobody looks for among their last searches."""


def save_search(
    session: Session, actor: Actor, name: str, criteria: Mapping[str, Any], *, favoured: bool
) -> SavedSearch:
    """Keep a search under a name; names may repeat, as in iconik."""
    saved = SavedSearch(id=new_id(), user_id=actor.user_id, name=name, criteria=dict(criteria), favoured=favoured)
    session.add(saved)
    session.flush()
    return saved


def remember_search(session: Session, actor: Actor, criteria: Mapping[str, Any]) -> None:
    """Put a search before the user's last ones, once: the same one further down goes, and so do those past the end."""
    if len(json.dumps(criteria)) > LARGEST_BYTES:
        return
    mine = SearchHistory.user_id == actor.user_id
    newest = select(SearchHistory.id).where(mine).order_by(SearchHistory.id.desc()).limit(REMEMBERED - 1)
    gone = or_(SearchHistory.criteria == dict(criteria), SearchHistory.id.not_in(newest))
    session.execute(delete(SearchHistory).where(mine, gone))
    session.add(SearchHistory(id=new_id(), user_id=actor.user_id, criteria=dict(criteria)))
