"""Tokens between a caption's stem and its extension: language, forced, hearing-impaired, default, free title."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grouping.model.language_table import LANGUAGE_CODES

_FORCED = frozenset({"forced", "foreign"})
_HEARING = frozenset({"sdh", "cc", "hoh"})
_BRACKETS = re.compile(r"[\[\](){}]+")
_TAG = re.compile(r"([A-Za-z]{2,3})[-_]([A-Za-z]{4}|[A-Za-z]{2}|\d{3})(?:[-_]([A-Za-z]{2}|\d{3}))?")
_MAX_CAPTION_WORDS = 64


@dataclass(frozen=True, slots=True)
class CaptionWords:
    """Parsed tokens of one caption."""

    language: str | None
    flags: tuple[str, ...]
    """Any of `forced`, `sdh` and `default`, in this order."""
    title: str
    """Remaining tokens; often the translator or the release."""

    @property
    def label(self) -> str:
        """Label that distinguishes this caption from its neighbours: `de.forced`."""
        return ".".join(filter(None, (self.language, *self.flags, self.title)))


def parse_caption_words(behind: bytes) -> CaptionWords:
    """Parse the tokens after a host's stem, in any order."""
    if not behind:
        return CaptionWords(None, (), "")
    languages: list[str] = []
    flags: set[str] = set()
    free: list[str] = []
    hindi_or_hearing = False
    for token in _caption_tokens(behind.decode("utf-8", "surrogateescape")):
        lower = token.lower()
        if lower == "hi":
            hindi_or_hearing = True
        elif lower in _FORCED:
            flags.add("forced")
        elif lower in _HEARING:
            flags.add("sdh")
        elif lower == "default":
            flags.add("default")
        elif (language := language_of(token)) is not None:
            languages.append(language)
        else:
            free.append(token)
    if hindi_or_hearing and languages:
        flags.add("sdh")
    elif hindi_or_hearing:
        languages.append("hi")
    ordered = tuple(flag for flag in ("forced", "sdh", "default") if flag in flags)
    return CaptionWords(languages[-1] if languages else None, ordered, " ".join(free))


def _caption_tokens(text: str) -> list[str]:
    """Return the words between the dots; a compound word is split only if all its pieces are known."""
    found: list[str] = []
    for dotted in _BRACKETS.sub(".", text).split(".")[:_MAX_CAPTION_WORDS]:
        word = dotted.strip(" _-")
        if not word:
            continue
        pieces = [piece for piece in re.split(r"[ _-]+", word) if piece]
        if language_of(word) is None and len(pieces) > 1 and all(map(_is_known, pieces)):
            found.extend(pieces)
        else:
            found.append(word)
    return found


def _is_known(word: str) -> bool:
    lower = word.lower()
    return lower in _FORCED or lower in _HEARING or lower in ("hi", "default") or language_of(word) is not None


def language_of(word: str) -> str | None:
    """Return a language as a BCP 47 tag, from a two- or three-letter code, an English name or a whole tag."""
    known = LANGUAGE_CODES.get(word.lower().replace("_", " "))
    if known is not None:
        return known
    tag = _TAG.fullmatch(word)
    if tag is None or (language := LANGUAGE_CODES.get(tag[1].lower())) is None:
        return None
    script_or_region, region = tag[2], tag[3]
    second = script_or_region.title() if len(script_or_region) == 4 else script_or_region.upper()
    return "-".join(filter(None, (language, second, region and region.upper())))
