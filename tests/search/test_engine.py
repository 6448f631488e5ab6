"""What an engine promises of words, order, pages, writes and tombstones."""

from typing import Any

import pytest

from search.document import Document, DocumentKey
from search.engine import SearchEngine
from search.query.budget import CriteriaError
from search.query.criteria import Visibility
from tests.search.asking import NOON, ask, document, found, one_term, tombstone


def test_words_find_titles_file_names_and_what_else_hangs_on_an_object(engine: SearchEngine) -> None:
    texts = {"file_names": "plate_v001.1001.exr", "external_id": "ORD-77", "metadata": "Zürich"}
    engine.write([document(1, "Sunset", texts=texts), document(2, "Harbour")])
    for words in ("sunset", "plate_v001", "ord-77", "zurich", "sun* PLATE"):
        assert found(engine, query=words) == [1], words
    assert found(engine, query="sunset harbour") == []


def test_search_fields_say_where_words_may_stand(engine: SearchEngine) -> None:
    engine.write(
        [
            document(1, "alpha", texts={"file_names": "beta.mov", "external_id": "gamma", "metadata": "delta"}),
            document(2, "beta", texts={"file_names": "alpha.mov", "external_id": "delta", "metadata": "gamma"}),
        ]
    )
    assert found(engine, query="alpha", search_fields=["title"]) == [1]
    assert found(engine, query="alpha", search_fields=["file_names"]) == [2]
    assert found(engine, query="gamma", search_fields=["external_id"]) == [1]
    assert found(engine, query="gam*", search_fields=["metadata"]) == [2]
    assert found(engine, query="beta delta", search_fields=["title", "external_id"]) == [2]


def test_what_is_called_so_comes_first_and_then_what_has_the_word_in_its_title(engine: SearchEngine) -> None:
    names = {"file_names": "harbour.mov"}
    engine.write([document(1, "harbour"), document(2, "harbour at night"), document(3, "boats", texts=names)])
    assert found(engine, query="harbour") == [1, 2, 3]
    assert found(engine, query="Harbour_AT-night harbour") == [2]
    assert found(engine, query="harbour at night") == [2]


def test_without_a_query_the_newest_come_first(engine: SearchEngine) -> None:
    engine.write([document(number) for number in (2, 3, 1)])
    assert found(engine) == [3, 2, 1]


def test_titles_sort_without_case_and_accents(engine: SearchEngine) -> None:
    engine.write([document(number, title) for number, title in enumerate(["b", "Ä", "Z", "a", "é"])])
    assert found(engine, sort=[{"name": "title"}]) == [1, 3, 0, 4, 2]
    assert found(engine, sort=[{"name": "title", "order": "desc"}]) == [2, 4, 0, 3, 1]


def test_numbers_sort_as_numbers_and_what_has_none_comes_last(engine: SearchEngine) -> None:
    sizes = [[10], [9], [], ["x"], [100]]
    engine.write([document(number, terms={"size": size}) for number, size in enumerate(sizes)])
    assert found(engine, sort=[{"name": "size"}]) == [1, 0, 4, 3, 2]
    assert found(engine, sort=[{"name": "size", "order": "desc"}]) == [4, 0, 1, 3, 2]


@pytest.mark.parametrize("order", [[], [{"name": "title"}], [{"name": "size", "order": "desc"}, {"name": "title"}]])
@pytest.mark.parametrize("query", ["", "clip"])
def test_search_after_walks_every_hit_once(engine: SearchEngine, order: list[dict[str, str]], query: str) -> None:
    engine.write([document(n, f"clip {n % 3}", terms={"size": [n % 4] if n % 5 else []}) for n in range(25)])
    whole = found(engine, query=query, sort=order, per_page=100)
    walked, after = [], []
    while hits := ask(engine, query=query, sort=order, search_after=after, per_page=4).hits:
        walked += [hit.object_id.int for hit in hits]
        after = hits[-1].sort
    assert walked == whole
    assert sorted(walked) == list(range(25))


def test_search_after_goes_on_beyond_the_ten_thousandth_hit(engine: SearchEngine) -> None:
    count = 10_050
    for first in range(0, count, 2_010):
        engine.write([document(number) for number in range(first, first + 2_010)])
    walked: list[int] = []
    after: list[Any] = []
    while hits := ask(engine, sort=[{"name": "title"}], search_after=after, per_page=1_000).hits:
        walked += [hit.object_id.int for hit in hits]
        after = hits[-1].sort
    assert walked == list(range(count))
    assert ask(engine).total == count


def test_pages_follow_each_other_and_the_total_is_of_all(engine: SearchEngine) -> None:
    engine.write([document(number) for number in range(5)])
    pages = [ask(engine, page=page, per_page=2) for page in (1, 2, 3, 4)]
    assert [[hit.object_id.int for hit in page.hits] for page in pages] == [[4, 3], [2, 1], [0], []]
    assert {page.total for page in pages} == {5}


@pytest.mark.parametrize("after", [[1], ["x", "y", "z"], [None, None, None], [{}, [], 0]])
def test_a_search_after_of_another_order_is_refused(engine: SearchEngine, after: list[object]) -> None:
    engine.write([document(1)])
    with pytest.raises(CriteriaError) as error:
        ask(engine, search_after=after)
    assert error.value.field == "search_after"


def test_a_hit_shows_terms_and_body_as_asked_for_and_always_its_id_type_and_title(engine: SearchEngine) -> None:
    terms = {"status": ["ACTIVE"], "format_kind": ["single"], "metadata.city": ["Rome", "Bari"]}
    engine.write([document(1, "x", terms=terms, body={"formats": []})])
    always = {"id": str(document(1).object_id), "object_type": "assets", "title": "x"}
    rest = {"status": "ACTIVE", "format_kind": ["single"], "metadata": {"city": ["Rome", "Bari"]}, "formats": []}

    def shown(**asked: list[str]) -> dict[str, Any]:
        hit = ask(engine, **asked).hits[0].as_object()
        assert hit.pop("_sort")
        return hit

    assert shown(exclude_fields=["date_created"]) == always | rest
    assert shown(include_fields=["status"]) == always | {"status": "ACTIVE"}
    assert shown(exclude_fields=["title", "id", "date_created", "metadata", "formats"]) == always | {
        "status": "ACTIVE",
        "format_kind": ["single"],
    }


def test_a_hit_says_which_of_its_words_answered(engine: SearchEngine) -> None:
    body = {"formats": [{"files": ["plate_v001.[1001-1003].exr"]}]}
    terms = {"metadata.place": ["Zürich <HB>", "Bari"], "external_id": ["ORD-77"]}
    engine.write([document(1, "HarbourAtNight", texts={"all": "plate_v001 zurich ord-77"}, terms=terms, body=body)])

    def marked(words: str, **asked: Any) -> Any:
        return ask(engine, query=words, **asked).hits[0].body.get("highlight")

    assert marked("harbour") == {"title": ["<em>Harbour</em>AtNight"]}
    assert marked("plate_v001") == {"file_names": ["<em>plate_v001</em>.[1001-1003].exr"]}
    assert marked("zurich") == {"metadata.place": ["<em>Zürich</em> &lt;HB&gt;"]}
    assert marked("ord* night") == {"external_id": ["<em>ORD</em>-77"], "title": ["HarbourAt<em>Night</em>"]}
    assert marked("night", exclude_fields=["highlight"]) is None
    assert marked("night", include_fields=["status"]) is None
    assert marked("night", per_page=1_000) is None


def test_a_stale_write_changes_nothing_and_the_same_revision_again_is_written(engine: SearchEngine) -> None:
    (first,) = engine.write([document(1, "new", revision=5)])
    (stale,) = engine.write([document(1, "old", revision=4)])
    (again,) = engine.write([document(1, "new", revision=5)])
    assert [first.result, stale.result, again.result] == ["written", "stale", "written"]
    assert [hit.title for hit in ask(engine).hits] == ["new"]


def test_of_two_revisions_in_one_batch_the_newer_one_stays(engine: SearchEngine) -> None:
    outcomes = engine.write([document(1, "old", 1), document(1, "new", 2), document(2, "other")])
    assert [outcome.result for outcome in outcomes] == ["stale", "written", "written"]
    assert {hit.title for hit in ask(engine).hits} == {"new", "other"}


def test_a_tombstone_hides_an_object_from_hits_totals_and_facets_and_a_late_write_does_not_bring_it_back(
    engine: SearchEngine,
) -> None:
    engine.write([document(1, "gone", 1, terms={"kind": ["a"]}), document(2, "here", terms={"kind": ["a"]})])
    engine.write([tombstone(1, revision=3)])
    engine.write([document(1, "gone", revision=2, terms={"kind": ["a"]})])
    results = ask(engine, facets=["kind"])
    assert ([hit.title for hit in results.hits], results.total) == (["here"], 1)
    assert results.facets == {"kind": [("a", 1)]}
    assert found(engine, query="gone") == []


def test_an_audit_reads_every_stored_revision_in_order_of_ids_tombstones_too(engine: SearchEngine) -> None:
    engine.write([document(number, revision=number + 10) for number in (3, 1, 2)])
    engine.write([tombstone(2, revision=20)])
    first = engine.revisions("assets", limit=2)
    rest = engine.revisions("assets", after=first[-1].object_id)
    assert [(each.object_id.int, each.revision, each.deleted) for each in [*first, *rest]] == [
        (1, 11, False),
        (2, 20, True),
        (3, 13, False),
    ]
    keys = [document(2).key, document(9).key, DocumentKey("collections", document(1).object_id)]
    assert {key.object_id.int: stored.revision for key, stored in engine.revisions_of(keys).items()} == {2: 20}


def test_a_purge_takes_tombstones_alone(engine: SearchEngine) -> None:
    engine.write([document(1), tombstone(2, 1), tombstone(3, 1)])
    assert engine.purge([document(1).key, document(2).key]) == 1
    assert [each.object_id.int for each in engine.revisions("assets")] == [1, 3]


def test_one_document_that_cannot_be_stored_does_not_keep_back_the_others(
    engine: SearchEngine, poison: dict[str, Any]
) -> None:
    outcomes = engine.write([document(1), document(2, "x", **poison), document(3), document(4)])
    assert [outcome.result for outcome in outcomes] == ["written", "refused", "written", "written"]
    assert outcomes[1].reason
    assert sorted(found(engine)) == [1, 3, 4]


@pytest.mark.parametrize(
    "name",
    [
        "it's.mov",
        'quote".mov',
        "back\\slash.mov",
        "colon:A.mov",
        "{brace},comma.mov",
        "tab\tname.mov",
        "& | ! <-> ().mov",
        "naïve 東京 🚀.mov",
        "e\u0301tude.mov",
        "%_$[].mov",
        "x" * 5_000 + ".mov",
        "東" * 3_000,
    ],
)
def test_a_name_of_any_characters_is_stored_and_found(engine: SearchEngine, name: str) -> None:
    texts = {"file_names": name, "metadata": name}
    body = {"files": [name]}
    (outcome,) = engine.write([document(1, name, texts=texts, terms={"name": [name]}, body=body)])
    assert outcome.result == "written", outcome.reason
    assert found(engine, query=name) == [1]
    assert found(engine, query=name, search_fields=["metadata"]) == [1]
    assert found(engine, filter=one_term("name", value=name)) == [1]
    assert ask(engine, include_fields=["files", "name"]).hits[0].body == body | {"name": [name]}


def test_texts_beyond_what_an_index_takes_are_cut_instead_of_refused(engine: SearchEngine) -> None:
    everything_a_word = "".join(
        chr(0x4E00 + number % 20_000) + chr(0x4E00 + number // 7 % 20_000) for number in range(40_000)
    )
    texts = {"metadata": everything_a_word, "file_names": everything_a_word}
    (outcome,) = engine.write([document(1, "long", texts=texts)])
    assert outcome.result == "written", outcome.reason
    assert found(engine, query="long") == [1]


def test_nobody_finds_what_neither_they_nor_their_groups_nor_a_collection_opens_to_them(engine: SearchEngine) -> None:
    engine.write(
        [
            document(1, readers=["user:ann"], terms={"kind": ["a"]}),
            document(2, readers=["group:editors", "user:bob"], terms={"kind": ["a"]}),
            document(3, collections=["dailies"], terms={"kind": ["b"]}),
            document(4, terms={"kind": ["c"]}),
        ]
    )
    ann = Visibility(principals=frozenset({"user:ann"}))
    editor = Visibility(principals=frozenset({"user:ann", "group:editors"}))
    guest = Visibility(collections=frozenset({"dailies"}))
    for visibility, numbers, kinds in [
        (ann, [1], [("a", 1)]),
        (editor, [2, 1], [("a", 2)]),
        (guest, [3], [("b", 1)]),
        (Visibility(), [], []),
    ]:
        results = ask(engine, visibility, facets=["kind"])
        assert [hit.object_id.int for hit in results.hits] == numbers
        assert (results.total, results.facets["kind"]) == (len(numbers), kinds)


def test_what_was_hidden_since_the_last_drain_is_left_out_of_hits_totals_and_facets(engine: SearchEngine) -> None:
    engine.write([document(number, terms={"kind": ["a"]}) for number in (1, 2, 3)])
    twin = Document("collections", document(2).object_id, 1, title="twin", date_created=NOON, texts={"title": "twin"})
    engine.write([twin])
    hidden = Visibility(everything=True, excluded=frozenset({document(2).key, document(7).key}))
    results = ask(engine, hidden, facets=["kind"])
    assert (sorted(hit.object_id.int for hit in results.hits), results.total) == ([1, 2, 3], 3)
    assert [hit.object_type for hit in results.hits if hit.object_id.int == 2] == ["collections"]
    assert results.facets["kind"] == [("a", 2)]


def test_ten_thousand_objects_can_be_left_out_at_once(engine: SearchEngine) -> None:
    engine.write([document(number) for number in range(3)])
    excluded = frozenset(document(number).key for number in range(1, 10_001))
    assert found(engine, Visibility(everything=True, excluded=excluded)) == [0]


def test_long_lists_of_values_and_collections_answer_as_short_ones_do(engine: SearchEngine) -> None:
    engine.write(
        [
            document(1, readers=["user:ann"], terms={"kind": ["a"], "size": [3], "is_online": [True]}),
            document(2, collections=["c7"], terms={"kind": ["b", "c"]}),
            document(3, collections=["other"], terms={"kind": ["b"]}),
        ]
    )
    many = [f"x{number}" for number in range(100)]
    guest = Visibility(collections=frozenset({"c7", *many}))
    assert [hit.object_id.int for hit in ask(engine, guest).hits] == [2]
    for name, value, numbers in (("kind", "c", [2]), ("size", "3", [1]), ("is_online", "true", [1]), ("none", "x", [])):
        one = {"operator": "AND", "terms": [{"name": name, "value_in": [value, *many]}]}
        assert found(engine, filter=one) == numbers
