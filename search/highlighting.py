"""Highlighting: marks the query's words in the fields of a hit.

Results are the same for both engines, because they are computed from the hit and the shared tokens.
"""

import html
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from models.index_queue import DocumentKey
from search.analysis import CJK, Query, token_set
from search.criteria import Criteria
from search.documents import asked_body, shown_body
from search.engine import Hit

PIECE = re.compile(rf"[{CJK}]|\d+|(?:(?![{CJK}])[^\W\d_])+|[^\s\w]")
CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
LONGEST = 200
"""Longer texts are cut around their first match."""
MOST = 5
"""Limit of fragments per field."""
MOST_HITS = 100
"""Larger pages are read by programs, which should not wait for highlights they do not use."""
OPEN, CLOSE = "<em>", "</em>"


def highlights(query: Query, title: str, body: dict[str, Any]) -> dict[str, list[str]]:
    """Return fragments by field as safe HTML with matches in `<em>`, for fields with a match."""
    wanted = {token for word in query.words for token in word.tokens}
    beginnings = tuple(start for word in query.words for start in word.beginnings)
    found: dict[str, list[str]] = {}
    for name, text in _texts(title, body):
        fragments = found.get(name, [])
        if len(fragments) < MOST and (fragment := mark(text, wanted, beginnings)) and fragment not in fragments:
            found[name] = [*fragments, fragment]
    return found


def make_hit(
    criteria: Criteria,
    key: DocumentKey,
    title: str,
    created: datetime | None,
    terms: dict[str, list[Any]],
    body: dict[str, Any],
    place: list[Any],
) -> Hit:
    """Build a hit of either engine with the requested fields; `highlight` is a field like any other."""
    shown = shown_body(terms, body)
    if criteria.query is not None and criteria.per_page <= MOST_HITS:
        shown |= {"highlight": highlights(criteria.query, title, shown)}
    return Hit(key.object_type, key.object_id, title, created, asked_body(shown, criteria), place)


def mark(text: str, wanted: set[str], beginnings: tuple[str, ...]) -> str | None:
    """Mark pieces that match, alone or joined with a neighbour; None if none does."""
    known = [(start, end, token) for start, end in _pieces(text) if (token := _folded(text[start:end]))]
    spans, folded = [(start, end) for start, end, _ in known], [token for *_, token in known]
    chosen = {place for place, piece in enumerate(folded) if piece in wanted or piece.startswith(beginnings)}
    for place, (piece, following) in enumerate(pairwise(folded)):
        longer = tuple(start for start in beginnings if len(start) > len(piece))
        if piece + following in wanted or (piece + following).startswith(longer):
            chosen |= {place, place + 1}
    if not chosen:
        return None
    # A quarter of the fragment before the first match, as context.
    first = spans[min(chosen)][0]
    low = max(0, first - LONGEST // 4) if len(text) > LONGEST else 0
    return _marked(text, [spans[place] for place in sorted(chosen)], low, min(len(text), low + LONGEST))


def _marked(text: str, spans: list[tuple[int, int]], low: int, high: int) -> str:
    out, at = [], low
    for start, end in _joined(spans, text):
        if start >= high:
            break
        out += [html.escape(text[at:start]), OPEN, html.escape(text[start : min(end, high)]), CLOSE]
        at = min(end, high)
    return "".join([*out, html.escape(text[at:high])])


def _joined(spans: list[tuple[int, int]], text: str) -> Iterator[tuple[int, int]]:
    """Merge spans with nothing or a single separator between them."""
    start, end = spans[0]
    for next_start, next_end in spans[1:]:
        if next_start - end <= 1 and not text[end:next_start].isspace():
            end = next_end
        else:
            yield start, end
            start, end = next_start, next_end
    yield start, end


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    for match in PIECE.finditer(text):
        start = match.start()
        for cut in CAMEL.finditer(match[0]):
            yield start, match.start() + cut.start()
            start = match.start() + cut.start()
        yield start, match.end()


def _folded(piece: str) -> str:
    """Return the piece as a token of the index, or an empty text."""
    return next((token for token in token_set(piece.lower()) if not token.startswith("=")), "")


def _texts(title: str, body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the searchable texts of a hit, by field."""
    yield "title", title
    for name in ("external_id", "description", "segment_text"):
        if isinstance(body.get(name), str):
            yield name, body[name]
    for each in body.get("formats", []):
        yield from (("file_names", name) for name in each.get("files", []))
    for name, values in body.get("metadata", {}).items():
        yield from ((f"metadata.{name}", value) for value in values if isinstance(value, str))
