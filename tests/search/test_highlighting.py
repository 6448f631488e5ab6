"""Highlights mark exactly the matching words, in any kind of text."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.highlighting import MAX_FRAGMENT_CHARACTERS, highlight_text
from search.query.analysis import parse_text_query


def marked(words: str, text: str) -> str | None:
    query = parse_text_query(words)
    assert query is not None
    wanted = {token for word in query.words for token in word.tokens}
    return highlight_text(text, wanted, tuple(start for word in query.words for start in word.beginnings))


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ("strasse", "Große Straße", "Große <em>Straße</em>"),
        ("東京", "新東京タワー", "新<em>東京</em>タワー"),
        ("🚀", "launch 🚀 day", "launch <em>🚀</em> day"),
        ("sh010", "SH_010_v2", "<em>SH_010</em>_v2"),
        ("plate.1001", "plate.1001.exr", "<em>plate.1001</em>.exr"),
        ("pla*", "plate & plan", "<em>plate</em> &amp; <em>plan</em>"),
        ("night", "day", None),
    ],
)
def test_words_are_marked_where_they_answer(words: str, text: str, expected: str | None) -> None:
    assert marked(words, text) == expected


def test_of_a_long_text_the_part_around_the_word_is_shown() -> None:
    fragment = marked("needle", "hay " * 500 + "needle" + " hay" * 500)
    assert fragment is not None
    assert "<em>needle</em>" in fragment
    assert len(fragment) <= MAX_FRAGMENT_CHARACTERS + len("<em></em>")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_nothing_but_marks_is_added_and_nothing_of_the_text_is_html(text: str) -> None:
    fragment = marked("a* 1", text)
    if fragment is not None:
        assert html.unescape(re.sub("</?em>", "", fragment)) == text
        assert "<" not in re.sub("</?em>", "", fragment)
