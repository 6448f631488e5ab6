"""Analyser for documents and queries: a name is found by any part of it, however it is written.

It is in Python and not in a search engine because PostgreSQL splits `plate_v001.exr` like a host name, and extensions
that fold accents are not available everywhere. Three kinds of tokens serve three kinds of queries:

1. pieces, split at separators, camel case and between letters and digits: `ShotA_010` has `shot`, `a`, `010`;
2. joined neighbours, so that `shot010` finds `SHOT_010` but not `shot020.010`, which has the same pieces apart;
3. whole lines with every separator as a dot, behind a mark, so that exact names rank first.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import add

MAX_ANALYSED_BYTES = 256_000
"""Limit of analysed UTF-8 bytes per document; longer text is truncated."""
MAX_PIECE_CHARACTERS = 240
"""Two pieces can be joined and a character has up to four bytes, while PostgreSQL limits a lexeme to 2,046 bytes."""
MAX_WHOLE_LINE_CHARACTERS = 200
"""Longer lines are prose, which users do not type in full."""
WHOLE_LINE_MARK = "="
"""Prefix of whole-line tokens: `harbour` alone is also a piece of `harbour_at_night`."""
MAX_WHOLE_LINES = 8
"""Limit of whole-line tokens; names of a long sequence are found only by their pieces and neighbours."""

UNSTORABLE_CHARACTERS = re.compile("[\ud800-\udfff\0]")
ACCENT_PATTERN = re.compile("[\u0300-\u036f]+")
ASCII_PIECE = re.compile(rf"[a-z]{{1,{MAX_PIECE_CHARACTERS}}}|[0-9]{{1,{MAX_PIECE_CHARACTERS}}}|\n")
ASCII_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
ASCII_GAP = re.compile(r"[^a-z0-9\n]+")

CJK = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
EMOJI = (
    "\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
)
FLAG = "\U0001f1e6-\U0001f1ff"
# Python does not classify vowel signs of Arabic, Hebrew, Indic and South-East Asian scripts as letters, but they are
# parts of words.
VOWEL_SIGNS = (
    "\u0591-\u05bd\u05bf\u05c1-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0df3\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f71-\u0f84\u102b-\u103e\u17b4-\u17d3"
)
PIECE_PATTERN = re.compile(
    rf"\d{{1,{MAX_PIECE_CHARACTERS}}}|[{CJK}]+|[{FLAG}]{{2}}|[{EMOJI}]|(?:(?![{CJK}])[^\W\d_]|[{VOWEL_SIGNS}]){{1,{MAX_PIECE_CHARACTERS}}}|\n"
)
GAP_PATTERN = re.compile(rf"[^\w\n{VOWEL_SIGNS}{EMOJI}]+|_+")
CJK_RUN = re.compile(f"[{CJK}]+")
SYMBOL = re.compile(f"[{FLAG}{EMOJI}]")
# Letters that Unicode does not decompose into a base and an accent.
UNDECOMPOSED = str.maketrans(
    {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ı": "i"}
)
CAMEL_CASE_MARK = "\x1f"
"""Inserted at changes of case inside a word; a separator like any other."""


@dataclass(frozen=True, slots=True)
class QueryWord:
    """Word of a query; a matching document has all its tokens."""

    tokens: tuple[str, ...]
    """Complete tokens."""
    beginnings: tuple[str, ...] = ()
    """Token prefixes."""


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Words that a matching document has, and the fields to search (all if empty)."""

    words: tuple[QueryWord, ...]
    whole: str
    """Query as one whole-line token, so that exact names rank first."""
    fields: tuple[str, ...] = ()


def replace_unstorable(text: str) -> str:
    """Replace characters that PostgreSQL and JSON cannot store: NUL and lone surrogates."""
    return text if text.isascii() and "\0" not in text else UNSTORABLE_CHARACTERS.sub("\ufffd", text)


def fold_accents(text: str) -> str:
    """Normalise to NFKC without accents of Latin, Greek and Cyrillic letters; elsewhere they distinguish words."""
    if text.isascii():
        return text
    bare = ACCENT_PATTERN.sub("", unicodedata.normalize("NFKD", replace_unstorable(text)))
    return unicodedata.normalize("NFC", bare).translate(UNDECOMPOSED)


def text_sort_key(text: str) -> str:
    """Return the sort key of a text: its letters without case and accents."""
    return fold_accents(text).casefold()


def token_set(text: str) -> set[str]:
    """Return all tokens of a text, unsorted, for an index that sorts them itself."""
    text = fold_accents(truncate_utf8(text, MAX_ANALYSED_BYTES))
    lower = _casefold(text)
    tokens = _piece_tokens(lower)
    if lower.count("\n") < MAX_WHOLE_LINES:
        tokens |= _whole_line_tokens(lower)
    if lower != text and (parted := _part_camel(text)) is not None:
        tokens |= _piece_tokens(_casefold(parted))
    return tokens


def parse_text_query(words: str, fields: Iterable[str] = ()) -> TextQuery | None:
    """Parse a query; None if it contains nothing searchable.

    A word requires its pieces in a row; a trailing `*` makes it a prefix.
    """
    asked = [word for text in truncate_utf8(words, 10_000).split() if (word := _word_of(text)) is not None]
    if not asked:
        return None
    return TextQuery(tuple(asked), whole_line_token(words), tuple(fields))


def matches_text(query: TextQuery, text: str) -> bool:
    """Return whether `text` alone matches the query, to find which value of a hit matched."""
    tokens = token_set(text)
    return all(
        tokens.issuperset(word.tokens)
        and all(any(token.startswith(start) for token in tokens) for start in word.beginnings)
        for word in query.words
    )


def whole_line_token(name: str) -> str:
    """Return the whole-line token of a name."""
    lower = _casefold(fold_accents(name.replace("\n", " ")))
    return WHOLE_LINE_MARK + _dotted(lower)[:MAX_WHOLE_LINE_CHARACTERS]


def truncate_utf8(text: str, limit_bytes: int) -> str:
    """Truncate `text` to a number of UTF-8 bytes."""
    if len(text) * 4 <= limit_bytes:
        return text
    if text.isascii():
        return text[:limit_bytes]
    return replace_unstorable(text[:limit_bytes]).encode()[:limit_bytes].decode(errors="ignore")


def _casefold(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text.casefold())


def _piece_tokens(text: str) -> set[str]:
    """Return pieces and joined neighbours of folded text; nothing is joined across lines."""
    if text.isascii():
        pieces = ASCII_PIECE.findall(text)
        tokens = set(pieces)
        tokens.update(map(add, pieces, islice(pieces, 1, None)))
        return {token for token in tokens if "\n" not in token} if "\n" in tokens else tokens
    tokens = set()
    for row in _piece_rows(text):
        tokens.update(first + second for first, second in pairwise(row))
        if CJK_RUN.match(row[0]):
            tokens.add(row[-1])
        else:
            tokens.update(row)
    return tokens


def _piece_rows(text: str) -> list[list[str]]:
    """Return rows of pieces that may be joined: words and numbers of a line, a run of CJK characters, a symbol."""
    rows: list[list[str]] = []
    fresh = True
    for piece in PIECE_PATTERN.findall(text):
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


def _whole_line_tokens(text: str) -> set[str]:
    """Return every line of folded text as one token, except prose."""
    if len(text) > MAX_WHOLE_LINE_CHARACTERS:
        lines = text.split("\n")
        return {
            WHOLE_LINE_MARK + whole
            for line in lines
            if len(line) <= MAX_WHOLE_LINE_CHARACTERS and (whole := _dotted(line))
        }
    # A gap never spans two lines, so short texts are processed at once.
    dotted = (ASCII_GAP if text.isascii() else GAP_PATTERN).sub(".", text)
    return {WHOLE_LINE_MARK + whole for line in dotted.split("\n") if (whole := line.strip("."))}


def _dotted(text: str) -> str:
    return (ASCII_GAP if text.isascii() else GAP_PATTERN).sub(".", text).strip(".")


def _part_camel(text: str) -> str | None:
    """Insert a mark at camel-case boundaries; None if there are none."""
    if text.isascii():
        parted = ASCII_CAMEL.sub(CAMEL_CASE_MARK, text)
        return parted if len(parted) > len(text) else None
    out: list[str] = []
    for before, this, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if this.isupper() and (before.islower() or (before.isupper() and after.islower())):
            out.append(CAMEL_CASE_MARK)
        out.append(this)
    return "".join(out) if len(out) > len(text) else None


def _word_of(text: str) -> QueryWord | None:
    """Return the tokens that a document needs to contain `text` as a name or as a part of one."""
    folded = fold_accents(text.rstrip("*"))
    rows = _piece_rows(_casefold(_part_camel(folded) or folded))
    tokens = [[first + second for first, second in pairwise(row)] or row for row in rows]
    if not tokens:
        return None
    # A single CJK character is the prefix of every bigram that begins with it; the last one of a run is its own token.
    beginnings = [row[0] for row in rows if len(row) == 1 and len(row[0]) == 1 and CJK_RUN.match(row[0])]
    if text.endswith("*"):
        beginnings.append(tokens[-1][-1])
    full = dict.fromkeys(token for row in tokens for token in row)
    return QueryWord(tuple(token for token in full if token not in beginnings), tuple(dict.fromkeys(beginnings)))
