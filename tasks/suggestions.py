"""Suggesting how to go on typing: values that begin as typed, out of hits that the asker may see and of nothing else.

Facets would be cheaper, but their counts are not checked against the rows again; hits are, so a value that only
hidden objects have is never told.
"""

from collections.abc import Iterable
from typing import Any

from models.acl import Actor
from models.sessions import Sessions
from search.analysis import answers, query_of
from search.criteria import SEARCH_FIELDS, parse_criteria
from search.documents import METADATA
from search.engine import Hit, SearchEngine
from tasks.find import find

LOOKED_AT = 100
"""Hits whose values are read, the best first: a person who does not find it among these types one more letter."""
SUGGESTIONS = 10


def suggest(
    sessions: Sessions, engine: SearchEngine, field: str, typed: str, doc_types: Any, actor: Actor
) -> list[str]:
    """Values of `field` that have every word typed, the last one as a beginning. Raises CriteriaError."""
    beginning = f"{typed.rstrip().rstrip('*')}*"
    query = query_of(beginning)
    searched = field if field in SEARCH_FIELDS else "metadata"
    asked = {"query": beginning, "doc_types": doc_types, "search_fields": [searched]}
    criteria = parse_criteria(asked, per_page=LOOKED_AT)
    if query is None:
        return []
    hits = find(sessions, engine, criteria, actor).hits
    found = (value for hit in hits for value in values_of(hit, field) if answers(query, value))
    return list(dict.fromkeys(found))[:SUGGESTIONS]


def values_of(hit: Hit, field: str) -> Iterable[str]:
    """The texts that a hit shows under a name: its title, its files, a term, or a metadata field."""
    if field == "title":
        return [hit.title]
    if field == "file_names":
        return [name for one in hit.body.get("formats", ()) for name in one["files"]]
    value = hit.body.get(field, hit.body.get("metadata", {}).get(field.removeprefix(METADATA), ()))
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
