"""Terminal UI of `tapeless up`: new assets as they appear, and a status line.

Only the supervisor writes to the terminal. Everything it shows comes from the rows, so a restarted child changes
nothing.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.sessions import Sessions
from tasks.sentences import counted, in_words
from tasks.status import Status, read_status
from workers.supervisor import ChildState

POLL_SECONDS = 0.5
REST = 10
"""Pause between two polls, as a multiple of a poll's duration: counting millions of rows must not load the database."""
SHOWN_AT_ONCE = 20
REMEMBERED = 10_000
LOOK_BACK_SECONDS = 30

# Rows commit out of order, so every poll goes back some seconds and excludes what was shown already. Ids begin with the
# time, so the primary key finds the recent ones.
NEW_ASSETS = text("""
    SELECT asset.id, asset.title, format.structure, sets.files FROM asset
    JOIN format ON format.asset_id = asset.id AND format.role = 'original'
    JOIN LATERAL (SELECT sum(file_count) AS files FROM file_set WHERE file_set.asset_id = asset.id) AS sets ON true
    WHERE asset.status = 'ACTIVE' AND asset.id > :since AND NOT asset.id = ANY(:shown)
    ORDER BY asset.id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class AssetLine:
    """One new asset."""

    id: uuid.UUID
    title: str
    structure: str
    files: int


def id_of_moment(seconds: float) -> uuid.UUID:
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
        self._next_look = begun + POLL_SECONDS
        since = id_of_moment(max(time.time() - LOOK_BACK_SECONDS, self._shown_until))
        try:
            with self._sessions() as session:
                found = read_status(session)
                asked = {"shown": self._shown, "since": since, "most": SHOWN_AT_ONCE + 1}
                rows = session.execute(NEW_ASSETS, asked).all()
        except DBAPIError:
            self._draw(Text("the database does not answer; it is being started again", style="yellow"))
            return
        self._show_assets([AssetLine(row.id, row.title, row.structure, int(row.files or 0)) for row in rows])
        self._tell_trouble(found, states)
        self._draw(self._status(found))
        self._tell_idle(found)
        self._next_look = max(self._next_look, begun + REST * (time.monotonic() - begun))

    def _show_assets(self, assets: list[AssetLine]) -> None:
        """Print a line for each new asset; for large numbers only the totals change."""
        if len(assets) > SHOWN_AT_ONCE:
            self._shown_until = time.time()
            return
        for asset in assets:
            line = Text.assemble("  ", (asset.title, "bold"), f"  {in_words(asset.structure)}")
            self._console.print(line.append(f", {counted(asset.files, 'file')}", style="dim"))
        self._shown.extend(asset.id for asset in assets)
        del self._shown[:-REMEMBERED]

    def _tell_trouble(self, found: Status, states: Sequence[ChildState]) -> None:
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

    def _tell_idle(self, found: Status) -> None:
        if found.idle and not self._was_idle and self._live is None:
            files, assets = counted(found.files, "file"), counted(found.assets, "asset")
            self._console.print(f"idle: {assets} of {files}")
        self._was_idle = found.idle

    def _draw(self, renderable: RenderableType) -> None:
        if self._live is not None:
            self._live.update(renderable, refresh=True)

    def _status(self, found: Status) -> RenderableType:
        parts = [counted(found.assets, "asset"), counted(found.files, "file")]
        busy = ((found.growing, "not stable yet"), (found.pending_islands, "folders to group"))
        parts += [f"{number:,} {label}" for number, label in (*busy, (found.index_queue, "to index")) if number]
        bad = ((found.parked, "parked"), (found.missing, "missing"), (found.failed, "unreadable"))
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
