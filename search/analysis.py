"""One analyser for documents and for queries: a name is found by any part of it, however it is written.

Why in Python and not in a search engine: PostgreSQL splits `plate_v001.exr` like a host name, and the extensions that
would fold accents are not everywhere. Three kinds of tokens answer three kinds of questions:

1. pieces, split at separators, camel case and between letters and digits: `ShotA_010` has `shot`, `a`, `010`;
2. neighbours joined, so that `shot010` finds `SHOT_010` and not `shot020.010`, which has the same pieces apart;
3. whole lines with every separator as a dot, behind a mark, so that what is called exactly so ranks first.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import add

MAX_BYTES = 256_000
"""Text of one document that is analysed; what lies beyond is cut."""
MAX_PIECE = 240
"""Characters of a piece: two may be joined, a character has up to four bytes, and PostgreSQL takes 2,046 of them."""
MAX_WHOLE = 200
"""A line longer than this is prose, which nobody types in full."""
WHOLE = "="
"""Marks the token of a whole line: `harbour` alone is also a piece of `harbour_at_night`."""
MAX_WHOLES = 8
"""Lines that are kept whole; the names of a long sequence are found by their pieces and neighbours alone."""

SURROGATE = re.compile("[\ud800-\udfff\0]")
ACCENT = re.compile("[\u0300-\u036f]+")
ASCII_PIECE = re.compile(rf"[a-z]{{1,{MAX_PIECE}}}|[0-9]{{1,{MAX_PIECE}}}|\n")
ASCII_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
ASCII_GAP = re.compile(r"[^a-z0-9\n]+")

CJK = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
EMOJI = (
    "\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
)
FLAG = "\U0001f1e6-\U0001f1ff"
# Vowel signs of Arabic, Hebrew, Indic and South-East Asian scripts are no letters to Python, yet part of words.
MARKS = (
    "\u0591-\u05bd\u05bf\u05c1-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0df3\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u102b-\u103e\u17b4-\u17d3"
)
PIECE = re.compile(
    rf"\d{{1,{MAX_PIECE}}}|[{CJK}]+|[{FLAG}]{{2}}|[{EMOJI}]|(?:(?![{CJK}])[^\W\d_]|[{MARKS}]){{1,{MAX_PIECE}}}|\n"
)
GAP = re.compile(rf"[^\w\n{MARKS}{EMOJI}]+|_+")
CJK_RUN = re.compile(f"[{CJK}]+")
SYMBOL = re.compile(f"[{FLAG}{EMOJI}]")
# Letters that Unicode does not take apart into a base and an accent.
UNDECOMPOSED = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ı": "i"}
)
CAMEL = "\x1f"
"""Stands where a word changes into the next by case alone; a separator like any other."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query: a document must have all its tokens."""

    tokens: tuple[str, ...]
    """Tokens in full."""
    beginnings: tuple[str, ...] = ()
    """Tokens that may go on."""


@dataclass(frozen=True, slots=True)
class Query:
    """Words that a document must all have, and the fields to look in (all where there is none)."""

    words: tuple[Word, ...]
    whole: str
    """The query as one whole token: what is called exactly so ranks first."""
    fields: tuple[str, ...] = ()


def clean_text(text: str) -> str:
    """The text without what neither PostgreSQL nor JSON can hold: NUL and lone surrogates."""
    return text if text.isascii() and "\0" not in text else SURROGATE.sub("\ufffd", text)


def fold_accents(text: str) -> str:
    """NFKC without the accents of Latin, Greek and Cyrillic letters; those of other scripts tell words apart."""
    if text.isascii():
        return text
    bare = ACCENT.sub("", unicodedata.normalize("NFKD", clean_text(text)))
    return unicodedata.normalize("NFC", bare).translate(UNDECOMPOSED)


def sort_key(text: str) -> str:
    """What a text is sorted by: its letters without case and accents."""
    return fold_accents(text).casefold()


def tokens_of(text: str) -> list[str]:
    """All tokens that find `text`, each once; more than `MAX_BYTES` of it is not looked at."""
    return sorted(token_set(text))


def token_set(text: str) -> set[str]:
    """The same without an order, for an index that makes one itself."""
    text = fold_accents(cut(text, MAX_BYTES))
    lower = _casefold(text)
    tokens = _views(lower)
    if lower.count("\n") < MAX_WHOLES:
        tokens |= _wholes(lower)
    if lower != text and (parted := _part_camel(text)) is not None:
        tokens |= _views(_casefold(parted))
    return tokens


def query_of(words: str, fields: Iterable[str] = ()) -> Query | None:
    """What a document must have to answer `words`; None where nothing in them can be looked for.

    A word stands for its pieces in a row; a trailing `*` takes every word that begins so.
    """
    asked = [word for text in cut(words, 10_000).split() if (word := _word_of(text)) is not None]
    if not asked:
        return None
    return Query(tuple(asked), whole_of(words), tuple(fields))


def answers(query: Query, text: str) -> bool:
    """Whether `text` alone has every word of the query, for telling which value of a hit it was that answered."""
    tokens = token_set(text)
    return all(
        tokens.issuperset(word.tokens)
        and all(any(token.startswith(start) for token in tokens) for start in word.beginnings)
        for word in query.words
    )


def whole_of(name: str) -> str:
    """The token that stands for a whole name."""
    lower = _casefold(fold_accents(name.replace("\n", " ")))
    return WHOLE + _dotted(lower)[:MAX_WHOLE]


def cut(text: str, limit_bytes: int) -> str:
    """The beginning of `text` that fits into so many bytes of UTF-8."""
    if len(text) * 4 <= limit_bytes:
        return text
    if text.isascii():
        return text[:limit_bytes]
    return clean_text(text[:limit_bytes]).encode()[:limit_bytes].decode(errors="ignore")


def _casefold(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text.casefold())


def _views(text: str) -> set[str]:
    """Pieces and joined neighbours of folded text; nothing is joined across a line's end."""
    if text.isascii():
        pieces = ASCII_PIECE.findall(text)
        tokens = set(pieces)
        tokens.update(map(add, pieces, islice(pieces, 1, None)))
        return {token for token in tokens if "\n" not in token} if "\n" in tokens else tokens
    tokens = set()
    for row in _rows(text):
        tokens.update(first + second for first, second in pairwise(row))
        if CJK_RUN.match(row[0]):
            tokens.add(row[-1])
        else:
            tokens.update(row)
    return tokens


def _rows(text: str) -> list[list[str]]:
    """Pieces in rows of those that may be joined: words and numbers of a line, a run of CJK characters, a symbol."""
    rows: list[list[str]] = []
    fresh = True
    for piece in PIECE.findall(text):
        if piece == "\n":
            fresh = True
        elif CJK_RUN.match(piece) or SYMBOL.match(piece):
            rows.append([piece] if SYMBOL.match(piece) else list(piece))
            fresh = True
        elif fresh:
            rows.append([piece])
            fresh = False
        else:
            rows[-1].append(piece)
    return rows


def _wholes(text: str) -> set[str]:
    """Every line of folded text as one token, but for lines that are prose."""
    if len(text) > MAX_WHOLE:
        lines = text.split("\n")
        return {WHOLE + whole for line in lines if len(line) <= MAX_WHOLE and (whole := _dotted(line))}
    # No gap reaches across a line's end, so short ones are dotted together.
    dotted = (ASCII_GAP if text.isascii() else GAP).sub(".", text)
    return {WHOLE + whole for line in dotted.split("\n") if (whole := line.strip("."))}


def _dotted(text: str) -> str:
    return (ASCII_GAP if text.isascii() else GAP).sub(".", text).strip(".")


def _part_camel(text: str) -> str | None:
    """The text with a mark where camel case changes words; None where it nowhere does."""
    if text.isascii():
        parted = ASCII_CAMEL.sub(CAMEL, text)
        return parted if len(parted) > len(text) else None
    out: list[str] = []
    for before, this, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if this.isupper() and (before.islower() or (before.isupper() and after.islower())):
            out.append(CAMEL)
        out.append(this)
    return "".join(out) if len(out) > len(text) else None


def _word_of(text: str) -> Word | None:
    """What a document must have to hold `text` as a name or a part of one."""
    folded = fold_accents(text.rstrip("*"))
    rows = _rows(_casefold(_part_camel(folded) or folded))
    tokens = [[first + second for first, second in pairwise(row)] or row for row in rows]
    if not tokens:
        return None
    # A lone CJK character begins every bigram that it is in, but for the last of a run, which stands by itself too.
    beginnings = [row[0] for row in rows if len(row) == 1 and len(row[0]) == 1 and CJK_RUN.match(row[0])]
    if text.endswith("*"):
        beginnings.append(tokens[-1][-1])
    full = dict.fromkeys(token for row in tokens for token in row)
    return Word(tuple(token for token in full if token not in beginnings), tuple(dict.fromkeys(beginnings)))
