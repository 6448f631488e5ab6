"""Find a row by the beginning of its id, as people copy it from a list; it has to be the only one."""

import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.base import IdMixin
from services.core.errors import DomainError, NotFound

MIN_PREFIX_DIGITS = 6
"""Fewer hexadecimal digits than that are rather a word of a title."""
MAX_PREFIX_CANDIDATES = 10
ID_DIGITS = 32
ID_PREFIX = re.compile(r"[0-9a-f]{1,32}")

IdRow = TypeVar("IdRow", bound=IdMixin)


def id_range(word: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Return the first and the last id that begin with a word, or None if it is no beginning of an id."""
    digits = word.lower().replace("-", "")
    if len(digits) < MIN_PREFIX_DIGITS or not ID_PREFIX.fullmatch(digits):
        return None
    return uuid.UUID(digits.ljust(ID_DIGITS, "0")), uuid.UUID(digits.ljust(ID_DIGITS, "f"))


def find_by_id_prefix(
    session: Session,
    table: type[IdRow],
    word: str,
    noun: str,
    describe: Callable[[IdRow], str],
    columns: Sequence[InstrumentedAttribute[Any]] = (),
) -> IdRow:
    """Return the only row whose `id`, or another of these columns, begins with a word.

    Raises:
        NotFound: there is none.
        DomainError: there are several; the text lists them.
    """
    found = match_id_prefix(session, table, word, columns)
    if not found:
        raise NotFound(noun, f'"{word}"')
    if len(found) > 1:
        candidates = "; ".join(f"{row.id} {describe(row)}" for row in found)
        raise DomainError(f'{noun} "{word}": more than one id begins so; give more digits: {candidates}')
    return found[0]


def match_id_prefix(
    session: Session, table: type[IdRow], word: str, columns: Sequence[InstrumentedAttribute[Any]] = ()
) -> Sequence[IdRow]:
    """Return up to MAX_PREFIX_CANDIDATES rows whose id begins with a word, none if it is no beginning of an id."""
    limits = id_range(word)
    if limits is None:
        return []
    keys = columns or [table.id]
    is_match = or_(*(column.between(*limits) for column in keys))
    return session.scalars(select(table).where(is_match).order_by(table.id).limit(MAX_PREFIX_CANDIDATES)).all()
