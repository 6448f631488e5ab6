"""Encoding of a caption file without a byte order mark: UTF-8, or a guess that is told.

Short captions in an 8-bit encoding are valid in a dozen others. Among those with equally plausible letters the earlier
in `CANDIDATE_CODECS` wins, which are ordered by how often caption files have them.
"""

import codecs
import unicodedata

import charset_normalizer

CANDIDATE_CODECS = (
    *("cp1252", "cp932", "gb18030", "cp949", "big5", "cp1251", "cp437", "cp1253", "cp1255", "cp1256", "koi8_r"),
    *("cp1250", "mac_roman", "cp850", "cp1254"),
)
MAX_SAMPLE_BYTES = 20_000
MAX_MESS = 0.6


def load_codecs_of_captions() -> None:
    """Load all codecs that may be needed: a sandboxed process cannot open their modules."""
    for name in (*CANDIDATE_CODECS, "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"):
        codecs.lookup(name)
    guess_codec("Grüße, größer".encode("cp1252"))


def guess_codec(content: bytes) -> str:
    """Return the most plausible codec of a text that is no UTF-8."""
    sample = b"\n".join(line for line in content.splitlines() if not line.isascii())[:MAX_SAMPLE_BYTES]
    found = charset_normalizer.from_bytes(
        sample, cp_isolation=list(CANDIDATE_CODECS), threshold=MAX_MESS, enable_fallback=False
    )
    order = {name: place for place, name in enumerate(CANDIDATE_CODECS)}
    ranked = [
        (_mixed_letters(str(match)), round(match.chaos, 2), -match.coherence, order[name], name)
        for match in found
        for name in {match.encoding, *match.could_be_from_charset} & order.keys()
    ]
    return min(ranked)[-1] if ranked else CANDIDATE_CODECS[0]


def _mixed_letters(text: str) -> int:
    """Count characters that no word in Latin letters contains, as another codec would have them."""
    words = [word for word in text.split() if any(one.isascii() and one.isalpha() for one in word)]
    return sum(
        1
        for word in words
        for one in word.strip("\"'.,;:!?()")
        if not one.isascii() and one.isalpha() and not unicodedata.name(one, "").startswith("LATIN ")
    )
