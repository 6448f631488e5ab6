"""Criteria as SQL over `search_document`; every value and every name is a bind parameter."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    String,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH, TSQUERY
from sqlalchemy.types import Text

from models.index_mark import SearchDocument
from models.index_queue import SEGMENTS_OF
from search.analysis import Query, Word
from search.criteria import Criteria, Filter, Term, Visibility, forms_of
from search.ranges import Range

FIELD_WEIGHTS = {"title": "A", "file_names": "C"}
"""tsvector weight of a field's tokens; other fields share D and repeat their tokens with the field's name."""

Clause = ColumnElement[bool]


def tagged(field: str, token: str) -> str:
    """Return the token with its field's name; tokens contain no slash."""
    return f"{field}/{token}"


def matching(criteria: Criteria, visibility: Visibility) -> Clause:
    """Return the condition for documents that facets count."""
    clauses = [not_(SearchDocument.deleted), visible_to(visibility)]
    if criteria.doc_types:
        clauses.append(SearchDocument.object_type == _any(criteria.doc_types))
    if criteria.query is not None:
        clauses.append(SearchDocument.tokens.op("@@")(tsquery(criteria.query)))
    if criteria.filter is not None:
        clauses.append(filter_clause(criteria.filter))
    return and_(*clauses)


def visible_to(visibility: Visibility) -> Clause:
    """Return the condition of the user's access, without objects hidden since the last drain."""
    clauses: list[Clause] = []
    if not visibility.everything:
        clauses.append(_has_reader(visibility.audience))
    for object_type in {key.object_type for key in visibility.excluded}:
        ids = [key.object_id for key in visibility.excluded if key.object_type == object_type]
        clauses.append(not_(_made_on(ids) if object_type == SEGMENTS_OF else _named(object_type, ids)))
    return and_(true(), *clauses)


def _named(object_type: str, ids: list[uuid.UUID]) -> Clause:
    return and_(SearchDocument.object_type == object_type, SearchDocument.object_id == any_(literal(ids, ARRAY(Uuid))))


def _made_on(assets: list[uuid.UUID]) -> Clause:
    """Return the condition for segments made on one of these assets."""
    made_on = func.coalesce(values_of("made_on").op("->>")(0), "")
    return and_(SearchDocument.object_type == "segments", made_on == _any([str(key) for key in assets]))


MANY = 50
"""Longer lists are hashed: an array operator compares each pair (1,000 readers on 100,000 documents took 5.2 s, hashed
0.4 s), and an index does not help conditions that match many rows."""


def _has_reader(audience: list[str]) -> Clause:
    if len(audience) <= MANY:
        return SearchDocument.readers.op("&&")(_array(audience))
    reader = func.unnest(SearchDocument.readers).column_valued("reader")
    return select(reader).where(reader == _any(audience)).exists()


def filter_clause(node: Filter) -> Clause:
    """Combine parts: AND of all, OR of any, NOT of none."""
    parts = [*map(term_clause, node.terms), *map(filter_clause, node.filters)]
    if node.operator == "AND":
        return and_(true(), *parts)
    return or_(false(), *parts) if node.operator == "OR" else not_(or_(false(), *parts))


def term_clause(term: Term) -> Clause:
    """Combine all conditions of a term, each on any of the name's values; never NULL, so that NOT is valid."""
    clauses = [_within(term.name, each) for each in term.within]
    if term.values is not None:
        clauses.append(_one_of(term.name, term.values))
    if term.exists is not None:
        clauses.append(_exists(term.name) if term.exists else not_(_exists(term.name)))
    return and_(true(), *clauses)


def tsquery(query: Query) -> ColumnElement[Any]:
    """Return all words as a tsquery, in all fields or in the query's fields."""
    return _tsquery(" & ".join(f"({_word(word, query.fields)})" for word in query.words))


def rank_tsquery(query: Query) -> ColumnElement[Any]:
    """Return any token of the query: PostgreSQL ranks AND by distance, which is meaningless for names."""
    return _tsquery(" | ".join(_word(word, (), " | ") for word in query.words))


def whole_tsquery(query: Query) -> ColumnElement[Any]:
    """Return the tsquery of documents with the whole query as their title."""
    return _tsquery(f"'{query.whole}':A")


def _tsquery(text: str) -> ColumnElement[Any]:
    # Tokens contain neither quote nor backslash, so the text needs no escapes.
    return cast(bindparam(None, text, type_=String), TSQUERY)


def _word(word: Word, fields: Iterable[str], between: str = " & ") -> str:
    ways = [_tokens(word, field, between) for field in fields] or [_tokens(word, None, between)]
    return " | ".join(f"({way})" for way in ways)


def _tokens(word: Word, field: str | None, between: str) -> str:
    weight = FIELD_WEIGHTS.get(field, "") if field else ""
    ways = [(token, "") for token in word.tokens] + [(token, "*") for token in word.beginnings]
    return between.join(
        f"'{token if field is None or weight else tagged(field, token)}':{star}{weight}" for token, star in ways
    )


def _one_of(name: str, values: tuple[str, ...]) -> Clause:
    if name == "object_type":
        return SearchDocument.object_type == _any(values)
    if name == "id":
        return cast(SearchDocument.object_id, Text) == _any([value.lower() for value in values])
    forms = [form for value in values for form in forms_of(value)]
    if len(forms) > MANY:
        value = func.jsonb_array_elements(values_of(name)).column_valued("value")
        return select(value).where(cast(value, JSONB) == any_(literal(forms, ARRAY(JSONB)))).exists()
    return or_(false(), *(SearchDocument.terms.contains({name: [form]}) for form in forms))


def _exists(name: str) -> Clause:
    if name in ("object_type", "id"):
        return true()
    return func.coalesce(func.jsonb_array_length(values_of(name)), 0) > 0


def _within(name: str, asked: Range) -> Clause:
    if name == "date_created":
        return _created_within(asked)
    ends = {"low": asked.low, "high": asked.high}
    given = {side: value for side, value in ends.items() if value is not None}
    checks = " && ".join({"low": "@ >= $low", "high": "@ <= $high"}[side] for side in given)
    path = f'$[*] ? (@.type() == "{"number" if asked.kind == "number" else "string"}" && {checks})'
    return func.coalesce(
        func.jsonb_path_exists(
            values_of(name),
            cast(bindparam(None, path, type_=String), JSONPATH),
            cast(bindparam(None, json.dumps(given), type_=String), JSONB),
        ),
        false(),
    )


def _created_within(asked: Range) -> Clause:
    """Return the range condition on `date_created`, the only one with an index; every document has this date."""
    low, high = (cast(bindparam(None, end, type_=String), DateTime(timezone=True)) for end in (asked.low, asked.high))
    clauses = [SearchDocument.date_created >= low] if asked.low is not None else []
    return and_(true(), *clauses, *([SearchDocument.date_created <= high] if asked.high is not None else []))


def values_of(name: str) -> ColumnElement[Any]:
    """Return the list of a name's values as JSON; NULL if absent."""
    return SearchDocument.terms.op("->")(bindparam(None, name, type_=Text))


def _array(values: Iterable[str]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Text))


def _any(values: Iterable[str]) -> ColumnElement[Any]:
    return any_(_array(values))
