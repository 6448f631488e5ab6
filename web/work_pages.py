"""Work and explanations, for administrators: what waits, runs and failed, and why a file is where it is."""

from uuid import UUID

from starlette.responses import RedirectResponse, Response

from models.core.sessions import transact
from services.core.errors import ValidationFailed, require_administrator
from services.operations.backlog import (
    BACKLOG_SWEEP_TASK,
    discard_backlog_item,
    list_backlog,
    retry_all_dead_letters,
    retry_backlog_item,
)
from services.operations.explain import explain_path, parse_asked_path
from services.operations.explain_progress import explain_indexed_document, read_asset_mark
from web.console import PageRoute, Visit

MAX_SHOWN_WORK = 100
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


def show_work(visit: Visit) -> Response:
    """List unfinished jobs, what waits in each queue, and what failed."""
    require_administrator(visit.actor, "see the work of all")
    found = list_backlog(visit.session)
    # What failed first: it waits for someone.
    ordered = sorted(found, key=lambda item: item.state not in RETRIED_STATES)
    return visit.page(
        "console/work.html",
        items=ordered[:MAX_SHOWN_WORK],
        others=max(0, len(ordered) - MAX_SHOWN_WORK),
        failed=sum(1 for item in found if item.state in RETRIED_STATES),
        states=WORK_STATES,
        retried=RETRIED_STATES,
    )


def retry_work(visit: Visit) -> Response:
    """Retry one item, or all dead letters."""
    require_administrator(visit.actor, "have work tried again")
    key = visit.form.get("key", "")
    if key:
        retry_backlog_item(visit.session, key)
    else:
        retry_all_dead_letters(visit.session)
    visit.notify(BACKLOG_SWEEP_TASK, ())
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
    require_administrator(visit.actor, "see the work of all")
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


WORK_ROUTES = (
    PageRoute("GET", "/work", show_work),
    PageRoute("POST", "/work/retry", retry_work),
    PageRoute("POST", "/work/discard", discard_work),
    PageRoute("GET", "/explain", show_explanation, is_search=True),
)
