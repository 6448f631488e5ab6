"""Search criteria: a typed tree, parsed from the request body of iconik's clients.

Clients send empty strings and lists for absent values, so empty is absent everywhere. Errors name the field.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.queues.index_queue import DocumentKey
from search.query.analysis import TextQuery, parse_text_query, replace_unstorable
from search.query.budget import (
    FACET_COST,
    MAX_FACETS,
    MAX_FIELD_NAMES,
    MAX_LIST_VALUES,
    MAX_QUERY_WORDS,
    MAX_SEARCH_AFTER,
    MAX_SORT_KEYS,
    MAX_TERM_NAME_CHARACTERS,
    MAX_TERM_VALUE_CHARACTERS,
    RANGE_COST,
    TERM_COST,
    CriteriaError,
    SearchBudget,
)
from search.query.ranges import RangeError, ValueKind, ValueRange, parse_covered_range, parse_number, parse_value_range

DOC_TYPES = ("assets", "collections", "saved_searches", "saved_search_groups", "segments")
DEFAULT_DOC_TYPES = DOC_TYPES[:-1]
"""Types of a search without `doc_types`. Segments are excluded: a comment is found through its asset, and thousands of
caption lines would hide the clips."""
SEARCH_FIELDS = (
    *("title", "description", "external_id", "file_names", "folders", "metadata", "segment_text"),
    "transcription_text",
)
MAX_FILTER_DEPTH = 20
MAX_PER_PAGE = 1_000
MAX_PAGED_HITS = 10_000
"""Limit of hits reachable by pages; `search_after` has none. This is OpenSearch's limit, applied to both engines."""


ValueKindLookup = Callable[[str], ValueKind | None]
"""Returns the kind of a name's values, or None if unknown."""


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """Condition on one name; every part that is given must hold for one of its values."""

    name: str
    values: tuple[str, ...] | None = None
    """Alternatives, each compared as text, number and boolean, because clients send all of them as text."""
    within: tuple[ValueRange, ...] = ()
    """All must contain the value; a date value is here too, as the time span it covers."""
    exists: bool | None = None


FilterNodeOperator = Literal["AND", "OR", "NOT"]
FILTER_NODE_OPERATORS: tuple[FilterNodeOperator, ...] = ("AND", "OR", "NOT")


@dataclass(frozen=True, slots=True)
class FilterNode:
    """Node of the filter tree: AND all, OR any, NOT none of its parts."""

    operator: FilterNodeOperator
    terms: tuple[SearchTerm, ...] = ()
    filters: "tuple[FilterNode, ...]" = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Criteria:
    """Complete search; without conditions it finds everything, newest first."""

    query: TextQuery | None = None
    filter: FilterNode | None = None
    doc_types: tuple[str, ...] = DEFAULT_DOC_TYPES
    facets: tuple[str, ...] = ()
    facets_filters: tuple[SearchTerm, ...] = ()
    """Applied to hits and total after facets are counted."""
    sort: tuple[SortKey, ...] = ()
    search_after: tuple[Any, ...] = ()
    page: int = 1
    per_page: int = 10
    include_fields: frozenset[str] | None = None
    exclude_fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Visibility:
    """Objects that the user may find. Part of every query, because hits removed later would already be counted."""

    everything: bool = False
    """For administrators."""
    principals: frozenset[str] = frozenset()
    """`user:ID` of the user and `group:ID` of each group."""
    collections: frozenset[str] = frozenset()
    """Collections with permissions that propagate to the user, and their descendants: direct content may be found."""
    excluded: frozenset[DocumentKey] = field(default=frozenset())
    """Objects deleted or with reduced access since the last drain: their rows are current, the index is not."""

    @property
    def audience(self) -> list[str]:
        """Return the principals and collections, any of which in a document's own audience grants access."""
        return sorted({*self.principals, *(f"collection:{collection}" for collection in self.collections)})


def possible_values(value: str) -> list[str | int | float | bool]:
    """Return the values that a client's text may mean: itself, a number, a boolean."""
    forms: list[str | int | float | bool] = [value]
    if value in {"true", "false"}:
        forms.append(value == "true")
    elif (number := parse_number(value)) is not None:
        forms.append(number)
    return forms


def parse_criteria(
    body: Mapping[str, Any], page: int = 1, per_page: int = 10, kind_of: ValueKindLookup = lambda _name: None
) -> Criteria:
    """Parse a body of API.md's SearchCriteriaSchema; raises CriteriaError. Unknown keys are ignored."""
    search_after = _list(body, "search_after", "search_after", MAX_SEARCH_AFTER)
    if not 1 <= per_page <= MAX_PER_PAGE:
        raise CriteriaError("per_page", f"{per_page} is not between 1 and {MAX_PER_PAGE}")
    if page < 1 or (page * per_page > MAX_PAGED_HITS and not search_after):
        raise CriteriaError(
            "page",
            f"{page} is not a page among the first {MAX_PAGED_HITS} hits; send the last hit's _sort as search_after",
        )
    parser, tree = _CriteriaParser(kind_of), body.get("filter")
    facets = tuple(dict.fromkeys(_strings(body, "facets", "facets", MAX_FACETS)))
    parser.budget.spend(len(facets) * FACET_COST, "facets")
    return Criteria(
        query=parser.query(body),
        filter=parser.filter(tree, "filter", 1) if tree else None,
        doc_types=_check_known(_strings(body, "doc_types", "doc_types"), DOC_TYPES, "doc_types") or DEFAULT_DOC_TYPES,
        facets=facets,
        facets_filters=tuple(_each(body, "facets_filters", "facets_filters", parser.term)),
        sort=tuple(_each(body, "sort", "sort", _sort_key, MAX_SORT_KEYS)),
        search_after=tuple(search_after),
        page=page,
        per_page=per_page,
        include_fields=frozenset(_strings(body, "include_fields", "include_fields", MAX_FIELD_NAMES)) or None,
        exclude_fields=frozenset(_strings(body, "exclude_fields", "exclude_fields", MAX_FIELD_NAMES)),
    )


class _CriteriaParser:
    """Parses the parts of a search that share a budget."""

    def __init__(self, kind_of: ValueKindLookup) -> None:
        self.budget = SearchBudget()
        self._kind_of = kind_of

    def query(self, body: Mapping[str, Any]) -> TextQuery | None:
        """Parse the text of the query, with the fields that it searches."""
        text = body.get("query") or ""
        fields = _check_known(_strings(body, "search_fields", "search_fields"), SEARCH_FIELDS, "search_fields")
        if not isinstance(text, str):
            raise CriteriaError("query", "is not a text")
        if len(text.split(maxsplit=MAX_QUERY_WORDS)) > MAX_QUERY_WORDS:
            raise CriteriaError("query", f"has more than {MAX_QUERY_WORDS} words")
        query = parse_text_query(text, fields)
        if query is not None:
            self.budget.spend_on_query(query, "query")
        return query

    def filter(self, node: Any, where: str, depth: int) -> FilterNode | None:
        """Parse a node; None if it has no conditions."""
        if not isinstance(node, Mapping):
            raise CriteriaError(where, "is not an object")
        if depth > MAX_FILTER_DEPTH:
            raise CriteriaError(where, f"is nested deeper than {MAX_FILTER_DEPTH} levels")
        asked = node.get("operator") or "AND"
        operator = next((known for known in FILTER_NODE_OPERATORS if known == asked), None)
        if operator is None:
            raise CriteriaError(f"{where}.operator", f"{asked!r} is none of AND, OR, NOT")
        self.budget.spend(TERM_COST, where)
        terms = tuple(_each(node, "terms", f"{where}.terms", self.term))
        filters = tuple(
            _each(node, "filters", f"{where}.filters", lambda child, place: self.filter(child, place, depth + 1))
        )
        return FilterNode(operator, terms, filters) if terms or filters else None

    def term(self, node: Any, where: str) -> SearchTerm | None:
        """Parse a term; None if it has no conditions."""
        if not isinstance(node, Mapping):
            raise CriteriaError(where, "is not an object")
        name = node.get("name")
        if not isinstance(name, str) or not name:
            raise CriteriaError(f"{where}.name", "is missing")
        name = _limited(replace_unstorable(name), f"{where}.name", MAX_TERM_NAME_CHARACTERS)
        root = where.partition(".")[0].partition("[")[0]
        values = self._values(node, where, root)
        kind = self._kind_of(name)
        try:
            within = [parse_value_range(name, node["range"], kind)] if node.get("range") else []
            if values is not None and len(values) == 1 and (day := parse_covered_range(name, values[0], kind)):
                values, within = None, [day, *within]
        except RangeError as error:
            raise CriteriaError(f"{where}.range", str(error)) from None
        self.budget.spend(TERM_COST + RANGE_COST * len(within), root)
        term = SearchTerm(name, values, tuple(each for each in within if each is not None), _existence(node, where))
        return term if (term.values, term.within, term.exists) != (None, (), None) else None

    def _values(self, node: Mapping[str, Any], where: str, root: str) -> tuple[str, ...] | None:
        """Return the values that satisfy both `value` and `value_in` if both are given."""
        values: tuple[str, ...] | None = None
        if node.get("value") not in (None, "", [], {}):
            values = (_scalar(node["value"], f"{where}.value"),)
        if chosen := _list(node, "value_in", f"{where}.value_in"):
            self.budget.spend_on_values(chosen, root)
            listed = tuple(_scalar(value, f"{where}.value_in") for value in chosen)
            values = listed if values is None else tuple(value for value in values if value in listed)
        return values


def _existence(node: Mapping[str, Any], where: str) -> bool | None:
    """Return `exists` and `missing` as one condition; clients that send both as false mean neither."""
    given = {}
    for name in ("exists", "missing"):
        if node.get(name) not in (None, "", [], {}):
            if not isinstance(node[name], bool):
                raise CriteriaError(f"{where}.{name}", f"{node[name]!r} is neither true nor false")
            given[name] = node[name] == (name == "exists")
    if len(set(given.values())) == 2 and node["exists"]:
        raise CriteriaError(where, "asks for what exists and is missing at once")
    return None if len(set(given.values())) != 1 else next(iter(given.values()))


def _sort_key(node: Any, where: str) -> SortKey | None:
    if not isinstance(node, Mapping) or not isinstance(node.get("name"), str) or not node["name"]:
        raise CriteriaError(f"{where}.name", "is missing")
    order = node.get("order") or "asc"
    if order not in ("asc", "desc"):
        raise CriteriaError(f"{where}.order", f"{order!r} is neither asc nor desc")
    name = _limited(replace_unstorable(node["name"]), f"{where}.name", MAX_TERM_NAME_CHARACTERS)
    return SortKey(name, order == "desc")


def _each(
    body: Mapping[str, Any], name: str, where: str, parse: Callable[[Any, str], Any], limit: int = MAX_LIST_VALUES
) -> Iterable[Any]:
    """Parse every element of a list, without elements that have no conditions."""
    parsed = (parse(element, f"{where}[{place}]") for place, element in enumerate(_list(body, name, where, limit)))
    return [element for element in parsed if element is not None]


def _list(body: Mapping[str, Any], name: str, where: str, limit: int = MAX_LIST_VALUES) -> list[Any]:
    value = body.get(name)
    if value in (None, "", {}):
        return []
    if not isinstance(value, list):
        raise CriteriaError(where, "is not a list")
    if len(value) > limit:
        raise CriteriaError(where, f"has {len(value)} elements; at most {limit} are taken")
    return value


def _strings(body: Mapping[str, Any], name: str, where: str, limit: int = MAX_LIST_VALUES) -> list[str]:
    values = [value for value in _list(body, name, where, limit) if value not in (None, "")]
    if not all(isinstance(value, str) for value in values):
        raise CriteriaError(where, "is not a list of texts")
    return [_limited(replace_unstorable(value), where, MAX_TERM_NAME_CHARACTERS) for value in values]


def _scalar(value: Any, where: str) -> str:
    """Return a value as text; clients may send numbers and booleans."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise CriteriaError(where, "is not a text, a number or a truth value")
    return _limited(replace_unstorable(value), where, MAX_TERM_VALUE_CHARACTERS)


def _limited(text: str, where: str, limit: int) -> str:
    if len(text) > limit:
        raise CriteriaError(where, f"has {len(text)} characters; at most {limit} are taken")
    return text


def _check_known(values: list[str], known: tuple[str, ...], where: str) -> tuple[str, ...]:
    for value in values:
        if value not in known:
            raise CriteriaError(where, f"{value!r} is none of {', '.join(known)}")
    return tuple(dict.fromkeys(values))
