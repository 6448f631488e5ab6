"""A tree of criteria answers as a plain filter over the same documents does: hits, totals and facets alike."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.document import Document, format_date_term
from search.engine import SearchEngine
from search.query.budget import MAX_TERM_NAME_CHARACTERS, CriteriaError
from search.query.criteria import Visibility, parse_criteria
from tests.search.asking import NOON, ask, document, found, one_term

READERS = ["user:ann", "user:bob", "group:editors"]
COLLECTIONS = ["dailies", "finals"]
WORDS = ["sunset", "harbour", "night", "v001"]
DAYS = [NOON + timedelta(days=day) for day in range(6)]


def make_documents(seed: int, count: int) -> list[Document]:
    """Build documents in which every name is present in some and absent in others, with one value or several."""
    chance = random.Random(seed)
    documents = []
    for number in range(count):
        terms: dict[str, list[Any]] = {
            "status": [chance.choice(["ACTIVE", "DRAFT"])],
            "size": [chance.choice([0, 1, 2.5, 3, 10])],
            "tags": chance.sample(["a", "b", "3", "true"], chance.randrange(4)),
            "is_online": [chance.random() < 0.5],
            "metadata.due": [format_date_term(chance.choice(DAYS))],
        }
        present = {name: values for name, values in terms.items() if chance.random() < 0.8 and values}
        documents.append(
            document(
                number,
                " ".join(chance.sample(WORDS, 2)),
                terms=present,
                readers=chance.sample(READERS, chance.randrange(3)),
                collections=chance.sample(COLLECTIONS, chance.randrange(2)),
            )
        )
    return documents


DOCUMENTS = make_documents(7, 120)


def day_of(moment: datetime) -> str:
    return moment.date().isoformat()


NAMES = st.sampled_from(["status", "size", "tags", "is_online", "metadata.due", "date_created", "title", "nothing"])
VALUES = st.sampled_from(["ACTIVE", "DRAFT", "0", "1", "2.5", "3", "10", "a", "b", "true", "false", "x"])
PLAIN = NAMES.filter(lambda name: name != "date_created")
RANGES = st.one_of(
    st.fixed_dictionaries({}, optional={"min": st.sampled_from(["0", "1", "2.5"]), "max": st.sampled_from(["1", "3"])}),
    st.fixed_dictionaries({}, optional={side: st.sampled_from([*map(day_of, DAYS)]) for side in ("min", "max")}),
)
TERMS = st.one_of(
    st.fixed_dictionaries({"name": PLAIN, "value": VALUES}),
    st.fixed_dictionaries({"name": PLAIN, "value_in": st.lists(VALUES, max_size=3)}),
    st.fixed_dictionaries({"name": PLAIN, "range": RANGES}),
    st.fixed_dictionaries({"name": NAMES, "exists": st.booleans()}),
    st.fixed_dictionaries({"name": NAMES, "missing": st.booleans()}),
    st.fixed_dictionaries({"name": st.just("date_created"), "value": st.sampled_from([*map(day_of, DAYS)])}),
    st.fixed_dictionaries({"name": PLAIN, "value": VALUES, "value_in": st.lists(VALUES, max_size=3)}),
)
TREES = st.recursive(
    st.fixed_dictionaries({"operator": st.sampled_from(["AND", "OR", "NOT"]), "terms": st.lists(TERMS, max_size=3)}),
    lambda trees: st.fixed_dictionaries(
        {
            "operator": st.sampled_from(["AND", "OR", "NOT"]),
            "terms": st.lists(TERMS, max_size=2),
            "filters": st.lists(trees, max_size=3),
        }
    ),
    max_leaves=6,
)
FACETS = ["status", "tags", "size", "is_online", "object_type", "nothing"]
BODIES = st.fixed_dictionaries(
    {"facets": st.lists(st.sampled_from(FACETS), unique=True)},
    optional={
        "filter": TREES,
        "query": st.lists(st.sampled_from([*WORDS, "sun*"]), max_size=2).map(" ".join),
        "facets_filters": st.lists(st.fixed_dictionaries({"name": PLAIN, "value_in": st.lists(VALUES)}), max_size=2),
    },
)
VISIBILITIES = st.builds(
    lambda everything, principals, collections, excluded: Visibility(
        everything, frozenset(principals), frozenset(collections), frozenset(DOCUMENTS[n].key for n in excluded)
    ),
    st.booleans(),
    st.sets(st.sampled_from(READERS)),
    st.sets(st.sampled_from(COLLECTIONS)),
    st.sets(st.integers(0, len(DOCUMENTS) - 1), max_size=30),
)


def is_visible(one: Document, visibility: Visibility) -> bool:
    opened = visibility.principals & set(one.readers) or visibility.collections & set(one.collections)
    return one.key not in visibility.excluded and (visibility.everything or bool(opened))


def is_answer(one: Document, body: dict[str, Any]) -> bool:
    """What the words and the tree say of a document, without facets_filters."""
    words = body.get("query", "").split()
    names = one.title.split()
    has_words = all(any(name.startswith(w[:-1]) if w.endswith("*") else name == w for name in names) for w in words)
    return has_words and tree_holds(one, body.get("filter"))


def tree_holds(one: Document, tree: dict[str, Any] | None) -> bool:
    if tree is None or not asks(tree):
        return True
    parts = [term_holds(one, term) for term in tree.get("terms", []) if term_asks(term)]
    parts += [tree_holds(one, child) for child in tree.get("filters", []) if asks(child)]
    return {"AND": all, "OR": any, "NOT": lambda each: not any(each)}[tree["operator"]](parts)


def asks(tree: dict[str, Any]) -> bool:
    return any(map(term_asks, tree.get("terms", []))) or any(map(asks, tree.get("filters", [])))


def term_asks(term: dict[str, Any]) -> bool:
    return "exists" in term or "missing" in term or any(term.get(part) for part in ("value", "value_in", "range"))


def term_holds(one: Document, term: dict[str, Any]) -> bool:
    values = one.terms.get(term["name"], [])
    if term["name"] == "date_created" and "value" in term:
        return values[0].startswith(term["value"])
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    holds = [
        ("value" not in term) or term["value"] in texts,
        (not term.get("value_in")) or bool({*term["value_in"]} & {*texts}),
        ("range" not in term) or any(in_range(value, term["range"]) for value in values),
        ("exists" not in term) or term["exists"] == bool(values),
        ("missing" not in term) or term["missing"] != bool(values),
    ]
    return all(holds)


def in_range(value: Any, asked: dict[str, str]) -> bool:
    if not asked:
        return True
    ends = [*asked.values()]
    if "-" in ends[0]:
        return isinstance(value, str) and asked.get("min", "") <= value[:10] <= asked.get("max", "~")
    return not isinstance(value, str | bool) and float(asked.get("min", "-9")) <= value <= float(asked.get("max", "99"))


def counted(documents: list[Document], name: str) -> Counter[Any]:
    values = [["assets"] if name == "object_type" else one.terms.get(name, []) for one in documents]
    return Counter(str(value).lower() if isinstance(value, bool) else value for each in values for value in each)


@pytest.fixture
def stocked(engine: SearchEngine) -> Iterator[SearchEngine]:
    assert {outcome.result for outcome in engine.write(DOCUMENTS)} == {"written"}
    return engine


def test_any_tree_of_criteria_answers_like_a_plain_filter(stocked: SearchEngine) -> None:
    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(BODIES, VISIBILITIES)
    def check(body: dict[str, Any], visibility: Visibility) -> None:
        expected = [one for one in DOCUMENTS if is_visible(one, visibility) and is_answer(one, body)]
        kept = [one for one in expected if all(term_holds(one, term) for term in body.get("facets_filters", []))]
        results = stocked.search(parse_criteria(body, per_page=1_000), visibility)
        assert {hit.object_id for hit in results.hits} == {one.object_id for one in kept}
        assert results.total == len(kept)
        assert results.facets.keys() == set(body["facets"])
        for name, buckets in results.facets.items():
            assert dict(buckets) == dict(counted(expected, name))

    check()


def test_a_facet_lists_the_most_frequent_values_first(engine: SearchEngine) -> None:
    engine.write([document(n, terms={"tag": [f"t{n % 3}", "all"] if n else ["all", 7, True]}) for n in range(9)])
    assert ask(engine, facets=["tag"]).facets["tag"] == [
        ("all", 9),
        ("t1", 3),
        ("t2", 3),
        ("t0", 2),
        (7, 1),
        ("true", 1),
    ]


def test_facets_filters_narrow_hits_and_total_and_leave_the_facets(engine: SearchEngine) -> None:
    engine.write([document(n, terms={"tag": [f"t{n % 2}"]}) for n in range(5)])
    results = ask(engine, facets=["tag"], facets_filters=[{"name": "tag", "value_in": ["t1"]}])
    assert [hit.object_id.int for hit in results.hits] == [3, 1]
    assert (results.total, results.facets["tag"]) == (2, [("t0", 3), ("t1", 2)])


def test_an_object_is_found_by_its_id_and_type(engine: SearchEngine) -> None:
    engine.write([document(1), document(2)])
    assert found(engine, filter=one_term("id", value=str(document(2).object_id).upper())) == [2]
    assert found(engine, filter=one_term("id", value_in=["no id", "", str(document(1).object_id)])) == [1]
    assert found(engine, filter=one_term("object_type", value="assets")) == [2, 1]
    assert found(engine, filter=one_term("object_type", value="segments")) == []
    assert found(engine, doc_types=["collections"]) == []
    assert found(engine, doc_types=["collections", "assets"]) == [2, 1]


def test_a_day_is_one_of_the_askers_time_zone(engine: SearchEngine) -> None:
    late = document(1, terms={"date_due": ["2024-01-31T23:30:00.000000+00:00"]})
    engine.write([late])
    january = {"min": "2024-01-31", "max": "2024-01-31"}
    assert found(engine, filter=one_term("date_due", range=january)) == [1]
    assert found(engine, filter=one_term("date_due", range=january | {"timezone": "+02:00"})) == []
    assert found(engine, filter=one_term("date_due", range=january | {"timezone": "America/New_York"})) == [1]


@pytest.mark.parametrize("name", ["it's", 'a"b', "a.b", "$", "", "ключ", "a\\b", "@", "%(x)s", ":x"])
def test_a_term_may_have_any_name(engine: SearchEngine, name: str) -> None:
    name = f"metadata.{name}"
    engine.write([document(1, terms={name: ["x", 5]}), document(2)])
    assert found(engine, filter=one_term(name, value="x")) == [1]
    assert found(engine, filter=one_term(name, range={"min": "5", "max": "5"})) == [1]
    assert found(engine, filter=one_term(name, missing=True)) == [2]
    assert found(engine, sort=[{"name": name}]) == [1, 2]
    assert ask(engine, facets=[name]).facets[name] == [(5, 1), ("x", 1)]


@pytest.mark.parametrize("value", ["' OR true --", '"', "\\", "a\0b", "\ud800", "x" * 100_000, "1" * 400])
def test_a_value_of_any_characters_only_finds_nothing(engine: SearchEngine, value: str) -> None:
    engine.write([document(1, terms={"tag": ["x"]})])
    assert found(engine, filter=one_term("tag", value=value)) == []
    assert found(engine, filter=one_term("tag", range={"min": value, "max": value})) == []
    assert found(engine, query=value) in ([], [1])
    if len(value) > MAX_TERM_NAME_CHARACTERS:
        with pytest.raises(CriteriaError):
            found(engine, filter=one_term(value, value="x"))
        return
    assert found(engine, filter=one_term(value, value="x")) == []
    assert found(engine, sort=[{"name": value}]) == [1]
    assert list(ask(engine, facets=[value]).facets.values()) == [[]]
