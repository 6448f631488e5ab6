"""Work and explanations, for administrators: what waits, runs and failed, why a file is where it is, and whether a
folder is whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from media.evidence.verdict import Answer, Level
from models.core.sessions import transact
from models.core.system_sample import SystemSample
from services.core.errors import ValidationFailed, require_administrator, require_known
from services.jobs.actions import JobAction, apply_job_action
from services.operations.backlog import (
    BACKLOG_SWEEP_TASK,
    discard_backlog_item,
    list_backlog,
    retry_all_dead_letters,
    retry_backlog_item,
)
from services.operations.explain import explain_path, parse_asked_path
from services.operations.explain_progress import explain_indexed_document, read_asset_mark
from services.operations.samples import SAMPLE_INTERVAL_SECONDS, list_samples
from services.readiness.ready import ReadyAnswer, ReadyQuestion, ask_ready, resolve_asked_path
from services.readiness.report import build_ready_report
from services.readiness.sign_off import sign_off_report
from web.asset_actions import require_form_id
from web.console import PageRoute, Visit
from web.words import describe_duration

MAX_SHOWN_WORK = 100
ANSWER_KINDS = {Answer.PROVEN.value: "good", Answer.REFUTED.value: "bad", Answer.NOT_PROVABLE.value: "warn"}
MAX_SHOWN_FINDINGS = 50
SEE_READY_PAGE = "see whether a folder is whole"
WORK_STATES = {
    "PARKED": ("gave up", "bad"),
    "FAILED": ("failed", "bad"),
    "STARTED": ("runs", ""),
    "READY": ("waits", ""),
    "WAITING": ("waits", ""),
    "PAUSED": ("paused", "warn"),
    "ABORT_PENDING": ("is stopped", "warn"),
}
"""Words and colours of states; others are shown as they are."""
RETRIED_STATES = frozenset({"PARKED", "FAILED"})
JOB_BUTTONS: dict[str, dict[JobAction, str]] = {
    "READY": {JobAction.PAUSE: "Pause", JobAction.ABORT: "Stop"},
    "STARTED": {JobAction.PAUSE: "Pause", JobAction.ABORT: "Stop"},
    "PAUSED": {JobAction.RESUME: "Resume", JobAction.ABORT: "Stop"},
}
"""What can be done with a job in a state. Ended ones are retried or discarded, as other work is."""


PLOT_WIDTH, PLOT_HEIGHT, PLOTTED_SECONDS = 1_000, 100, 86_400
MAX_PLOTTED_GAP_SECONDS = 3 * SAMPLE_INTERVAL_SECONDS
"""A line is not drawn over a longer time without a sample."""


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A quantity over the last day: what it is now and at most, and its runs as points of a drawing."""

    label: str
    now: str
    most: str
    runs: list[str]


def plot_samples(samples: Sequence[SystemSample], now: datetime) -> list[PlotLine]:
    """Draw files, waiting work and the lag of the index; each line has a scale of its own, from zero."""
    return [
        _plot_line("Files", samples, now, lambda one: one.files, lambda value: f"{value:,.0f}"),
        _plot_line("Waiting work", samples, now, lambda one: one.queued, lambda value: f"{value:,.0f}"),
        _plot_line("Index lag", samples, now, lambda one: one.index_lag_seconds, _describe_seconds),
    ]


def _describe_seconds(value: float) -> str:
    return describe_duration(round(value * 1000)) if value else "none"


def _plot_line(
    label: str,
    samples: Sequence[SystemSample],
    now: datetime,
    read: Callable[[SystemSample], float],
    say: Callable[[float], str],
) -> PlotLine:
    most = max(map(read, samples), default=0)
    runs: list[list[str]] = []
    before: datetime | None = None
    for one in samples:
        x = PLOT_WIDTH * (1 - (now - one.sampled_at).total_seconds() / PLOTTED_SECONDS)
        y = PLOT_HEIGHT * (1 - read(one) / (most or 1))
        if before is None or (one.sampled_at - before).total_seconds() > MAX_PLOTTED_GAP_SECONDS:
            runs.append([])
        runs[-1].append(f"{max(0, x):.1f},{y:.1f}")
        before = one.sampled_at
    latest = say(read(samples[-1])) if samples else "not known yet"
    # A line of one point is drawn as a dot.
    return PlotLine(label, latest, say(most), [" ".join(run if len(run) > 1 else run * 2) for run in runs])


def show_work(visit: Visit) -> Response:
    """List unfinished jobs, what waits in each queue, and what failed."""
    require_administrator(visit.actor, "see the work of all users")
    found = list_backlog(visit.session)
    # What failed first: it waits for someone.
    ordered = sorted(found, key=lambda item: item.state not in RETRIED_STATES)
    return visit.page(
        "console/work.html",
        items=ordered[:MAX_SHOWN_WORK],
        others=max(0, len(ordered) - MAX_SHOWN_WORK),
        failed=sum(1 for item in found if item.state in RETRIED_STATES),
        states=WORK_STATES,
        plot=plot_samples(list_samples(visit.session), datetime.now(UTC)),
        flower=visit.context.flower_url,
        retried=RETRIED_STATES,
        buttons=JOB_BUTTONS,
    )


def retry_work(visit: Visit) -> Response:
    """Retry one item, or all dead letters."""
    require_administrator(visit.actor, "retry work")
    key = visit.form.get("key", "")
    if key:
        retry_backlog_item(visit.session, key)
    else:
        retry_all_dead_letters(visit.session)
    visit.notify(BACKLOG_SWEEP_TASK, ())
    return RedirectResponse("/work", 303)


def change_job(visit: Visit) -> Response:
    """Pause, resume or stop a job."""
    require_administrator(visit.actor, "pause and stop the work of all users")
    word, key = visit.form.get("action", ""), require_form_id(visit, "key", "job")
    require_known("action", word, [action for shown in JOB_BUTTONS.values() for action in shown], "is no action")
    for job in apply_job_action(visit.session, [key], JobAction(word), visit.actor):
        visit.start_job(job)
    return RedirectResponse("/work", 303)


def discard_work(visit: Visit) -> Response:
    """End an item for good, with a reason."""
    require_administrator(visit.actor, "discard work")
    reason = visit.form.get("reason", "").strip()[:1000]
    if not reason:
        raise ValidationFailed("reason", "say why it is discarded; the audit log keeps it")
    discard_backlog_item(visit.session, visit.form.get("key", ""), reason, visit.actor)
    return RedirectResponse("/work", 303)


def show_explanation(visit: Visit) -> Response:
    """Explain the state of a path and why."""
    require_administrator(visit.actor, "see the work of all users")
    path, said = visit.query("path").strip(), None
    error = None
    if path:
        sessions = visit.context.sessions
        try:
            asked = parse_asked_path(path)
        except ValidationFailed as wrong:
            error = str(wrong)
        else:
            said = transact(sessions, lambda session: explain_path(session, asked))
            if said.asset_id is not None:
                asset_id = UUID(said.asset_id)
                marked = transact(sessions, lambda session: read_asset_mark(session, asset_id))
                said.lines.append(explain_indexed_document(visit.context.engine, marked, asset_id))
    return visit.page("console/explain.html", 400 if error else 200, path=path, said=said, error=error)


def _ask(visit: Visit, path: str, level: str) -> tuple[ReadyAnswer, dict[str, Any]]:
    require_known("level", level, [one.value for one in Level], "is no level")
    question = ReadyQuestion(resolve_asked_path(parse_asked_path(path)), Level(level))
    answer = ask_ready(visit.context.sessions, question)
    return answer, build_ready_report(answer, visit.actor.name)


def show_ready(visit: Visit) -> Response:
    """Answer whether a folder is whole, from rows and its indexes; no media is read for it."""
    require_administrator(visit.actor, SEE_READY_PAGE)
    path, level = visit.query("path").strip(), visit.query("level") or Level.COMPLETE.value
    report, error = None, None
    if path:
        try:
            report = _ask(visit, path, level)[1]
        except ValidationFailed as wrong:
            error = str(wrong)
    return visit.page(
        "console/ready.html",
        400 if error else 200,
        path=path,
        level=level,
        levels=[one.value for one in Level],
        report=report,
        error=error,
        kinds=ANSWER_KINDS,
        most=MAX_SHOWN_FINDINGS,
    )


def sign_ready(visit: Visit) -> Response:
    """Sign off the answer as it is now, and show it in the history of the assets."""
    require_administrator(visit.actor, SEE_READY_PAGE)
    path, level = visit.form.get("path", ""), visit.form.get("level", "")
    answer, report = _ask(visit, path, level)
    sign_off_report(visit.session, answer, report, visit.actor)
    return RedirectResponse(f"/whole?{urlencode({'path': path, 'level': level})}", 303)


WORK_ROUTES = (
    PageRoute("GET", "/work", show_work),
    PageRoute("POST", "/work/retry", retry_work),
    PageRoute("POST", "/work/discard", discard_work),
    PageRoute("POST", "/work/jobs", change_job),
    PageRoute("GET", "/explain", show_explanation, is_search=True),
    PageRoute("GET", "/whole", show_ready, is_search=True),
    PageRoute("POST", "/whole", sign_ready),
)
