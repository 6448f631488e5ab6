"""Criteria as an OpenSearch query, equivalent to `search.query.sql_predicates`.

Scores are constants, not statistics: a word in the title counts ten times as much as elsewhere, and an exact title
comes first. Statistics would reveal documents that the user may not see, and would change between two pages.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from models.queues.index_queue import SEGMENTS_OF_ASSET
from search.document import SCALAR_TERMS
from search.engine import MAX_FACET_BUCKETS
from search.opensearch.mapping import (
    FILE_NAME_TOKENS,
    OTHER_TOKENS,
    TITLE_TOKENS,
    TOKEN_FIELDS,
    document_id_of,
    slot_field,
    to_microseconds,
)
from search.query.analysis import QueryWord, TextQuery
from search.query.criteria import Criteria, FilterNode, SearchTerm, Visibility, possible_values
from search.query.ranges import ValueRange
from search.query.sql_predicates import field_token
from search.query.term_keys import TERM_VALUE_SEPARATOR, encode_typed, name_key, value_from_key

OpenSearchClause = dict[str, Any]

TITLE_BOOST, EXACT_TITLE_BOOST = 10.0, 10_000.0
MATCH_NONE: OpenSearchClause = {"match_none": {}}
KIND_LETTERS = {"number": "n", "time": "t", "text": "t"}
REGEXP_SPECIAL = re.compile(r'([.?+*|{}\[\]()"\\#@&<>~^$\-])')


def opensearch_query_clause(criteria: Criteria, visibility: Visibility) -> OpenSearchClause:
    """Return the query of documents that facets count."""
    hidden: list[OpenSearchClause] = [{"term": {"deleted": True}}]
    if visibility.excluded:
        hidden.append({"ids": {"values": [document_id_of(key) for key in visibility.excluded]}})
    if made_on := tuple(str(key.object_id) for key in visibility.excluded if key.object_type == SEGMENTS_OF_ASSET):
        hidden.append(opensearch_term_clause(SearchTerm("made_on", made_on)))
    filters: list[OpenSearchClause] = []
    if not visibility.everything:
        filters.append({"terms": {"readers": visibility.audience}})
    if criteria.doc_types:
        filters.append({"terms": {"object_type": list(criteria.doc_types)}})
    if criteria.filter is not None:
        filters.append(opensearch_filter_clause(criteria.filter))
    clause: OpenSearchClause = {"filter": filters, "must_not": hidden}
    if criteria.query is not None:
        clause["must"] = [_word_clause(word, criteria.query.fields) for word in criteria.query.words]
        clause["should"] = [_constant_score({"term": {TITLE_TOKENS: criteria.query.whole}}, EXACT_TITLE_BOOST)]
    return {"bool": clause}


def opensearch_filter_clause(node: FilterNode) -> OpenSearchClause:
    """Combine parts: AND of all, OR of any, NOT of none."""
    parts = [*map(opensearch_term_clause, node.terms), *map(opensearch_filter_clause, node.filters)]
    if node.operator == "AND":
        return _all(parts)
    if node.operator == "OR":
        return {"bool": {"should": parts, "minimum_should_match": 1}} if parts else MATCH_NONE
    return {"bool": {"must_not": parts}}


def opensearch_term_clause(term: SearchTerm) -> OpenSearchClause:
    """Combine all conditions of a term, each on any of the name's values."""
    clauses = [_range_clause(term.name, each) for each in term.within]
    if term.values is not None:
        clauses.append(_values_clause(term.name, term.values))
    if term.exists is not None:
        found = _exists_clause(term.name)
        clauses.append(found if term.exists else {"bool": {"must_not": [found]}})
    return _all(clauses)


def _all(parts: list[OpenSearchClause]) -> OpenSearchClause:
    return parts[0] if len(parts) == 1 else {"bool": {"filter": parts}}


def _values_clause(name: str, values: tuple[str, ...]) -> OpenSearchClause:
    if name == "object_type":
        return {"terms": {"object_type": list(values)}}
    if name == "id":
        return {"terms": {"object_id": [value.lower() for value in values]}}
    begin = f"{name_key(name)}{TERM_VALUE_SEPARATOR}"
    keys = [f"{begin}{encode_typed(form)}" for value in values for form in possible_values(value)]
    return {"terms": {slot_field(name): keys}}


def _exists_clause(name: str) -> OpenSearchClause:
    if name in ("object_type", "id"):
        return {"match_all": {}}
    return {"prefix": {slot_field(name): f"{name_key(name)}{TERM_VALUE_SEPARATOR}"}}


def _range_clause(name: str, asked: ValueRange) -> OpenSearchClause:
    if name == "date_created":
        ends = {"gte": asked.low, "lte": asked.high}
        moments = {end: to_microseconds(datetime.fromisoformat(str(at))) for end, at in ends.items() if at is not None}
        return {"range": {"created_us": moments}}
    begin, kind = f"{name_key(name)}{TERM_VALUE_SEPARATOR}", KIND_LETTERS[asked.kind]
    low = f"{begin}{kind}" if asked.low is None else f"{begin}{encode_typed(asked.low)}"
    high = (
        {"lt": f"{begin}{chr(ord(kind) + 1)}"} if asked.high is None else {"lte": f"{begin}{encode_typed(asked.high)}"}
    )
    return {"range": {slot_field(name): {"gte": low, **high}}}


def count_word_clauses(query: TextQuery) -> int:
    """Return the number of clauses for a query's words; OpenSearch's default limit is 1,024."""
    ways = max(len(query.fields), 1) if query.fields else 3
    return ways * sum(len(word.tokens) + len(word.beginnings) for word in query.words)


def _word_clause(word: QueryWord, fields: Iterable[str]) -> OpenSearchClause:
    ways = [{"bool": {"must": _field_token_clauses(word, field)}} for field in fields]
    if ways:
        return {"dis_max": {"queries": ways}}
    anywhere = [
        {
            "dis_max": {
                "queries": [
                    _constant_score(_token_clause(TITLE_TOKENS, token, begins), TITLE_BOOST),
                    _constant_score(_token_clause(FILE_NAME_TOKENS, token, begins)),
                    _constant_score(_token_clause(OTHER_TOKENS, token, begins)),
                ]
            }
        }
        for token, begins in _word_tokens(word)
    ]
    return {"bool": {"must": anywhere}}


def _field_token_clauses(word: QueryWord, field: str) -> list[OpenSearchClause]:
    place, boost = TOKEN_FIELDS.get(field, OTHER_TOKENS), TITLE_BOOST if field == "title" else 1.0
    return [
        _constant_score(
            _token_clause(place, field_token(field, token) if place == OTHER_TOKENS else token, begins), boost
        )
        for token, begins in _word_tokens(word)
    ]


def _word_tokens(word: QueryWord) -> list[tuple[str, bool]]:
    return [*((token, False) for token in word.tokens), *((token, True) for token in word.beginnings)]


def _token_clause(field: str, token: str, begins: bool) -> OpenSearchClause:
    return {"prefix" if begins else "term": {field: token}}


def _constant_score(clause: OpenSearchClause, boost: float = 1.0) -> OpenSearchClause:
    return {"constant_score": {"filter": clause, "boost": boost}}


def facet_clause(name: str) -> OpenSearchClause:
    """Return the aggregation of a name's most frequent values."""
    asked: OpenSearchClause = {"size": MAX_FACET_BUCKETS, "order": [{"_count": "desc"}, {"_key": "asc"}]}
    if name == "object_type":
        return {"terms": asked | {"field": name}}
    if name not in SCALAR_TERMS:  # slots are shared, and hold the first of several values twice
        asked["include"] = REGEXP_SPECIAL.sub(r"\\\1", f"{name_key(name)}{TERM_VALUE_SEPARATOR}") + ".*"
    return {"terms": asked | {"field": slot_field(name)}}


def facet_value(name: str, key: str) -> Any:
    """Return a bucket's key as a facet shows it."""
    return key if name == "object_type" else value_from_key(key)
