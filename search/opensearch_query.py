"""Criteria as an OpenSearch query, equivalent to `search.query.sql_predicates`.

Scores are constants, not statistics: a word in the title counts ten times as much as elsewhere, and an exact title
comes first. Statistics would reveal documents that the user may not see, and would change between two pages.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from models.index_queue import SEGMENTS_OF
from search.analysis import Query, Word
from search.criteria import Criteria, Filter, Term, Visibility, forms_of
from search.documents import SCALARS
from search.mapping import FILES, REST, TITLE, TOKEN_FIELDS, slot_field
from search.opensearch_rows import id_of, microseconds
from search.predicates import tagged
from search.ranges import Range
from search.term_keys import FIRST, VALUE, name_key, shown_value, typed

Clause = dict[str, Any]

MAX_BUCKETS = 100
TITLE_BOOST, CALLED_SO = 10.0, 10_000.0
NOTHING: Clause = {"match_none": {}}
BEHIND = {"number": "n", "time": "t", "text": "t"}
SPECIAL = re.compile(r'([.?+*|{}\[\]()"\\#@&<>~^$\-])')


def query_clause(criteria: Criteria, visibility: Visibility) -> Clause:
    """Return the query of documents that facets count."""
    hidden = [{"term": {"deleted": True}}]
    if visibility.excluded:
        hidden.append({"ids": {"values": [id_of(key) for key in visibility.excluded]}})
    if made_on := tuple(str(key.object_id) for key in visibility.excluded if key.object_type == SEGMENTS_OF):
        hidden.append(term_clause(Term("made_on", made_on)))
    filters: list[Clause] = []
    if not visibility.everything:
        filters.append({"terms": {"readers": visibility.audience}})
    if criteria.doc_types:
        filters.append({"terms": {"object_type": list(criteria.doc_types)}})
    if criteria.filter is not None:
        filters.append(filter_clause(criteria.filter))
    clause: Clause = {"filter": filters, "must_not": hidden}
    if criteria.query is not None:
        clause["must"] = [_word(word, criteria.query.fields) for word in criteria.query.words]
        clause["should"] = [_constant({"term": {TITLE: criteria.query.whole}}, CALLED_SO)]
    return {"bool": clause}


def filter_clause(node: Filter) -> Clause:
    """Combine parts: AND of all, OR of any, NOT of none."""
    parts = [*map(term_clause, node.terms), *map(filter_clause, node.filters)]
    if node.operator == "AND":
        return _all(parts)
    if node.operator == "OR":
        return {"bool": {"should": parts, "minimum_should_match": 1}} if parts else NOTHING
    return {"bool": {"must_not": parts}}


def term_clause(term: Term) -> Clause:
    """Combine all conditions of a term, each on any of the name's values."""
    clauses = [_within(term.name, each) for each in term.within]
    if term.values is not None:
        clauses.append(_one_of(term.name, term.values))
    if term.exists is not None:
        found = _exists(term.name)
        clauses.append(found if term.exists else {"bool": {"must_not": [found]}})
    return _all(clauses)


def _all(parts: list[Clause]) -> Clause:
    return parts[0] if len(parts) == 1 else {"bool": {"filter": parts}}


def _one_of(name: str, values: tuple[str, ...]) -> Clause:
    if name == "object_type":
        return {"terms": {"object_type": list(values)}}
    if name == "id":
        return {"terms": {"object_id": [value.lower() for value in values]}}
    begin = f"{name_key(name)}{VALUE}"
    keys = [f"{begin}{typed(form)}" for value in values for form in forms_of(value)]
    return {"terms": {slot_field(name): keys}}


def _exists(name: str) -> Clause:
    if name in ("object_type", "id"):
        return {"match_all": {}}
    return {"prefix": {slot_field(name): f"{name_key(name)}{VALUE}"}}


def _within(name: str, asked: Range) -> Clause:
    if name == "date_created":
        ends = {"gte": asked.low, "lte": asked.high}
        moments = {end: microseconds(datetime.fromisoformat(str(at))) for end, at in ends.items() if at is not None}
        return {"range": {"created_us": moments}}
    begin, kind = f"{name_key(name)}{VALUE}", BEHIND[asked.kind]
    low = f"{begin}{kind}" if asked.low is None else f"{begin}{typed(asked.low)}"
    high = {"lt": f"{begin}{chr(ord(kind) + 1)}"} if asked.high is None else {"lte": f"{begin}{typed(asked.high)}"}
    return {"range": {slot_field(name): {"gte": low, **high}}}


def words_of(query: Query) -> int:
    """Return the number of clauses for a query's words; OpenSearch's default limit is 1,024."""
    ways = max(len(query.fields), 1) if query.fields else 3
    return ways * sum(len(word.tokens) + len(word.beginnings) for word in query.words)


def _word(word: Word, fields: Iterable[str]) -> Clause:
    ways = [{"bool": {"must": _tokens(word, field)}} for field in fields]
    if ways:
        return {"dis_max": {"queries": ways}}
    anywhere = [
        {
            "dis_max": {
                "queries": [
                    _constant(_token(TITLE, token, begins), TITLE_BOOST),
                    _constant(_token(FILES, token, begins)),
                    _constant(_token(REST, token, begins)),
                ]
            }
        }
        for token, begins in _parts(word)
    ]
    return {"bool": {"must": anywhere}}


def _tokens(word: Word, field: str) -> list[Clause]:
    place, boost = TOKEN_FIELDS.get(field, REST), TITLE_BOOST if field == "title" else 1.0
    return [
        _constant(_token(place, tagged(field, token) if place == REST else token, begins), boost)
        for token, begins in _parts(word)
    ]


def _parts(word: Word) -> list[tuple[str, bool]]:
    return [*((token, False) for token in word.tokens), *((token, True) for token in word.beginnings)]


def _token(field: str, token: str, begins: bool) -> Clause:
    return {"prefix" if begins else "term": {field: token}}


def _constant(clause: Clause, boost: float = 1.0) -> Clause:
    return {"constant_score": {"filter": clause, "boost": boost}}


def facet_clause(name: str) -> Clause:
    """Return the aggregation of a name's most frequent values."""
    asked: Clause = {"size": MAX_BUCKETS, "order": [{"_count": "desc"}, {"_key": "asc"}]}
    if name == "object_type":
        return {"terms": asked | {"field": name}}
    if name not in SCALARS:  # slots are shared, and hold the first of several values twice
        asked["include"] = SPECIAL.sub(r"\\\1", f"{name_key(name)}{VALUE}") + ".*"
    return {"terms": asked | {"field": slot_field(name)}}


def facet_value(name: str, key: str) -> Any:
    """Return a bucket's key as a facet shows it."""
    return key if name == "object_type" else shown_value(key)


__all__ = ["FIRST", "facet_clause", "facet_value", "query_clause", "term_clause", "words_of"]
