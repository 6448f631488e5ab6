"""Numbered pages of lists: a number outside of the list is the nearest page, never an error."""

from dataclasses import dataclass

from models.core.statements import AnySelect


@dataclass(frozen=True, slots=True)
class ListPage:
    """Number of a page of a list, and of the last page."""

    number: int
    last: int
    count: int
    """Rows of all pages."""

    @classmethod
    def of(cls, number: int, count: int, size: int) -> "ListPage":
        """Return the requested page, or the nearest existing one."""
        last = max(1, -(-count // size))
        return cls(min(max(1, number), last), last, count)

    def cut(self, rows: AnySelect, size: int) -> AnySelect:
        """Limit a query to the rows of this page."""
        return rows.limit(size).offset((self.number - 1) * size)
