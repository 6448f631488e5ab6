"""Search-as-you-type: suggest field values that begin as typed, taken only from hits that the user may see.

Facets would be cheaper, but their counts are not checked against the rows again. Hits are, so a value that only hidden
objects have is never disclosed.
"""

from collections.abc import Iterable
from typing import Any

from models.access.acl import Actor
from models.core.sessions import Sessions
from search.document import METADATA_TERM_PREFIX
from search.engine import SearchEngine, SearchHit
from search.query.analysis import matches_text
from search.query.criteria import SEARCH_FIELDS, parse_criteria
from services.searching.query import search_as

MAX_SUGGESTION_HITS = 100
"""Hits from which values are read, best first. A user who does not find the value among these types one more letter."""
MAX_SUGGESTIONS = 10


def suggest(
    sessions: Sessions, engine: SearchEngine, field: str, typed: str, doc_types: Any, actor: Actor
) -> list[str]:
    """Return values of `field` that contain every typed word, the last one as a prefix. Raises CriteriaError."""
    beginning = f"{typed.rstrip().rstrip('*')}*"
    searched = field if field in SEARCH_FIELDS else "metadata"
    asked = {"query": beginning, "doc_types": doc_types, "search_fields": [searched]}
    criteria = parse_criteria(asked, per_page=MAX_SUGGESTION_HITS)
    query = criteria.query
    if query is None:
        return []
    hits = search_as(sessions, engine, criteria, actor).hits
    found = (value for hit in hits for value in hit_texts(hit, field) if matches_text(query, value))
    return list(dict.fromkeys(found))[:MAX_SUGGESTIONS]


def hit_texts(hit: SearchHit, field: str) -> Iterable[str]:
    """Return the texts of a hit under a field: its title, file names, a term, or a metadata field."""
    if field == "title":
        return [hit.title]
    if field == "file_names":
        return [name for one in hit.body.get("formats", ()) for name in one["files"]]
    value = hit.body.get(field, hit.body.get("metadata", {}).get(field.removeprefix(METADATA_TERM_PREFIX), ()))
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
