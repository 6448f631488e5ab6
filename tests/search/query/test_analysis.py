"""Names are found by their parts, however they are written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.query.analysis import (
    MAX_ANALYSED_BYTES,
    matches_text,
    parse_text_query,
    replace_unstorable,
    text_sort_key,
    token_set,
    truncate_utf8,
    whole_line_token,
)


def matches(words: str, text: str) -> bool:
    """Whether a text answers a query, as an engine decides it."""
    query = parse_text_query(words)
    return query is not None and matches_text(query, text)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("plate", "plate_v001.1001.exr"),
        ("v001", "plate_v001.1001.exr"),
        ("1001", "plate_v001.1001.exr"),
        ("plate.1001", "plate.1001.exr"),
        ("plate_v001.1001.exr", "plate_v001.1001.exr"),
        ("PLATE-V001", "plate_v001.1001.exr"),
        ("exr plate", "plate_v001.1001.exr"),
        ("shot", "ShotOneTake"),
        ("take", "ShotOneTake"),
        ("shotonetake", "ShotOneTake"),
        ("SHOTONETAKE_V2", "ShotOneTake_v2"),
        ("shotone", "ShotOneTake"),
        ("server", "HTTPServer"),
        ("sh010", "SH_010"),
        ("sh_010", "sh010"),
        ("cam a", "takeA cam B"),
        ("strasse", "Straße.mov"),
        ("STRASSE", "straße.mov"),
        ("cenek", "Čeněk.mov"),
        ("Čeněk", "cenek.mov"),
        ("oland", "Øland"),
        ("ａｂｃ", "abc.mov"),
        ("東京", "東京タワー.mov"),
        ("京タ", "東京タワー.mov"),
        ("京", "東京"),
        ("タワー", "東京タワー_v2.mov"),
        ("서울", "서울의_밤.mov"),
        ("🚀", "launch 🚀.mov"),
        ("👩‍🚀", "crew_👩‍🚀.mov"),
        ("🇩🇪", "final🇩🇪.mov"),
        ("हिन्दी", "हिन्दी_किताब.mov"),
        ("ёлка", "Елка.mov"),
        ("pla*", "plate_v001.exr"),
        ("plate.10*", "plate.1001.exr"),
        ("東*", "東京"),
    ],
)
def test_a_name_is_found_by_its_parts(words: str, name: str) -> None:
    assert matches(words, name)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("sh010", "sh020.010.exr"),
        ("plate_v002", "plate_v001.002.exr"),
        ("pla", "plate.exr"),
        ("plate tower", "plate.exr"),
        ("タ東", "東京タワー"),
        ("が", "か"),
    ],
)
def test_a_name_that_only_has_the_same_letters_is_not_found(words: str, name: str) -> None:
    assert not matches(words, name)


def test_neighbours_are_not_joined_across_lines() -> None:
    assert not matches("exrplate", "a.exr\nplate.exr")
    assert not matches("exr.plate", "a.exr\nplate.exr")


@pytest.mark.parametrize("words", ["", "  ", "*", "___", "- . /"])
def test_a_query_without_words_asks_nothing(words: str) -> None:
    assert parse_text_query(words) is None


def test_what_is_called_so_in_full_has_one_token() -> None:
    assert whole_line_token("Plate_v001 final.exr") in token_set("plate-v001_FINAL.EXR")


def test_a_lone_surrogate_and_nul_are_taken_out_wherever_they_stand() -> None:
    assert replace_unstorable("a\ud800b\0c") == "a\ufffdb\ufffdc"
    assert matches("a b c", "a\ud800b\0c")
    "".join(token_set("x\udfff東\ud800京\0")).encode()


def test_sorting_looks_at_letters_alone() -> None:
    assert sorted(["b", "Ä", "a", "Z", "é"], key=text_sort_key) == ["Ä", "a", "b", "é", "Z"]


@given(st.text(), st.integers(0, 40))
def test_a_text_is_cut_to_its_bytes_at_a_character(text: str, limit: int) -> None:
    part = truncate_utf8(text, limit)
    assert len(part.encode()) <= limit
    assert replace_unstorable(text).startswith(replace_unstorable(part))


def test_a_text_without_an_end_costs_no_more_than_its_beginning() -> None:
    assert token_set("a " * MAX_ANALYSED_BYTES) == token_set("a " * (MAX_ANALYSED_BYTES // 2))


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(NAMES)
def test_every_name_finds_itself(name: str) -> None:
    assert parse_text_query(name) is None or matches(name, name)


@given(st.text(st.sampled_from("aBcDé_. -12東京タ🚀\n"), max_size=24))
def test_every_name_finds_itself_in_small_and_in_capital_letters(name: str) -> None:
    for written in (name.lower(), name.upper()):
        assert parse_text_query(written) is None or matches(written, name)


@given(NAMES)
def test_composed_and_decomposed_names_are_one_in_search(name: str) -> None:
    assert token_set(unicodedata.normalize("NFC", name)) == token_set(unicodedata.normalize("NFD", name))


@given(NAMES)
def test_tokens_are_safe_in_a_query_of_the_database(name: str) -> None:
    for token in [*token_set(name), whole_line_token(name)]:
        assert not set(token) & set("'\\:/ \n\t*&|!()<>")
        assert len(token.encode()) <= 2_000


@given(st.text(st.sampled_from("ab1_東"), min_size=1, max_size=10), st.integers(1, 10))
def test_the_beginning_of_a_word_with_a_star_finds_it(name: str, length: int) -> None:
    beginning = name[:length]
    assert parse_text_query(beginning) is None or matches(f"{beginning}*", name)
