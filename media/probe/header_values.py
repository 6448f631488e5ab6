"""Values of headers as PostgreSQL and JSON take them: clean texts of limited length, and none that are empty."""

import codecs
from collections.abc import Mapping
from typing import Any

MAX_HEADER_TAG_CHARACTERS = 1_000
TAG_CODECS = ("ascii", "latin-1", "cp1252", "utf-8")


def load_text_codecs() -> None:
    """Load the codecs of texts, which Python would load when a tag first needs one."""
    for name in TAG_CODECS:
        codecs.lookup(name)


def without_empty(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Drop empty values."""
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}


def clean_text(text: str) -> str:
    """Remove what PostgreSQL (NUL) and JSON (lone surrogates) refuse, and cut to the maximal length.

    Bytes that are no UTF-8, which FFmpeg's texts hold as escapes, are taken for Windows-1252.
    """
    whole = text if text.isascii() else _decode_escaped(text)
    return whole.replace("\0", " ")[:MAX_HEADER_TAG_CHARACTERS].strip()


def _decode_escaped(text: str) -> str:
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def clean_nested(value: Any) -> Any:
    """Clean a text, or the texts in a list."""
    if isinstance(value, list):
        return [clean_nested(one) for one in value]
    return clean_text(value) if isinstance(value, str) else value
