"""The shape of what an aggregate adds to a document."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Part:
    """Joined with the rest of a document by name; the lists of two parts never share a name."""

    texts: dict[str, str] = field(default_factory=dict)
    """What free text finds, cut with the other texts to what an analyser reads."""
    terms: dict[str, list[Any]] = field(default_factory=dict)
    readers: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)


PartReader = Callable[[Session, Sequence[uuid.UUID]], dict[uuid.UUID, Part]]
"""Reads the parts of many objects in a fixed number of queries; an object without any is not in the answer."""
