"""Highlighting: marks the query's words in the fields of a hit.

Results are the same for both engines, because they are computed from the hit and the shared tokens.
"""

import html
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from models.queues.index_queue import DocumentKey
from search.document import build_hit_body, select_body_fields
from search.engine import SearchHit
from search.query.analysis import CJK, TextQuery, token_set
from search.query.criteria import Criteria

HIGHLIGHT_PIECE = re.compile(rf"[{CJK}]|\d+|(?:(?![{CJK}])[^\W\d_])+|[^\s\w]")
HIGHLIGHT_CAMEL_CASE = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
MAX_FRAGMENT_CHARACTERS = 200
"""Longer texts are cut around their first match."""
MAX_FIELD_FRAGMENTS = 5
"""Limit of fragments per field."""
MAX_HIGHLIGHTED_HITS = 100
"""Larger pages are read by programs, which should not wait for highlights they do not use."""
HIGHLIGHT_OPEN, HIGHLIGHT_CLOSE = "<em>", "</em>"


def find_highlights(query: TextQuery, title: str, body: dict[str, Any]) -> dict[str, list[str]]:
    """Return fragments by field as safe HTML with matches in `<em>`, for fields with a match."""
    wanted = {token for word in query.words for token in word.tokens}
    beginnings = tuple(start for word in query.words for start in word.beginnings)
    found: dict[str, list[str]] = {}
    for name, text in _texts(title, body):
        fragments = found.get(name, [])
        if (
            len(fragments) < MAX_FIELD_FRAGMENTS
            and (fragment := highlight_text(text, wanted, beginnings))
            and fragment not in fragments
        ):
            found[name] = [*fragments, fragment]
    return found


def build_hit(
    criteria: Criteria,
    key: DocumentKey,
    title: str,
    created: datetime | None,
    terms: dict[str, list[Any]],
    body: dict[str, Any],
    place: list[Any],
) -> SearchHit:
    """Build a hit of either engine with the requested fields; `highlight` is a field like any other."""
    shown = build_hit_body(terms, body)
    if criteria.query is not None and criteria.per_page <= MAX_HIGHLIGHTED_HITS:
        shown |= {"highlight": find_highlights(criteria.query, title, shown)}
    return SearchHit(key.object_type, key.object_id, title, created, select_body_fields(shown, criteria), place)


def highlight_text(text: str, wanted: set[str], beginnings: tuple[str, ...]) -> str | None:
    """Mark pieces that match, alone or joined with a neighbour; None if none does."""
    known = [(start, end, token) for start, end in _piece_spans(text) if (token := _folded(text[start:end]))]
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
    low = max(0, first - MAX_FRAGMENT_CHARACTERS // 4) if len(text) > MAX_FRAGMENT_CHARACTERS else 0
    return _marked(text, [spans[place] for place in sorted(chosen)], low, min(len(text), low + MAX_FRAGMENT_CHARACTERS))


def _marked(text: str, spans: list[tuple[int, int]], low: int, high: int) -> str:
    out, at = [], low
    for start, end in _merge_spans(spans, text):
        if start >= high:
            break
        out += [html.escape(text[at:start]), HIGHLIGHT_OPEN, html.escape(text[start : min(end, high)]), HIGHLIGHT_CLOSE]
        at = min(end, high)
    return "".join([*out, html.escape(text[at:high])])


def _merge_spans(spans: list[tuple[int, int]], text: str) -> Iterator[tuple[int, int]]:
    """Merge spans with nothing or a single separator between them."""
    start, end = spans[0]
    for next_start, next_end in spans[1:]:
        if next_start - end <= 1 and not text[end:next_start].isspace():
            end = next_end
        else:
            yield start, end
            start, end = next_start, next_end
    yield start, end


def _piece_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in HIGHLIGHT_PIECE.finditer(text):
        start = match.start()
        for cut in HIGHLIGHT_CAMEL_CASE.finditer(match[0]):
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
