"""Dependents of an asset: the interface for rows that belong to it besides its files, with its usual forms."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, text, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.statements import AnyRow, bind_columns, in_array

MergePairs = Sequence[tuple[uuid.UUID, uuid.UUID]]
"""(merged asset, survivor), in the order of the first; an id is never in both places."""

MovedByAsset = dict[uuid.UUID, Any]
"""What moved from each merged asset, as JSON; assets without such rows are left out."""

RowRemover = Callable[[Session, Collection[uuid.UUID]], None]

MERGE_PAIRS_SQL = "unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS pair (dead, survivor)"
"""FROM item for the parameters of `bind_merge_pairs`."""
UNMERGE_ROWS_SQL = (
    "unnest(CAST(:ids AS uuid[]), CAST(:owners AS uuid[]), CAST(:holders AS uuid[])) AS back (id, owner, holder)"
)
"""FROM item for the parameters of `bind_unmerge_rows`."""


@dataclass(frozen=True, slots=True)
class DependentUnmerge:
    """Reversal of a merge for one kind of dependent: the rows that moved, and the asset that has them now."""

    asset_id: uuid.UUID
    holder_id: uuid.UUID
    held: Any


@dataclass(frozen=True, slots=True)
class DependentKind:
    """One kind of dependent rows; by default they stay under the id of a merged asset, hidden until it is unmerged.

    Each function handles all given assets in a fixed number of statements: an ingest may merge thousands.
    """

    name: str
    """Key in the details of history entries; must never change."""
    remove: RowRemover
    """Delete the rows of purged assets; called before the assets are deleted, so foreign keys may do it instead."""
    move: Callable[[Session, MergePairs], MovedByAsset] = lambda _session, _pairs: {}
    """Move rows to the survivors where allowed; return what moved."""
    move_back: Callable[[Session, Sequence[DependentUnmerge]], None] = lambda _session, _unmerges: None
    """Move those rows back, unless they were removed or moved on since; later rows stay with the survivor."""


def define_moved_rows(
    name: str,
    column: InstrumentedAttribute[Any],
    *versions: InstrumentedAttribute[Any],
    remove: RowRemover | None = None,
) -> DependentKind:
    """Define rows with an `id` that refer to an asset by `column` and all move to its survivor.

    Args:
        versions: columns with the asset's version id, which equals the asset's id.
        remove: deletes the rows, if more than the rows themselves has to go.
    """
    statements = _MovedRowStatements(column, versions)
    return DependentKind(name, remove or remove_rows(column), statements.move, statements.move_back)


def bind_merge_pairs(pairs: MergePairs) -> dict[str, list[uuid.UUID]]:
    """Return the parameters of a statement with `MERGE_PAIRS_SQL`."""
    return bind_columns(("dead", "survivors"), pairs)


def group_ids_by_asset(rows: Sequence[AnyRow]) -> MovedByAsset:
    """Group rows of (merged asset, id of the moved row) by asset, as JSON."""
    held: MovedByAsset = {}
    for asset_id, moved in rows:
        held.setdefault(asset_id, []).append(str(moved))
    return {asset_id: sorted(ids) for asset_id, ids in held.items()}


def bind_unmerge_rows(unmerges: Sequence[DependentUnmerge]) -> dict[str, list[uuid.UUID]]:
    """Return the parameters of a statement with `UNMERGE_ROWS_SQL`; each `held` is a list of ids."""
    rows = ((uuid.UUID(held), back.asset_id, back.holder_id) for back in unmerges for held in back.held)
    return bind_columns(("ids", "owners", "holders"), rows)


@dataclass(frozen=True, slots=True)
class _MovedRowStatements:
    """Statements of `define_moved_rows`."""

    column: InstrumentedAttribute[Any]
    versions: tuple[InstrumentedAttribute[Any], ...]

    def move(self, session: Session, pairs: MergePairs) -> MovedByAsset:
        held = f"""
            SELECT it.id, pair.dead AS before, pair.survivor AS now FROM {self._table} AS it
            JOIN {MERGE_PAIRS_SQL} ON it.{self.column.key} = pair.dead
        """
        return group_ids_by_asset(session.execute(self._update(held), bind_merge_pairs(pairs)).all())

    def move_back(self, session: Session, unmerges: Sequence[DependentUnmerge]) -> None:
        held = f"""
            SELECT it.id, back.holder AS before, back.owner AS now FROM {self._table} AS it
            JOIN {UNMERGE_ROWS_SQL} ON it.id = back.id AND it.{self.column.key} = back.holder
        """
        session.execute(self._update(held), bind_unmerge_rows(unmerges))

    @property
    def _table(self) -> str:
        return str(self.column.class_.__tablename__)

    def _update(self, held: str) -> Any:
        # Rows are locked in id order, so that two merges cannot deadlock. Marking: segments by mark_segment_update and
        # mark_commented_asset_update, merged assets by mark_asset_update.
        columns = ", ".join(f"{each.key} = held.now" for each in (self.column, *self.versions))
        return text(f"""
            WITH held AS ({held} ORDER BY it.id FOR UPDATE OF it)
            UPDATE {self._table} AS it SET {columns} FROM held WHERE it.id = held.id
            RETURNING held.before, it.id
        """)


def remove_rows(*columns: InstrumentedAttribute[Any], where: ColumnElement[bool] | None = None) -> RowRemover:
    """Return the function that deletes rows with one of the given ids in one of these columns of a table."""

    def remove(session: Session, ids: Collection[uuid.UUID]) -> None:
        named = or_(*(in_array(column, ids) for column in columns))
        statement = delete(columns[0].class_).where(named, true() if where is None else where)
        session.execute(statement.execution_options(synchronize_session=False))

    return remove
