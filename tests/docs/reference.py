"""Write the parts of the reference that follow from the code: commands, metrics, operations, and stored help.

python -m tests.docs.reference
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import click
from prometheus_client import Histogram

from api.descriptions.services import SERVICE_DESCRIPTIONS
from api.openapi import CONSTANT_MARK, EXTENSION_MARK
from services.operations.metrics import ROW_METRICS
from tests.api.answer_checks import openapi_document
from tests.docs.pages import ROOT
from workers.celery import metrics
from workers.main import main
from workers.stored_help import HELP_FILE, describe_command

PART = re.compile(r"(?<=<!-- written by python -m tests.docs.reference -->\n).*?(?=<!-- end -->)", re.DOTALL)
ON_EVERY_COMMAND = frozenset({"--data", "--json", "--help"})
"""Options that the page explains once."""
WIDTH = 120


def write_commands() -> str:
    """Return a heading for each command, with its usage, its help and its options."""
    return "\n".join(_write_command(main, click.Context(main, info_name="tapeless", **main.context_settings), 2))


def _write_command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    if context.parent is not None:
        yield f"\n{'#' * level} {context.command_path}\n"
        yield "\n\n".join(_fill(part) for part in inspect.cleandoc(command.help or "").split("\n\n"))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            inside = click.Context(found, info_name=name, parent=context, **found.context_settings)
            yield from _write_command(found, inside, level + (context.parent is not None))
        return
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"\n```text\n{context.command_path} {pieces}\n```"
    if rows := [*_option_rows(command, context)]:
        yield "\n| option | meaning |\n| --- | --- |"
        yield from rows


def _fill(text: str) -> str:
    return textwrap.fill(text.replace("\b\n", ""), WIDTH, break_long_words=False, break_on_hyphens=False)


def _option_rows(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and not ON_EVERY_COMMAND & {*parameter.opts}:
            names, meaning = (" ".join(text.split()).replace("|", "\\|") for text in record)
            yield f"| `{names}` | {meaning} |"


def write_metrics() -> str:
    """Return one table of all metrics that are not deprecated."""
    rows = sorted({*_row_metrics(), *_process_metrics(), *_collected_metrics()})
    return "\n".join(["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows])


def _metric_row(name: str, kind: str, labels: tuple[str, ...], meaning: str) -> str:
    full = f"{metrics.METRIC_PREFIX}{name}{'_total' if kind == 'counter' else ''}"
    return f"| `{full}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {meaning} |"


def _row_metrics() -> Iterator[str]:
    for measure in ROW_METRICS:
        kind = "counter" if measure.is_counter else "gauge"
        yield _metric_row(measure.name, kind, measure.labels, measure.help)


def _process_metrics() -> Iterator[str]:
    """Yield the histograms that every process measures."""
    for found in vars(metrics).values():
        if isinstance(found, Histogram):
            name = found._name.removeprefix(metrics.METRIC_PREFIX)
            yield _metric_row(name, "histogram", found._labelnames, found._documentation)


def _collected_metrics() -> Iterator[str]:
    """Yield the metrics that a collector makes when it is asked, read from its source: it needs servers to run."""
    for node in ast.walk(ast.parse(inspect.getsource(metrics))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("GaugeMetricFamily", "CounterMetricFamily"):
            prefixed, meaning = node.args
            assert isinstance(prefixed, ast.BinOp)
            labels = next((ast.literal_eval(each.value) for each in node.keywords if each.arg == "labels"), ())
            kind = "counter" if "Counter" in ast.unparse(node.func) else "gauge"
            yield _metric_row(ast.literal_eval(prefixed.right), kind, labels, ast.literal_eval(meaning))


METHODS = ("get", "post", "put", "patch", "delete")
OPERATION_MARKS = {
    EXTENSION_MARK: "*Not in iconik*",
    CONSTANT_MARK: "*Always the same*",
    "security": "*Without sign-in*",
}
"""What a key of an operation means, in words."""


def write_operations(service: str) -> str:
    """Return one table of the operations of a service, in the order of their paths."""
    rows = sorted(_operation_rows(service))
    return "\n".join(["| operation | answers | what it does |", "| --- | --- | --- |", *(row for _, row in rows)])


def _operation_rows(service: str) -> Iterator[tuple[tuple[str, int], str]]:
    for path, described in openapi_document()["paths"].items():
        for method, operation in described.items():
            if operation["tags"] == [service]:
                codes = ", ".join(sorted(code for code in operation["responses"] if code.startswith("2"))) or "403"
                marks = [text for mark, text in OPERATION_MARKS.items() if mark in operation]
                meaning = ". ".join([operation["summary"].replace("|", "\\|"), *marks])
                row = f"| `{method.upper()} {path.removeprefix('/API/')}` | {codes} | {meaning} |"
                yield (path, METHODS.index(method)), row


WRITTEN: Mapping[str, Callable[[], str]] = {
    "cli.md": write_commands,
    "metrics.md": write_metrics,
    **{f"api/{service}.md": partial(write_operations, service) for service in SERVICE_DESCRIPTIONS},
}
"""Pages with a written part, and what writes it."""


def fill_page(name: str) -> str:
    """Return a page with its written part as the code says now."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return PART.sub(lambda _: f"\n{WRITTEN[name]().strip()}\n\n", text)


def write_pages(folder: Path) -> None:
    """Write all pages into a folder."""
    for name in WRITTEN:
        (folder / name).write_text(fill_page(name), encoding="utf-8")


def write_stored_help() -> str:
    """Return the help of all commands, as it is shown without loading them."""
    context = click.Context(main, info_name="tapeless", **main.context_settings)
    return json.dumps(describe_command(main, context), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    write_pages(ROOT / "docs")
    HELP_FILE.write_text(write_stored_help(), encoding="utf-8")
