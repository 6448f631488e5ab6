"""Words of captions: languages in every spelling, flags, and what is a title."""

import pytest

from grouping.model.languages import CaptionWords, language_of, parse_caption_words


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("eng", "en"),
        ("ger", "de"),
        ("deu", "de"),
        ("German", "de"),
        ("pt-BR", "pt-BR"),
        ("pt_br", "pt-BR"),
        ("zh-hant", "zh-Hant"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("xx", None),
        ("xx-US", None),
        ("en-", None),
        ("english2", None),
        ("", None),
    ],
)
def test_a_language_has_one_tag(word: str, expected: str | None) -> None:
    assert language_of(word) == expected


WORDS: dict[bytes, CaptionWords] = {
    b"": CaptionWords(None, (), ""),
    b".en": CaptionWords("en", (), ""),
    b".en.forced": CaptionWords("en", ("forced",), ""),
    b".forced.en": CaptionWords("en", ("forced",), ""),
    b".default.cc.foreign.de": CaptionWords("de", ("forced", "sdh", "default"), ""),
    b".en.de": CaptionWords("de", (), ""),
    b".hi": CaptionWords("hi", (), ""),
    b".en.hi": CaptionWords("en", ("sdh",), ""),
    b".[en] (sdh)": CaptionWords("en", ("sdh",), ""),
    b".en_forced": CaptionWords("en", ("forced",), ""),
    b".pt-BR": CaptionWords("pt-BR", (), ""),
    b".en.Directors Cut": CaptionWords("en", (), "Directors Cut"),
    b".RARBG": CaptionWords(None, (), "RARBG"),
    b".caf\xe9": CaptionWords(None, (), "caf\udce9"),
    b"...": CaptionWords(None, (), ""),
}


@pytest.mark.parametrize("behind", WORDS)
def test_words_between_stem_and_extension_come_in_any_order(behind: bytes) -> None:
    assert parse_caption_words(behind) == WORDS[behind]


@pytest.mark.parametrize(
    ("behind", "expected"), [(b".en.forced", "en.forced"), (b".Cut.hi.en", "en.sdh.Cut"), (b"", "")]
)
def test_a_label_tells_captions_apart(behind: bytes, expected: str) -> None:
    assert parse_caption_words(behind).label == expected
