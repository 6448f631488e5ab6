"""Documents made by hand, and short ways to ask an engine for them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from search.document import Document, format_date_term
from search.engine import SearchEngine, SearchResults
from search.query.criteria import Visibility, parse_criteria

EVERYTHING = Visibility(everything=True)
NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)


def document(number: int, title: str = "clip", revision: int = 1, **parts: Any) -> Document:
    """Build a document with an id and a date that increase with its number."""
    created = NOON + timedelta(minutes=number)
    terms = {"title": [title], "date_created": [format_date_term(created)]} | parts.pop("terms", {})
    texts = {"title": title} | parts.pop("texts", {})
    return Document("assets", uuid.UUID(int=number), revision, False, title, created, texts, terms, **parts)


def tombstone(number: int, revision: int) -> Document:
    return Document("assets", uuid.UUID(int=number), revision, deleted=True)


def ask(engine: SearchEngine, visibility: Visibility = EVERYTHING, **body: Any) -> SearchResults:
    paging = {name: body.pop(name) for name in ("page", "per_page") if name in body}
    return engine.search(parse_criteria(body, **paging), visibility)


def found(engine: SearchEngine, visibility: Visibility = EVERYTHING, **body: Any) -> list[int]:
    """Numbers of the hits, in their order."""
    return [hit.object_id.int for hit in ask(engine, visibility, **body).hits]


def one_term(name: str, **asked: Any) -> dict[str, Any]:
    """A filter of one term."""
    return {"operator": "AND", "terms": [{"name": name, **asked}]}
