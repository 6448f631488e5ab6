"""Limits of sidecars. They are written by people and small programs: a larger file is no sidecar, and is rejected with
a message rather than read in part."""

from collections.abc import Iterable

from media.sandbox.protocol import UnreadableError

MAX_SIDECAR_BYTES = 16 << 20
MAX_MANIFEST_BYTES = 512 << 20
"""Checksum lists are read entry by entry, so that their size costs time alone: 172,800 files of a scanned feature take
60 MB as a media hash list."""
SMALL_MANIFEST_BYTES = 16 << 10
"""Lists of a hundred files, which are read dozens at a time."""
MAX_XML_ELEMENTS = 50_000
MAX_XML_DEPTH = 60
MAX_SIDECAR_FIELDS = 1_000
MAX_SIDECAR_VALUES = 1_000
MAX_SIDECAR_TEXT_CHARACTERS = 100_000
MAX_TABLE_ROWS = 10_000
MAX_CHECKSUM_ENTRIES = 1_000_000

SidecarScalar = str | int | float | bool
SidecarFields = dict[str, list[SidecarScalar]]
"""Values by key, as written in the sidecar."""


def require_at_most(count: int, most: int, what: str) -> None:
    """Raise UnreadableError if `count` exceeds `most`."""
    if count > most:
        raise UnreadableError(f"has more than {most:,} {what}; that is no sidecar that is read")


def describe_count(count: int, noun: str, what: str) -> list[str]:
    """Return a note about what was left out or guessed; none if there is nothing."""
    return [f"{count:,} {noun if count == 1 else noun + 's'} {what}"] if count > 0 else []


def add_values(words: SidecarFields, word: str, values: Iterable[SidecarScalar | None]) -> None:
    """Add values of a key; blank values are ignored."""
    said = [each for each in map(_trimmed, values) if each is not None and each != ""]
    if not said:
        return
    for text in (word, *said):
        if isinstance(text, str):
            require_storable_text(text, word)
    require_at_most(len(said), MAX_SIDECAR_VALUES, f'values of "{word[:80]}"')
    known = words.setdefault(word, [])
    known.extend(each for each in said if each not in known)
    require_at_most(len(words), MAX_SIDECAR_FIELDS, "fields")
    require_at_most(len(known), MAX_SIDECAR_VALUES, f'values of "{word[:80]}"')


def require_storable_text(text: str, word: str) -> None:
    """Raise UnreadableError if no database can store a text that belongs to this key."""
    shown = word[:80].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    if "\0" in text:
        raise UnreadableError(f'holds a NUL in "{shown}", which no text may; write the sidecar again without it')
    if not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
        raise UnreadableError(f'holds half a surrogate pair in "{shown}", which no text may; write the character whole')


def _trimmed(value: SidecarScalar | None) -> SidecarScalar | None:
    if not isinstance(value, str):
        return value
    require_at_most(len(value), MAX_SIDECAR_TEXT_CHARACTERS, "characters in one value")
    return value.strip()
