"""Values as JSON, by orjson: it is four times as fast as the standard library, and a drain is half such encoding."""

import json
from typing import Any

import orjson

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """The JSON of a value; what orjson cannot write (numbers beyond 64 bits, lone surrogates) the slow way."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return _encode(value).encode("utf-8", "replace")
