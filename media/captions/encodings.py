"""Encoding of a caption file without a byte order mark: UTF-8, or a guess that is told.

Short captions in an 8-bit encoding are valid in a dozen others. A guess tries each codec with the languages that are
written in it: letters of the language count for it, the more the commoner they are, and what no word of it has against
it: foreign letters, capitals inside of a word, symbols between letters. Among equals the codec wins that comes first in
`CODEC_LANGUAGES`.
"""

import codecs
import unicodedata
from functools import lru_cache

from media.captions.languages import ALPHABETS, COMMON_HAN, COMMON_HANGUL, NEUTRAL_CHARACTERS

WESTERN_LANGUAGES = (
    *("french", "german", "spanish", "portuguese", "italian", "nordic", "icelandic", "dutch", "catalan"),
)
CENTRAL_LANGUAGES = ("polish", "czech", "hungarian", "romanian", "croatian", "german")
CODEC_LANGUAGES: dict[str, tuple[str, ...]] = {
    "cp1252": WESTERN_LANGUAGES,
    "cp932": ("japanese",),
    "euc_jp": ("japanese",),
    "gb18030": ("chinese",),
    "cp949": ("korean",),
    "big5": ("chinese",),
    "cp1251": ("russian",),
    "koi8_r": ("russian",),
    "koi8_u": ("russian",),
    "cp1250": CENTRAL_LANGUAGES,
    "cp437": WESTERN_LANGUAGES,
    "cp850": WESTERN_LANGUAGES,
    "cp1253": ("greek",),
    "cp1254": ("turkish",),
    "cp1255": ("hebrew",),
    "cp1256": ("arabic",),
    "cp874": ("thai",),
    "mac_roman": WESTERN_LANGUAGES,
    "cp866": ("russian",),
    "iso8859_5": ("russian",),
    "iso8859_2": CENTRAL_LANGUAGES,
    "cp852": CENTRAL_LANGUAGES,
}
MULTI_BYTE_LANGUAGES = ("japanese", "chinese", "korean")
ESCAPES_OF_JAPANESE = (b"\x1b$B", b"\x1b$@")
MAX_SAMPLE_BYTES = 4_000
FOREIGN, MISPLACED, NEUTRAL, CAPITAL_LOSS = -2.0, -1.0, 0.3, 0.2
"""Score of a character that the language does not have, of one that has no place where it is, and of one that texts in
any language have; and what a capital behind another has less."""
WORD_ENDS_ONLY = "\u03c2\u05da\u05dd\u05df\u05e3\u05e5"
"""Letters of Greek and Hebrew that only end a word."""


def load_codecs_of_captions() -> None:
    """Load all codecs that may be needed: a sandboxed process cannot open their modules."""
    for name in (*CODEC_LANGUAGES, "gb2312", "euc_kr", "iso2022_jp", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"):
        codecs.lookup(name)
    guess_codec("Grüße, größer".encode("cp1252"))


def guess_codec(content: bytes) -> str:
    """Return the most plausible codec of a text that is no UTF-8."""
    sample = b"\n".join(line for line in content.splitlines() if not line.isascii())[:MAX_SAMPLE_BYTES]
    scores = {codec: _score_codec(sample, codec) for codec in CODEC_LANGUAGES}
    return max(scores, key=lambda codec: scores[codec])


def uses_escapes(content: bytes) -> bool:
    """Whether a text, which is ASCII, is Japanese in ISO 2022."""
    return any(escape in content for escape in ESCAPES_OF_JAPANESE)


def _score_codec(sample: bytes, codec: str) -> float:
    """Return how plausible a codec is, per character that is not ASCII; a cut or damaged character is foreign."""
    text = sample.decode(codec, "replace")
    count = sum(1 for one in text if not one.isascii())
    scores = (sum(_score(text, language)) for language in CODEC_LANGUAGES[codec])
    return round(max(scores) / count, 2) if count else FOREIGN


def _score(text: str, language: str) -> list[float]:
    found = []
    for place, one in enumerate(text):
        if one.isascii():
            continue
        before, after = text[place - 1] if place else " ", text[place + 1 : place + 2]
        if language not in MULTI_BYTE_LANGUAGES:
            found.append(_score_letter(one, before, after, language))
        else:
            is_beside_latin = any(each.isascii() and each.isalpha() for each in (before, after))
            found.append(MISPLACED if is_beside_latin else _score_wide(one, language))
    return found


def _score_letter(one: str, before: str, after: str, language: str) -> float:
    """Return the score of a character between its neighbours in a language with an alphabet."""
    is_inside = before.isalpha() and after.isalpha()
    weight = _alphabet(language).get(one.lower())
    if weight is None:
        return NEUTRAL if one in NEUTRAL_CHARACTERS and not is_inside else FOREIGN
    is_capital_inside = one.isupper() and before.isalpha() and not before.isupper()
    is_end_inside = one in WORD_ENDS_ONLY and after.isalpha()
    if is_capital_inside or is_end_inside or _mixes_scripts(one, before, after):
        return MISPLACED
    return weight - (CAPITAL_LOSS if one.isupper() and before.isalpha() else 0.0)


def _mixes_scripts(one: str, before: str, after: str) -> bool:
    """Whether a letter of another script is beside a Latin one."""
    is_latin = "LATIN" in unicodedata.name(one, "")
    return not is_latin and any(each.isascii() and each.isalpha() for each in (before, after))


@lru_cache
def _alphabet(language: str) -> dict[str, float]:
    """Return the letters of a language and their weights: those of its commonest is 1.5, and of its rarest 0.5."""
    letters = ALPHABETS[language]
    return {letter: 1.5 - place / len(letters) for place, letter in enumerate(letters)}


@lru_cache(4_096)
def _score_wide(one: str, language: str) -> float:
    """Return the score of a character in Japanese, Chinese or Korean."""
    name = unicodedata.name(one, "")
    if name.startswith(("CJK SYMBOL", "IDEOGRAPHIC", "FULLWIDTH")) or one in NEUTRAL_CHARACTERS:
        return 1.0
    if name.startswith(("HIRAGANA", "KATAKANA")):
        return 2.0 if language == "japanese" else -0.5
    if name.startswith("HANGUL SYLLABLE"):
        return _score_hangul(one) if language == "korean" else FOREIGN
    if name.startswith("CJK UNIFIED"):
        return _score_han(one, language)
    return MISPLACED if name.startswith("HALFWIDTH") else FOREIGN


def _score_hangul(one: str) -> float:
    """Return 2 for a common syllable; those outside of KS X 1001 are rare."""
    if one in COMMON_HANGUL:
        return 2.0
    try:
        one.encode("euc_kr")
    except UnicodeEncodeError:
        return -0.5
    return 1.0


def _score_han(one: str, language: str) -> float:
    """Return 2 for a common character; the first level of a national set has common ones, the second rare ones."""
    if language == "korean":
        return 0.0
    if language == "chinese" and one in COMMON_HAN:
        return 2.0
    for codec, first, last in LEVELS[language]:
        try:
            lead = one.encode(codec)[0]
        except UnicodeEncodeError:
            continue
        return 1.2 if first <= lead <= last else 0.0
    return -0.5


LEVELS = {
    "japanese": (("euc_jp", 0xB0, 0xCF),),
    "chinese": (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6)),
}
"""Lead bytes of the first levels of JIS X 0208, GB 2312 and Big5."""
