"""Saved searches and the search history of a user."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.saved_search import SavedSearch, SearchHistory
from models.core.base import new_id
from services.core.rows import save

MAX_RECENT_SEARCHES = 100
"""Entries of the search history that are kept for each user."""
MAX_RECENT_SEARCH_BYTES = 64 * 1024
"""Larger criteria are lists of ids sent by programs, which are of no use in a search history."""


def save_search(
    session: Session, actor: Actor, name: str, criteria: Mapping[str, Any], *, favoured: bool
) -> SavedSearch:
    """Save a search under a name. Names may repeat, as in iconik."""
    made = SavedSearch(id=new_id(), user_id=actor.user_id, name=name, criteria=dict(criteria), favoured=favoured)
    return save(session, made)


def record_recent_search(session: Session, actor: Actor, criteria: Mapping[str, Any]) -> None:
    """Put a search first in the user's history; remove an equal older entry and entries beyond the limit."""
    if len(json.dumps(criteria)) > MAX_RECENT_SEARCH_BYTES:
        return
    mine = SearchHistory.user_id == actor.user_id
    newest = select(SearchHistory.id).where(mine).order_by(SearchHistory.id.desc()).limit(MAX_RECENT_SEARCHES - 1)
    gone = or_(SearchHistory.criteria == dict(criteria), SearchHistory.id.not_in(newest))
    session.execute(delete(SearchHistory).where(mine, gone))
    session.add(SearchHistory(id=new_id(), user_id=actor.user_id, criteria=dict(criteria)))
