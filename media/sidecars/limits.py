"""Limits of sidecars. They are written by people and small programs: a larger file is no sidecar, and is rejected with
a message rather than read in part."""

from collections.abc import Iterable

from media.child import UnreadableError

MOST_BYTES = 16 << 20
"""Enough for a checksum list of 50,000 files."""
MOST_ELEMENTS = 50_000
MOST_DEPTH = 60
MOST_WORDS = 1_000
MOST_VALUES = 1_000
MOST_CHARACTERS = 100_000
MOST_ROWS = 10_000
MOST_ENTRIES = 50_000

Value = str | int | float | bool
Words = dict[str, list[Value]]
"""Values by key, as written in the sidecar."""


def refuse_more(count: int, most: int, what: str) -> None:
    """Raise UnreadableError if `count` exceeds `most`."""
    if count > most:
        raise UnreadableError(f"has more than {most:,} {what}; that is no sidecar that is read")


def note(words: Words, word: str, values: Iterable[Value | None]) -> None:
    """Add values of a key; blank values are ignored."""
    said = [each for each in map(_trimmed, values) if each is not None and each != ""]
    if not said:
        return
    refuse_more(len(said), MOST_VALUES, f'values of "{word[:80]}"')
    known = words.setdefault(word, [])
    known.extend(each for each in said if each not in known)
    refuse_more(len(words), MOST_WORDS, "fields")
    refuse_more(len(known), MOST_VALUES, f'values of "{word[:80]}"')


def _trimmed(value: Value | None) -> Value | None:
    if not isinstance(value, str):
        return value
    refuse_more(len(value), MOST_CHARACTERS, "characters in one value")
    return value.strip()
