"""The shape of what an asset holds besides its files, and the two ways in which nearly everything is held."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.bulk import among

Pairs = Sequence[tuple[uuid.UUID, uuid.UUID]]
"""(asset that ends, asset that it ends in), by the id of the first; no asset is the first of one and the second of
another."""

Held = dict[uuid.UUID, Any]
"""What each asset that ended had, as JSON; one that had nothing is not in it."""

PAIRS = "unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS pair (dead, survivor)"
"""What `unnest_pairs` gives, as a table of a statement."""
BACK = "unnest(CAST(:ids AS uuid[]), CAST(:owners AS uuid[]), CAST(:holders AS uuid[])) AS back (id, owner, holder)"
"""What `unnest_partings` gives, as a table of a statement."""


@dataclass(frozen=True, slots=True)
class Parting:
    """An asset that answers for itself again: what moved from it at its merge, and who holds that now."""

    asset_id: uuid.UUID
    holder_id: uuid.UUID
    held: Any


@dataclass(frozen=True, slots=True)
class Holding:
    """One aggregate. All three take as many assets as there are in a fixed number of statements: a finish of the
    ingest may merge thousands."""

    name: str
    """The key in history: never changed."""
    move: Callable[[Session, Pairs], Held]
    """Move to the survivors what may move, and say what moved."""
    give_back: Callable[[Session, Sequence[Parting]], None]
    """Undo that, but for what somebody removed or moved on since; what came since stays with the holder."""
    remove: Callable[[Session, Collection[uuid.UUID]], None]
    """Remove what these assets hold, for a purge; before their rows go, so foreign keys may do it instead."""


def moving(name: str, column: InstrumentedAttribute[uuid.UUID], *versions: InstrumentedAttribute[Any]) -> Holding:
    """Rows with an `id` that hang on an asset by `column` and go over to its survivor one and all.

    `versions` are columns with the asset's version, which is 1 and so has the asset's own id.
    """
    statements = _Rows(column, versions)
    return Holding(name, statements.move, statements.give_back, _remover(column))


def staying(name: str, column: InstrumentedAttribute[uuid.UUID], *conditions: ColumnElement[bool]) -> Holding:
    """Rows that stay under the id of an asset that ends, where they show to nobody and are when it comes back.

    `column` is the asset's id in the rows for which the conditions hold (`Value.object_type == "assets"`).
    """
    return Holding(name, lambda _session, _pairs: {}, lambda _session, _partings: None, _remover(column, *conditions))


def unnest_pairs(pairs: Pairs) -> dict[str, list[uuid.UUID]]:
    """Parameters of a statement with `PAIRS`."""
    return {"dead": [dead for dead, _ in pairs], "survivors": [survivor for _, survivor in pairs]}


def ids_by_asset(rows: Sequence[Row[Any]]) -> Held:
    """Rows of (asset that ended, id of what moved) as JSON."""
    held: Held = {}
    for asset_id, moved in rows:
        held.setdefault(asset_id, []).append(str(moved))
    return {asset_id: sorted(ids) for asset_id, ids in held.items()}


def unnest_partings(partings: Sequence[Parting]) -> dict[str, list[uuid.UUID]]:
    """Parameters of a statement with `BACK`; `held` are lists of ids."""
    rows = [(uuid.UUID(held), parting) for parting in partings for held in parting.held]
    return {
        "ids": [held for held, _ in rows],
        "owners": [parting.asset_id for _, parting in rows],
        "holders": [parting.holder_id for _, parting in rows],
    }


@dataclass(frozen=True, slots=True)
class _Rows:
    """The statements of `moving`; rows are taken in the order of their ids, so that two merges never cross."""

    column: InstrumentedAttribute[uuid.UUID]
    versions: tuple[InstrumentedAttribute[Any], ...]

    def move(self, session: Session, pairs: Pairs) -> Held:
        held = f"""
            SELECT it.id, pair.dead AS before, pair.survivor AS now FROM {self._table} AS it
            JOIN {PAIRS} ON it.{self.column.key} = pair.dead
        """
        return ids_by_asset(session.execute(self._update(held), unnest_pairs(pairs)).all())

    def give_back(self, session: Session, partings: Sequence[Parting]) -> None:
        held = f"""
            SELECT it.id, back.holder AS before, back.owner AS now FROM {self._table} AS it
            JOIN {BACK} ON it.id = back.id AND it.{self.column.key} = back.holder
        """
        session.execute(self._update(held), unnest_partings(partings))

    @property
    def _table(self) -> str:
        return self.column.class_.__tablename__

    def _update(self, held: str) -> Any:
        columns = ", ".join(f"{each.key} = held.now" for each in (self.column, *self.versions))
        return text(f"""
            WITH held AS ({held} ORDER BY it.id FOR UPDATE OF it)
            UPDATE {self._table} AS it SET {columns} FROM held WHERE it.id = held.id
            RETURNING held.before, it.id
        """)


def _remover(
    column: InstrumentedAttribute[uuid.UUID], *conditions: ColumnElement[bool]
) -> Callable[[Session, Collection[uuid.UUID]], None]:
    def remove(session: Session, ids: Collection[uuid.UUID]) -> None:
        statement = delete(column.class_).where(among(column, ids), *conditions)
        session.execute(statement.execution_options(synchronize_session=False))

    return remove
