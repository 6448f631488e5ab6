"""Dependents of an asset: the interface for rows that belong to it besides its files, with its two usual forms."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.bulk import among

Pairs = Sequence[tuple[uuid.UUID, uuid.UUID]]
"""(merged asset, survivor), in the order of the first; an id is never in both places."""

Held = dict[uuid.UUID, Any]
"""What moved from each merged asset, as JSON; assets without such rows are left out."""

PAIRS = "unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS pair (dead, survivor)"
"""FROM item for the parameters of `bind_merge_pairs`."""
BACK = "unnest(CAST(:ids AS uuid[]), CAST(:owners AS uuid[]), CAST(:holders AS uuid[])) AS back (id, owner, holder)"
"""FROM item for the parameters of `bind_unmerge_rows`."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Reversal of a merge for one kind of dependent: the rows that moved, and the asset that has them now."""

    asset_id: uuid.UUID
    holder_id: uuid.UUID
    held: Any


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of dependent rows.

    Each function handles all given assets in a fixed number of statements: an ingest may merge thousands.
    """

    name: str
    """Key in the details of history entries; must never change."""
    move: Callable[[Session, Pairs], Held]
    """Move rows to the survivors where allowed; return what moved."""
    give_back: Callable[[Session, Sequence[Parting]], None]
    """Move those rows back, unless they were removed or moved on since; later rows stay with the survivor."""
    remove: Callable[[Session, Collection[uuid.UUID]], None]
    """Delete the rows of purged assets; called before the assets are deleted, so foreign keys may do it instead."""


def moving(name: str, column: InstrumentedAttribute[uuid.UUID], *versions: InstrumentedAttribute[Any]) -> Holding:
    """Define rows with an `id` that refer to an asset by `column` and all move to its survivor.

    Args:
        versions: columns with the asset's version id, which equals the asset's id.
    """
    statements = _Rows(column, versions)
    return Holding(name, statements.move, statements.give_back, _remover(column))


def staying(name: str, column: InstrumentedAttribute[uuid.UUID], *conditions: ColumnElement[bool]) -> Holding:
    """Define rows that stay under the id of a merged asset, hidden until it is unmerged.

    Args:
        column: the asset's id in the rows that meet the conditions (`Value.object_type == "assets"`).
    """
    return Holding(name, lambda _session, _pairs: {}, lambda _session, _partings: None, _remover(column, *conditions))


def unnest_pairs(pairs: Pairs) -> dict[str, list[uuid.UUID]]:
    """Return the parameters of a statement with `MERGE_PAIRS_SQL`."""
    return {"dead": [dead for dead, _ in pairs], "survivors": [survivor for _, survivor in pairs]}


def ids_by_asset(rows: Sequence[Row[Any]]) -> Held:
    """Group rows of (merged asset, id of the moved row) by asset, as JSON."""
    held: Held = {}
    for asset_id, moved in rows:
        held.setdefault(asset_id, []).append(str(moved))
    return {asset_id: sorted(ids) for asset_id, ids in held.items()}


def unnest_partings(partings: Sequence[Parting]) -> dict[str, list[uuid.UUID]]:
    """Return the parameters of a statement with `UNMERGE_ROWS_SQL`; each `held` is a list of ids."""
    rows = [(uuid.UUID(held), parting) for parting in partings for held in parting.held]
    return {
        "ids": [held for held, _ in rows],
        "owners": [parting.asset_id for _, parting in rows],
        "holders": [parting.holder_id for _, parting in rows],
    }


@dataclass(frozen=True, slots=True)
class _Rows:
    """Statements of `define_moved_rows`."""

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
        # Rows are locked in id order, so that two merges cannot deadlock. Marking: segments by mark_segment_update and
        # mark_commented_asset_update, merged assets by mark_asset_update.
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
