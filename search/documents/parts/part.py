"""Part that an aggregate contributes to a document."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """Merged into a document by name; the lists of two parts never share a name."""

    texts: dict[str, str] = field(default_factory=dict)
    """Texts for full-text search, truncated with the other texts to the analyser's limit."""
    terms: dict[str, list[Any]] = field(default_factory=dict)
    readers: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)


DocumentPartReader = Callable[[Session, Sequence[uuid.UUID]], dict[uuid.UUID, DocumentPart]]
"""Reads the parts of many objects in a fixed number of queries; objects without a part are absent."""
