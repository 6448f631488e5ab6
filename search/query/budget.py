"""Budget of a search: what one request may cost, in one sum over everything that it asks.

Separate limits multiply: a thousand terms with fifty values each passed every one of them, and took a second of Python
and minutes of PostgreSQL. A unit is about 5 µs of building and compiling SQL, so that the whole budget is 50 ms.
"""

from collections.abc import Sequence

from search.query.analysis import TextQuery

SEARCH_BUDGET = 10_000
TERM_COST = 20
"""A term, a node of the tree, and each value of a short list: an SQL condition of its own."""
RANGE_COST = 100
FACET_COST = 200
TOKEN_COST = 5
"""A word of the query has up to two tokens for each change between letters and digits, in each searched field."""
MIN_HASHED_VALUES = 50
"""Longer lists are hashed: an array operator compares each pair (1,000 readers on 100,000 documents took 5.2 s, hashed
0.4 s), and an index does not help conditions that match many rows. They are one condition, and a value costs 1."""
MAX_QUERY_WORDS = 200
MAX_SORT_KEYS = 10
MAX_SEARCH_AFTER = 2 * MAX_SORT_KEYS + 2
"""Values in a hit's `_sort`: a key is a number or a text, and type and id end every order."""
MAX_LIST_VALUES = 10_000
MAX_FIELD_NAMES = 1_000
MAX_FACETS = 50
MAX_TERM_NAME_CHARACTERS = 1_000
MAX_TERM_VALUE_CHARACTERS = 100_000


class CriteriaError(Exception):
    """Invalid search request; `field` names the place, `problem` the reason."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class SearchBudget:
    """Sums up the costs of one search."""

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, units: int, where: str) -> None:
        """Add a cost; raises CriteriaError at the place that exceeds the budget."""
        self.spent += units
        if self.spent > SEARCH_BUDGET:
            raise CriteriaError(
                where,
                "the search asks too much at once: use fewer terms, values, facets and words, or several searches",
            )

    def spend_on_values(self, values: Sequence[str], where: str) -> None:
        """Add the cost of a term's alternatives."""
        is_hashed = len(values) > MIN_HASHED_VALUES
        self.spend(len(values) * (1 if is_hashed else TERM_COST), where)

    def spend_on_query(self, query: TextQuery, where: str) -> None:
        """Add the cost of a query's tokens."""
        tokens = sum(len(word.tokens) + len(word.beginnings) for word in query.words)
        self.spend(tokens * max(1, len(query.fields)) * TOKEN_COST, where)
