"""Terms as keys: name and value in one text that sorts like the values.

One text replaces a field per name, because an index is limited to a thousand fields and metadata has as many names as
users create. A key supports equality, ranges, existence and facets for numbers, dates, texts and booleans alike.

A key is the name, a separator, a letter for the type, and the value: numbers as sixteen hexadecimal digits that sort
numerically (doubles: whole numbers are exact up to 2**53), others as text.
"""

import hashlib
import re
import struct
from functools import lru_cache
from typing import Any

from search.query.analysis import replace_unstorable

TERM_VALUE_SEPARATOR, TERM_FIRST_SEPARATOR = "\x1f", "\x1e"
"""Separators of name and value: of every value, and of the repeated first value, by which hits are sorted."""
MAX_KEY_NAME_CHARACTERS, MAX_KEY_TEXT_CHARACTERS = 200, 1_000
"""Longer names and texts are stored as digests. Lucene limits a term to 32,766 bytes."""
DIGEST_SEPARATOR = "\x1d"
"""Separator of the beginning of a long text and its digest."""
SIGN_BIT = 1 << 63
KEY_CONTROL_CHARACTERS = re.compile("[\x00-\x1f]")


def name_key(name: str) -> str:
    """Return the name as it begins a key; long names and names with control characters become digests."""
    if len(name) > MAX_KEY_NAME_CHARACTERS or KEY_CONTROL_CHARACTERS.search(name):
        return _digest(name)
    return replace_unstorable(name)


def encode_typed(value: Any) -> str:
    """Return a value with the letter of its type."""
    if isinstance(value, str):
        text = replace_unstorable(value)
        return (
            f"t{text}"
            if len(text) <= MAX_KEY_TEXT_CHARACTERS
            else f"t{text[:MAX_KEY_TEXT_CHARACTERS]}{DIGEST_SEPARATOR}{_digest(text)}"
        )
    if isinstance(value, bool):
        return "btrue" if value else "bfalse"
    if isinstance(value, int | float):
        return f"n{_sortable(value)}"
    raise TypeError(f"a term's value is a text, a number or a truth value, not {type(value).__name__}")


def term_keys_of(name: str, values: list[Any]) -> list[str]:
    """Return all keys of a name's values."""
    keys = [_term_key(name, value) for value in values]
    if len(keys) > 1:
        keys.append(f"{name_key(name)}{TERM_FIRST_SEPARATOR}{encode_typed(values[0])}")
    return keys


@lru_cache(maxsize=8_192, typed=True)
def _term_key(name: str, value: Any) -> str:
    """Return a key; cached, because documents share most values: status, kind, day."""
    return f"{name_key(name)}{TERM_VALUE_SEPARATOR}{encode_typed(value)}"


def value_from_key(key: str) -> Any:
    """Return the value of a key as a facet shows it: booleans as texts, long texts by their beginning."""
    kind, value = key.partition(TERM_VALUE_SEPARATOR)[2][:1], key.partition(TERM_VALUE_SEPARATOR)[2][1:]
    if kind != "n":
        return value.partition(DIGEST_SEPARATOR)[0]
    bits = int(value, 16)
    (number,) = struct.unpack(
        ">d", struct.pack(">Q", bits ^ SIGN_BIT if bits & SIGN_BIT else bits ^ (2 * SIGN_BIT - 1))
    )
    return int(number) if number.is_integer() else number


def _sortable(value: float) -> str:
    try:
        number = float(value) + 0.0
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    # Flip the sign bit of positive numbers and all bits of negative ones: then bytes sort as numbers.
    (bits,) = struct.unpack(">Q", struct.pack(">d", number))
    return f"{bits ^ (2 * SIGN_BIT - 1) if bits & SIGN_BIT else bits | SIGN_BIT:016x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
