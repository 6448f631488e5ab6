"""Terminal UI of `tapeless up`: new assets as they appear, problems and their end, and a status line.

Only the supervisor writes to the terminal. Everything it shows comes from the rows, so a restarted child changes
nothing.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.core.base import min_id_at
from models.core.paths import escape_surrogates
from models.core.sessions import Sessions
from models.core.statements import AnyRow
from models.queues.registry import JOB_QUEUE
from services.core.text import label_structure, pluralize
from services.operations.status import SystemStatus, read_status
from services.operations.waiting_work import READING_UNIT, WaitingWork, format_duration, list_waiting_work
from workers.processes.supervisor import ChildState

DISPLAY_POLL_SECONDS, IDLE_DISPLAY_POLL_SECONDS = 0.5, 2.0
POLL_COST_FACTOR = 50
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
MAX_SHOWN_JOBS = 3
SELECT_RUNNING_JOBS = text(f"""
    SELECT title, CASE WHEN progress_total > 0 THEN progress_processed * 100 / progress_total END AS percent,
        extract(epoch FROM now() - started_at) AS seconds, count(*) OVER () AS running
    FROM {JOB_QUEUE.view} AS job WHERE status = 'STARTED' AND lease_until > now()
    ORDER BY started_at, id LIMIT {MAX_SHOWN_JOBS}
""")


@dataclass(frozen=True, slots=True)
class FoldedLines:
    """What is drawn again and again, in lines as wide as the terminal: a console of lines that are never cropped, as
    for what scrolls away, would cut off what it draws."""

    content: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the content with its lines folded."""
        yield from console.render(self.content, options.update(no_wrap=False, overflow="fold"))


class Display:
    """Polls the rows twice a second, or less often while nothing is to be done, and draws; without a terminal it prints
    plain lines."""

    def __init__(self, sessions: Sessions, console: Console, own_folders: Mapping[str, Path]) -> None:
        self._sessions = sessions
        self._own_folders = own_folders
        self._console = console
        self._next_look = 0.0
        self._shown: list[uuid.UUID] = []
        self._shown_until = 0.0
        self._assets_before_flood: int | None = None
        self._assets = 0
        self._was_idle = False
        self._troubles: dict[str, str] = {}
        self._restarts: dict[str, int] = {}
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
                found = read_status(session, self._own_folders)
                asked = {"shown": self._shown, "since": since, "most": MAX_SHOWN_ASSETS + 1}
                rows = session.execute(SELECT_NEW_ASSETS, asked).all()
                work = list_waiting_work(session) if found.jobs_waiting else []
                jobs = session.execute(SELECT_RUNNING_JOBS).all()
        except DBAPIError:
            self._draw(Text("the database does not answer; it is being started again", style="yellow"))
            return
        self._show_assets(rows, found.assets)
        self._print_troubles(find_troubles(found, states, self._restarts))
        self._restarts = {child.name: child.restarts for child in states}
        self._draw(Group(*self._bars(found), *describe_running_jobs(jobs), make_status_line(found, work)))
        self._print_idle(found)
        pause = POLL_COST_FACTOR * (time.monotonic() - begun)
        self._next_look = begun + max(pause, IDLE_DISPLAY_POLL_SECONDS if found.idle else DISPLAY_POLL_SECONDS)

    def _show_assets(self, assets: Sequence[AnyRow], total: int) -> None:
        """Print a line for each new asset, or one for a large number when it is over."""
        before, self._assets = self._assets, total
        if len(assets) > MAX_SHOWN_ASSETS:
            self._shown_until = time.time()
            self._assets_before_flood = before if self._assets_before_flood is None else self._assets_before_flood
            return
        if self._assets_before_flood is not None:
            self._console.print(f"  + {pluralize(max(0, total - self._assets_before_flood), 'asset')}")
            self._assets_before_flood = None
        for asset in assets:
            line = Text.assemble("  ", (asset.title, "bold"), f"  {label_structure(asset.structure)}")
            self._console.print(line.append(f", {pluralize(int(asset.files or 0), 'file')}", style="dim"))
        self._shown.extend(asset.id for asset in assets)
        del self._shown[:-MAX_REMEMBERED_ASSETS]

    def _print_troubles(self, troubles: dict[str, str]) -> None:
        """Print each trouble once, and its end."""
        for key, trouble in troubles.items():
            if self._troubles.get(key) != trouble:
                self._console.print(Text(trouble, style="yellow"))
        for key in self._troubles.keys() - troubles.keys():
            self._console.print(Text(f"{key}: works again", style="green"))
        self._troubles = troubles

    def _print_idle(self, found: SystemStatus) -> None:
        if found.idle and not self._was_idle and self._live is None:
            files, assets = pluralize(found.files, "file"), pluralize(found.assets, "asset")
            problems = f"; {', '.join(found.problems)}" if found.problems else ""
            self._console.print(f"idle: {assets} of {files}{problems}")
        self._was_idle = found.idle

    def _draw(self, renderable: RenderableType) -> None:
        if self._live is not None:
            self._live.update(FoldedLines(renderable), refresh=True)

    def _bars(self, found: SystemStatus) -> list[RenderableType]:
        return [_bar(s.name, s.scan_entries, s.scan_expected) for s in found.storages if s.is_scanning]


def find_troubles(found: SystemStatus, states: Sequence[ChildState], restarts: Mapping[str, int]) -> dict[str, str]:
    """Return what is wrong with disks, storages and processes, by what it concerns.

    A process that ended and runs again is in trouble once more often than `restarts` knew: a short end is reported too.
    """
    troubles = found.low_space | {
        f'storage "{storage.name}"': storage.message for storage in found.storages if storage.message
    }
    for child in states:
        is_down = child.state in ("waiting", "starting") and child.last_exit is not None
        if is_down or child.restarts > restarts.get(child.name, 0):
            reason = child.trouble or child.last_line or "its log is empty"
            troubles[child.name] = f"{child.name} ended with exit code {child.last_exit} and is started again: {reason}"
    return troubles


def describe_running_jobs(jobs: Sequence[AnyRow]) -> list[RenderableType]:
    """Return a line for each running job: how far, and for how long."""
    lines: list[RenderableType] = []
    for job in jobs:
        percent = "" if job.percent is None else f", {job.percent} %"
        since = format_duration(float(job.seconds or 0))
        lines.append(Text.assemble("  ", escape_surrogates(job.title), (f"{percent}, for {since}", "dim")))
    more = jobs[0].running - len(jobs) if jobs else 0
    return [*lines, Text(f"  and {pluralize(more, 'more job')} running", style="dim")] if more else lines


def make_status_line(found: SystemStatus, work: Sequence[WaitingWork]) -> Text:
    """Return the counts; the mark is green only if the system is idle without problems."""
    parts = [pluralize(found.assets, "asset"), pluralize(found.files, "file")]
    busy = ((found.growing, "not stable yet"), (found.pending_islands, "folders to group"))
    parts += [f"{number:,} {label}" for number, label in (*busy, (found.index_queue, "to index")) if number]
    parts += [
        f"{each.kind}: {each.amount}" + (f" ({each.prospect})" if each.prospect else "")
        for each in work
        if each.unit == READING_UNIT
    ]
    style = "yellow" if found.problems else "green"
    mark, style = ("●", style) if found.idle else ("◌", "cyan")
    line = Text.assemble((f"{mark} ", style), "  ".join(parts))
    if found.problems:
        line.append("  " + ", ".join(found.problems), style="yellow")
    return line.append("   Ctrl-C stops", style="dim")


def _bar(name: str, entries: int, expected: int) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    total = float(expected) if expected else None
    grid.add_row(f"scanning {name}", ProgressBar(total, entries, width=30, pulse=not expected), f"{entries:,}")
    return grid
