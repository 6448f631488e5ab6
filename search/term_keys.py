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

from search.analysis import clean_text

VALUE, FIRST = "\x1f", "\x1e"
"""Separators of name and value: of every value, and of the repeated first value, by which hits are sorted."""
LONG_NAME, LONG_TEXT = 200, 1_000
"""Longer names and texts are stored as digests. Lucene limits a term to 32,766 bytes."""
CUT = "\x1d"
"""Separator of the beginning of a long text and its digest."""
SIGN = 1 << 63
CONTROL = re.compile("[\x00-\x1f]")


def name_key(name: str) -> str:
    """Return the name as it begins a key; long names and names with control characters become digests."""
    if len(name) > LONG_NAME or CONTROL.search(name):
        return _digest(name)
    return clean_text(name)


def typed(value: Any) -> str:
    """Return a value with the letter of its type."""
    if isinstance(value, str):
        text = clean_text(value)
        return f"t{text}" if len(text) <= LONG_TEXT else f"t{text[:LONG_TEXT]}{CUT}{_digest(text)}"
    if isinstance(value, bool):
        return "btrue" if value else "bfalse"
    if isinstance(value, int | float):
        return f"n{_sortable(value)}"
    raise TypeError(f"a term's value is a text, a number or a truth value, not {type(value).__name__}")


def keys_of(name: str, values: list[Any]) -> list[str]:
    """Return all keys of a name's values."""
    keys = [_key(name, value) for value in values]
    if len(keys) > 1:
        keys.append(f"{name_key(name)}{FIRST}{typed(values[0])}")
    return keys


@lru_cache(maxsize=8_192, typed=True)
def _key(name: str, value: Any) -> str:
    """Return a key; cached, because documents share most values: status, kind, day."""
    return f"{name_key(name)}{VALUE}{typed(value)}"


def shown_value(key: str) -> Any:
    """Return the value of a key as a facet shows it: booleans as texts, long texts by their beginning."""
    kind, value = key.partition(VALUE)[2][:1], key.partition(VALUE)[2][1:]
    if kind != "n":
        return value.partition(CUT)[0]
    bits = int(value, 16)
    (number,) = struct.unpack(">d", struct.pack(">Q", bits ^ SIGN if bits & SIGN else bits ^ (2 * SIGN - 1)))
    return int(number) if number.is_integer() else number


def _sortable(value: float) -> str:
    try:
        number = float(value) + 0.0
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    # Flip the sign bit of positive numbers and all bits of negative ones: then bytes sort as numbers.
    (bits,) = struct.unpack(">Q", struct.pack(">d", number))
    return f"{bits ^ (2 * SIGN - 1) if bits & SIGN else bits | SIGN:016x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
