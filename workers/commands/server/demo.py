"""`tapeless demo DIR`: real media files to try Tapeless with."""

import shlex
from pathlib import Path

import click

from media.demo.production import DemoFolderError, write_demo


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def demo(folder: Path) -> None:
    """Write a small set of real media into DIR; existing files are left unchanged."""
    try:
        written = write_demo(folder, click.echo)
    except DemoFolderError as error:
        raise click.ClickException(str(error)) from error
    shown = click.format_filename(folder)
    click.echo(f"{shown}: {summarize_written(written)}; `tapeless up {shlex.quote(shown)}` makes assets of it")


def summarize_written(written: list[Path]) -> str:
    """Summarize a run in half a sentence."""
    if not written:
        return "nothing was missing"
    megabytes = sum(path.stat().st_size for path in written) / 1_000_000
    return f"{len(written)} {'file' if len(written) == 1 else 'files'} written, {megabytes:.1f} MB"
