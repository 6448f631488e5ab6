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

from models.queues.index_mark import SearchDocument
from models.queues.index_queue import SEGMENTS_OF_ASSET
from search.query.analysis import QueryWord, TextQuery
from search.query.budget import MIN_HASHED_VALUES
from search.query.criteria import Criteria, FilterNode, SearchTerm, Visibility, possible_values
from search.query.ranges import ValueRange

FIELD_WEIGHTS = {"title": "A", "file_names": "C"}
"""tsvector weight of a field's tokens; other fields share D and repeat their tokens with the field's name."""

SqlClause = ColumnElement[bool]


def field_token(field: str, token: str) -> str:
    """Return the token with its field's name; tokens contain no slash."""
    return f"{field}/{token}"


def criteria_clause(criteria: Criteria, visibility: Visibility) -> SqlClause:
    """Return the condition for documents that facets count."""
    clauses = [not_(SearchDocument.deleted), visibility_clause(visibility)]
    if criteria.doc_types:
        clauses.append(SearchDocument.object_type == _any_of(criteria.doc_types))
    if criteria.query is not None:
        clauses.append(SearchDocument.tokens.op("@@")(match_tsquery(criteria.query)))
    if criteria.filter is not None:
        clauses.append(sql_filter_clause(criteria.filter))
    return and_(*clauses)


def visibility_clause(visibility: Visibility) -> SqlClause:
    """Return the condition of the user's access, without objects hidden since the last drain."""
    clauses: list[SqlClause] = []
    if not visibility.everything:
        clauses.append(_reader_clause(visibility.audience))
    for object_type in {key.object_type for key in visibility.excluded}:
        ids = [key.object_id for key in visibility.excluded if key.object_type == object_type]
        clauses.append(
            not_(_made_on_clause(ids) if object_type == SEGMENTS_OF_ASSET else _object_clause(object_type, ids))
        )
    return and_(true(), *clauses)


def _object_clause(object_type: str, ids: list[uuid.UUID]) -> SqlClause:
    return and_(SearchDocument.object_type == object_type, SearchDocument.object_id == any_(literal(ids, ARRAY(Uuid))))


def _made_on_clause(assets: list[uuid.UUID]) -> SqlClause:
    """Return the condition for segments made on one of these assets."""
    made_on = func.coalesce(term_values("made_on").op("->>")(0), "")
    return and_(SearchDocument.object_type == "segments", made_on == _any_of([str(key) for key in assets]))


def _reader_clause(audience: list[str]) -> SqlClause:
    if len(audience) <= MIN_HASHED_VALUES:
        return SearchDocument.readers.op("&&")(_array(audience))
    reader = func.unnest(SearchDocument.readers).column_valued("reader")
    return select(reader).where(reader == _any_of(audience)).exists()


def sql_filter_clause(node: FilterNode) -> SqlClause:
    """Combine parts: AND of all, OR of any, NOT of none."""
    parts = [*map(sql_term_clause, node.terms), *map(sql_filter_clause, node.filters)]
    if node.operator == "AND":
        return and_(true(), *parts)
    return or_(false(), *parts) if node.operator == "OR" else not_(or_(false(), *parts))


def sql_term_clause(term: SearchTerm) -> SqlClause:
    """Combine all conditions of a term, each on any of the name's values; never NULL, so that NOT is valid."""
    clauses = [_range_clause(term.name, each) for each in term.within]
    if term.values is not None:
        clauses.append(_values_clause(term.name, term.values))
    if term.exists is not None:
        clauses.append(_exists_clause(term.name) if term.exists else not_(_exists_clause(term.name)))
    return and_(true(), *clauses)


def match_tsquery(query: TextQuery) -> ColumnElement[Any]:
    """Return all words as a tsquery, in all fields or in the query's fields."""
    return _tsquery(" & ".join(f"({_word_tsquery(word, query.fields)})" for word in query.words))


def rank_tsquery(query: TextQuery) -> ColumnElement[Any]:
    """Return any token of the query: PostgreSQL ranks AND by distance, which is meaningless for names."""
    return _tsquery(" | ".join(_word_tsquery(word, (), " | ") for word in query.words))


def exact_title_tsquery(query: TextQuery) -> ColumnElement[Any]:
    """Return the tsquery of documents with the whole query as their title."""
    return _tsquery(f"'{query.whole}':A")


def _tsquery(text: str) -> ColumnElement[Any]:
    # Tokens contain neither quote nor backslash, so the text needs no escapes.
    return cast(bindparam(None, text, type_=String), TSQUERY)


def _word_tsquery(word: QueryWord, fields: Iterable[str], between: str = " & ") -> str:
    ways = [_field_tokens(word, field, between) for field in fields] or [_field_tokens(word, None, between)]
    return " | ".join(f"({way})" for way in ways)


def _field_tokens(word: QueryWord, field: str | None, between: str) -> str:
    weight = FIELD_WEIGHTS.get(field, "") if field else ""
    ways = [(token, "") for token in word.tokens] + [(token, "*") for token in word.beginnings]
    return between.join(
        f"'{token if field is None or weight else field_token(field, token)}':{star}{weight}" for token, star in ways
    )


def _values_clause(name: str, values: tuple[str, ...]) -> SqlClause:
    if name == "object_type":
        return SearchDocument.object_type == _any_of(values)
    if name == "id":
        return cast(SearchDocument.object_id, Text) == _any_of([value.lower() for value in values])
    forms = [form for value in values for form in possible_values(value)]
    if len(forms) > MIN_HASHED_VALUES:
        value = func.jsonb_array_elements(term_values(name)).column_valued("value")
        return select(value).where(cast(value, JSONB) == any_(literal(forms, ARRAY(JSONB)))).exists()
    return or_(false(), *(SearchDocument.terms.contains({name: [form]}) for form in forms))


def _exists_clause(name: str) -> SqlClause:
    if name in ("object_type", "id"):
        return true()
    return func.coalesce(func.jsonb_array_length(term_values(name)), 0) > 0


def _range_clause(name: str, asked: ValueRange) -> SqlClause:
    if name == "date_created":
        return _created_clause(asked)
    ends = {"low": asked.low, "high": asked.high}
    given = {side: value for side, value in ends.items() if value is not None}
    checks = " && ".join({"low": "@ >= $low", "high": "@ <= $high"}[side] for side in given)
    path = f'$[*] ? (@.type() == "{"number" if asked.kind == "number" else "string"}" && {checks})'
    return func.coalesce(
        func.jsonb_path_exists(
            term_values(name),
            cast(bindparam(None, path, type_=String), JSONPATH),
            cast(bindparam(None, json.dumps(given), type_=String), JSONB),
        ),
        false(),
    )


def _created_clause(asked: ValueRange) -> SqlClause:
    """Return the range condition on `date_created`, the only one with an index; every document has this date."""
    low, high = (cast(bindparam(None, end, type_=String), DateTime(timezone=True)) for end in (asked.low, asked.high))
    clauses = [SearchDocument.date_created >= low] if asked.low is not None else []
    return and_(true(), *clauses, *([SearchDocument.date_created <= high] if asked.high is not None else []))


def term_values(name: str) -> ColumnElement[Any]:
    """Return the list of a name's values as JSON; NULL if absent."""
    return SearchDocument.terms.op("->")(bindparam(None, name, type_=Text))


def _array(values: Iterable[str]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Text))


def _any_of(values: Iterable[str]) -> ColumnElement[Any]:
    return any_(_array(values))
