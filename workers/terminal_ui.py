"""Terminal UI of `tapeless up`: new assets as they appear, and a status line.

Only the supervisor writes to the terminal. Everything it shows comes from the rows, so a restarted child changes
nothing.
"""

import time
import uuid
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.core.sessions import Sessions
from models.core.statements import AnyRow
from services.core.text import label_structure, pluralize
from services.operations.status import SystemStatus, read_status
from workers.processes.supervisor import ChildState

DISPLAY_POLL_SECONDS = 0.5
POLL_COST_FACTOR = 10
"""Pause between two polls, as a multiple of a poll's duration: counting millions of rows must not load the database."""
MAX_SHOWN_ASSETS = 20
MAX_REMEMBERED_ASSETS = 10_000
LOOK_BACK_SECONDS = 30

# Rows commit out of order, so every poll goes back some seconds and excludes what was shown already. Ids begin with the
# time, so the primary key finds the recent ones.
SELECT_NEW_ASSETS = text("""
    SELECT asset.id, asset.title, format.structure, sets.files FROM asset
    JOIN format ON format.asset_id = asset.id AND format.role = 'original'
    JOIN LATERAL (SELECT sum(file_count) AS files FROM file_set WHERE file_set.asset_id = asset.id) AS sets ON true
    WHERE asset.status = 'ACTIVE' AND asset.id > :since AND NOT asset.id = ANY(:shown)
    ORDER BY asset.id LIMIT :most
""")


def min_id_at(seconds: float) -> uuid.UUID:
    """Return the smallest id that can be generated at a time (UUIDv7: 48 bits of milliseconds first)."""
    return uuid.UUID(int=int(seconds * 1000) << 80)


class Display:
    """Polls the rows twice a second and draws; without a terminal it prints plain lines."""

    def __init__(self, sessions: Sessions, console: Console) -> None:
        self._sessions = sessions
        self._console = console
        self._next_look = 0.0
        self._shown: list[uuid.UUID] = []
        self._shown_until = 0.0
        self._was_idle = False
        self._troubles: set[str] = set()
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> "Display":
        """Start drawing the last line of the terminal."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing."""
        if self._live is not None:
            self._live.stop()

    def tick(self, states: Sequence[ChildState]) -> None:
        """Poll if it is time; a database that is restarting is waited for."""
        begun = time.monotonic()
        if begun < self._next_look:
            return
        self._next_look = begun + DISPLAY_POLL_SECONDS
        since = min_id_at(max(time.time() - LOOK_BACK_SECONDS, self._shown_until))
        try:
            with self._sessions() as session:
                found = read_status(session)
                asked = {"shown": self._shown, "since": since, "most": MAX_SHOWN_ASSETS + 1}
                rows = session.execute(SELECT_NEW_ASSETS, asked).all()
        except DBAPIError:
            self._draw(Text("the database does not answer; it is being started again", style="yellow"))
            return
        self._show_assets(rows)
        self._print_troubles(found, states)
        self._draw(self._status(found))
        self._print_idle(found)
        self._next_look = max(self._next_look, begun + POLL_COST_FACTOR * (time.monotonic() - begun))

    def _show_assets(self, assets: Sequence[AnyRow]) -> None:
        """Print a line for each new asset; for large numbers only the totals change."""
        if len(assets) > MAX_SHOWN_ASSETS:
            self._shown_until = time.time()
            return
        for asset in assets:
            line = Text.assemble("  ", (asset.title, "bold"), f"  {label_structure(asset.structure)}")
            self._console.print(line.append(f", {pluralize(int(asset.files or 0), 'file')}", style="dim"))
        self._shown.extend(asset.id for asset in assets)
        del self._shown[:-MAX_REMEMBERED_ASSETS]

    def _print_troubles(self, found: SystemStatus, states: Sequence[ChildState]) -> None:
        troubles = {storage.message for storage in found.storages if storage.message}
        troubles |= {
            f"{child.name} ended and is started again ({child.restarts} times so far)"
            for child in states
            if child.restarts
        }
        troubles |= {f"{child.name}: {child.trouble}" for child in states if child.trouble}
        for trouble in sorted(troubles - self._troubles):
            self._console.print(Text(trouble, style="yellow"))
        self._troubles = troubles

    def _print_idle(self, found: SystemStatus) -> None:
        if found.idle and not self._was_idle and self._live is None:
            files, assets = pluralize(found.files, "file"), pluralize(found.assets, "asset")
            self._console.print(f"idle: {assets} of {files}")
        self._was_idle = found.idle

    def _draw(self, renderable: RenderableType) -> None:
        if self._live is not None:
            self._live.update(renderable, refresh=True)

    def _status(self, found: SystemStatus) -> RenderableType:
        parts = [pluralize(found.assets, "asset"), pluralize(found.files, "file")]
        busy = ((found.growing, "not stable yet"), (found.pending_islands, "folders to group"))
        parts += [f"{number:,} {label}" for number, label in (*busy, (found.index_queue, "to index")) if number]
        bad = ((found.parked, "dead-lettered"), (found.missing, "missing"), (found.failed, "unreadable"))
        parts += [f"{number:,} {label}" for number, label in bad if number]
        mark, style = ("●", "green") if found.idle else ("◌", "cyan")
        line = Text.assemble((f"{mark} ", style), "  ".join(parts), ("   Ctrl-C stops", "dim"))
        bars = [self._bar(s.name, s.scan_entries, s.scan_expected) for s in found.storages if s.is_scanning]
        return Group(*bars, line) if bars else line

    def _bar(self, name: str, entries: int, expected: int) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        total = float(expected) if expected else None
        grid.add_row(f"scanning {name}", ProgressBar(total, entries, width=30, pulse=not expected), f"{entries:,}")
        return grid
