"""`tapeless ready PATH`: whether a card or a delivery is whole, with exit codes for the three answers."""

import json
import os
from pathlib import Path

import click
from rich.text import Text

from media.evidence.verdict import Level
from models.core.sessions import transact
from services.readiness.ready import ReadyQuestion, ask_ready, resolve_asked_path
from services.readiness.report import build_ready_report, describe_report, load_thumbnails, render_report
from services.readiness.sign_off import sign_off_report
from workers.commands.options import data_option, json_option, running_system, shell_actor
from workers.commands.output import make_line_console, replace_unprintable


class NoAnswerError(click.ClickException):
    """There is no answer at all: the exit codes 1 and 2 are answers."""

    exit_code = 3


@click.command()
@click.argument("path", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--against", type=click.Path(path_type=Path, file_okay=False), help="Compare with a second copy, such as the card."
)
@click.option("--frames", metavar="FIRST-LAST", default="", help="Expect these frames of every sequence: 1001-1240.")
@click.option(
    "--level",
    type=click.Choice([one.value for one in Level]),
    default=Level.CONTENT.value,
    show_default=True,
    help="complete: is everything there? content: is every byte as stated, so that the source may be wiped?",
)
@click.option("--read", "reads", is_flag=True, help="Read files whose sums a list or package states, if none did yet.")
@click.option("--sign", is_flag=True, help="Keep the report, and write it to the history of the assets.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as a page into a file."
)
@data_option
@json_option
def ready(
    path: Path,
    against: Path | None,
    frames: str,
    level: str,
    reads: bool,
    sign: bool,
    page: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Answer whether PATH is whole: exit with 0 if proven, 1 if refuted, 2 if not provable, 3 without an answer."""
    copy = os.path.realpath(os.fsencode(against)) if against is not None else None
    question = ReadyQuestion(resolve_asked_path(os.fsencode(path)), Level(level), frames, copy, reads)
    actor = shell_actor()
    try:
        with running_system(data) as context:
            answer = ask_ready(context.sessions, question)
            report = build_ready_report(answer, actor.name)
            if sign:
                kept = transact(context.sessions, lambda session: sign_off_report(session, answer, report, actor).id)
                report["report_id"] = str(kept)
            if page is not None:
                with context.sessions() as session:
                    thumbnails = load_thumbnails(session, answer, context.media_folder)
                page.write_text(render_report(report, thumbnails), encoding="utf-8")
    except click.ClickException as error:
        raise NoAnswerError(error.message) from error
    if as_json:
        click.echo(json.dumps(report))
    else:
        console = make_line_console()
        for line in describe_report(report):
            console.print(Text(replace_unprintable(line)))
    raise SystemExit(report["exit_code"])
