"""Values of headers as PostgreSQL and JSON take them: clean texts of limited length, and none that are empty."""

from collections.abc import Mapping
from typing import Any

MAX_HEADER_TAG_CHARACTERS = 1_000


def without_empty(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Drop empty values."""
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}


def clean_text(text: str) -> str:
    """Remove what PostgreSQL (NUL) and JSON (lone surrogates) refuse, and cut to the maximal length."""
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return whole.replace("\0", " ")[:MAX_HEADER_TAG_CHARACTERS].strip()


def clean_nested(value: Any) -> Any:
    """Clean a text, or the texts in a list."""
    if isinstance(value, list):
        return [clean_nested(one) for one in value]
    return clean_text(value) if isinstance(value, str) else value
