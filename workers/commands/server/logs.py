"""`tapeless logs`: the logs of the processes on a data folder."""

import time
from pathlib import Path

import click

from workers.commands.options import data_option, readable_errors
from workers.config.connection import find_system_settings

FOLLOW_SECONDS = 0.5
MAX_READ_BYTES = 256 * 1024
"""Of the end of each log: the lines that were asked for are rarely longer."""


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "-n", "--lines", default=20, show_default=True, type=click.IntRange(0), help="Number of lines of each log."
)
@click.option("-f", "--follow", is_flag=True, help="Print new lines as they arrive, until Ctrl-C.")
@data_option
def logs(names: tuple[str, ...], lines: int, follow: bool, data: Path | None) -> None:
    """Show the end of the logs of all processes, or of those named."""
    with readable_errors():
        folder = find_system_settings(data).data.absolute() / "logs"
    files = {path.stem: path for path in sorted(folder.glob("*.log"))}
    if unknown := sorted(set(names) - files.keys()):
        known = ", ".join(files) or "none yet"
        raise click.ClickException(f'{folder}: there is no log of "{unknown[0]}"; there are logs of: {known}')
    chosen = {name: files[name] for name in names or files}
    if not chosen:
        raise click.ClickException(f"{folder}: there are no logs; `tapeless up FOLDER` writes them")
    places = {name: _print_end(name, path, lines) for name, path in chosen.items()}
    while follow:
        time.sleep(FOLLOW_SECONDS)
        places = {name: _print_new(name, path, places[name]) for name, path in chosen.items()}


def _print_end(name: str, path: Path, lines: int) -> int:
    """Print the last lines of a log; return where it ends."""
    size = path.stat().st_size
    text = _read(path, max(0, size - MAX_READ_BYTES))
    _print_lines(name, text.splitlines()[-lines:] if lines else [])
    return size


def _print_new(name: str, path: Path, place: int) -> int:
    """Print what was written behind a place; a log that became shorter was begun again."""
    size = path.stat().st_size
    if size != place:
        _print_lines(name, _read(path, place if size > place else 0).splitlines())
    return size


def _read(path: Path, place: int) -> str:
    with open(path, "rb") as log:
        log.seek(place)
        return log.read().decode(errors="replace")


def _print_lines(name: str, lines: list[str]) -> None:
    for line in lines:
        click.echo(f"{name}: {line}")
