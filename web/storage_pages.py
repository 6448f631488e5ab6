"""Storages in the console, for administrators: counters, what cannot be read, deletions to confirm, and settings with a
dry run that shows what would change."""

import json
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from grouping import Profile
from models.catalog.storage import Storage, StorageSettings, StorageStatus
from models.core.paths import display_path
from models.core.sessions import transact
from services.core.errors import NotFound, ValidationFailed, require_administrator
from services.grouping.diff import GroupingDiff, summarize_difference
from services.grouping.previews import preview_profile
from services.grouping.regroup import parse_profile, set_storage_profile
from services.operations.status import describe_storage_trouble, read_status
from services.storages.api_changes import (
    StorageSpec,
    create_storage,
    get_storage_by_id,
    merge_storage_settings,
    pause_storage,
    set_storage_settings,
)
from services.storages.removal import count_forgettable, remove_storage
from services.storages.storages import confirm_deletions, request_scan
from services.viewing.storages import (
    IgnorePreview,
    StorageCounts,
    list_present_storages,
    list_storage_counts,
    list_unreadable_paths,
    list_unsettled_files,
    preview_ignore_patterns,
)
from web.console import PageRoute, Visit

STORAGE_PATH = "/storages/{storage_id:uuid}"
MAX_SHOWN_DIFFERENCES = 100
NO_COUNTS = StorageCounts(0, 0, 0)
TO_CONFIRM, CONFIRMING_COMMAND = ". If ", "tapeless storage confirm-deletions"
"""Where the words about a trouble go on to the command of a terminal, for which the page has a button."""


def storage_of(visit: Visit, session: Session) -> Storage:
    """Return the storage of the address, to an administrator."""
    require_administrator(visit.actor, "see and change storages")
    storage = get_storage_by_id(session, visit.request.path_params["storage_id"])
    if storage.removed_at is not None:
        raise NotFound("storage", storage.id)
    return storage


def back_to_storage(storage: Storage, word: str) -> Response:
    """Redirect to a storage's page, which says what was done."""
    return RedirectResponse(f"/storages/{storage.id}?done={word}", 303)


def show_storages(visit: Visit) -> Response:
    """List the storages with the state of each, and count what the system does."""
    require_administrator(visit.actor, "see and change storages")
    status = read_status(visit.session)
    counts = list_storage_counts(visit.session)
    states = {one.name: one for one in status.storages}
    rows = [
        (row, states[row.name], counts.get(row.id, NO_COUNTS))
        for row in list_present_storages(visit.session)
        if row.name in states
    ]
    return visit.page("console/storages.html", system=status, rows=rows, roots=visit.context.storage_roots)


def add_one_storage(visit: Visit) -> Response:
    """Watch a folder from now on."""
    folder, name = visit.form.get("folder", "").strip(), " ".join(visit.form.get("name", "").split())
    wish = StorageSpec(name or None, settings={"mount_point": folder})
    return back_to_storage(create_storage(visit.session, wish, visit.context.storage_roots, visit.actor), "made")


def show_storage(visit: Visit) -> Response:
    """Show a storage."""
    return visit.page("console/storage.html", **load_storage_page(visit, visit.session))


def load_storage_page(visit: Visit, session: Session) -> dict[str, Any]:
    """Load what the page of a storage shows."""
    storage = storage_of(visit, session)
    settings = StorageSettings.model_validate(storage.settings)
    trouble = describe_storage_trouble(storage) or ""
    return {
        "storage": storage,
        "root": display_path(storage.absolute_root),
        "message": trouble.partition(TO_CONFIRM)[0],
        "may_confirm": CONFIRMING_COMMAND in trouble,
        "here": f"/storages/{storage.id}",
        "counts": list_storage_counts(session).get(storage.id, NO_COUNTS),
        "growing": list_unsettled_files(session, storage),
        "unreadable": list_unreadable_paths(session, storage),
        "forgettable": count_forgettable(session, storage),
        "is_paused": storage.status is StorageStatus.INACTIVE,
        "patterns": "\n".join(settings.scan_ignore),
        "profile": json.dumps(storage.profile, indent=2, ensure_ascii=False),
        "ignored": None,
        "difference": None,
        "summary": "",
    }


def scan_storage(visit: Visit) -> Response:
    """Request a scan."""
    storage = storage_of(visit, visit.session)
    request_scan(visit.session, [storage])
    return back_to_storage(storage, "scan")


def pause_one_storage(visit: Visit) -> Response:
    """Pause a storage, or resume it."""
    storage, is_paused = storage_of(visit, visit.session), visit.form.get("pause") == "1"
    pause_storage(visit.session, storage, visit.actor, is_paused=is_paused)
    return back_to_storage(storage, "paused" if is_paused else "resumed")


def confirm_storage_deletions(visit: Visit) -> Response:
    """Confirm that what is missing was deleted, so that the catalog follows."""
    storage = storage_of(visit, visit.session)
    confirm_deletions(visit.session, storage)
    return back_to_storage(storage, "confirmed")


def end_storage(visit: Visit) -> Response:
    """Remove a storage: its assets stay, offline, or are forgotten."""
    storage, wish = storage_of(visit, visit.session), visit.form.get("assets", "")
    if wish not in ("keep", "forget"):
        raise ValidationFailed("assets", "say whether its assets stay, offline, or are forgotten")
    job = remove_storage(visit.session, storage, visit.actor, forget=wish == "forget")
    if job is not None:
        visit.start_job(job)
    return RedirectResponse("/storages?done=removed", 303)


def parse_patterns(text: str) -> list[str]:
    """Return the ignore patterns of a text, one a line."""
    return [line for line in (part.strip() for part in text.splitlines()) if line]


def preview_patterns(visit: Visit) -> Response:
    """Show which files other ignore patterns would hide."""
    page = load_storage_page(visit, visit.session)
    storage, patterns = storage_of(visit, visit.session), parse_patterns(visit.query("patterns"))
    settings = merge_storage_settings({"scan_ignore": patterns}, storage)
    hidden = Profile.model_validate(storage.profile).hidden
    found: IgnorePreview = preview_ignore_patterns(visit.session, storage, settings.scan_ignore, hidden)
    return visit.page("console/storage.html", **page | {"patterns": "\n".join(patterns), "ignored": found})


def set_patterns(visit: Visit) -> Response:
    """Set the ignore patterns of a storage."""
    storage = storage_of(visit, visit.session)
    settings = merge_storage_settings({"scan_ignore": parse_patterns(visit.form.get("patterns", ""))}, storage)
    if set_storage_settings(visit.session, storage, settings, visit.actor):
        request_scan(visit.session, [storage])
    return back_to_storage(storage, "renamed")


def read_profile(text: str) -> Profile:
    """Return the grouping profile of a text in JSON."""
    try:
        values = json.loads(text or "{}")
    except (ValueError, RecursionError) as wrong:
        raise ValidationFailed("profile", f"profile: is no JSON object ({wrong})") from None
    if not isinstance(values, dict):
        raise ValidationFailed("profile", 'profile: write a JSON object, such as {"min_frames": 3}')
    return parse_profile(values)


def preview_storage_profile(visit: Visit) -> Response:
    """Show how another profile would group the files of a storage. No transaction is open while it is worked out."""
    sessions, text = visit.context.sessions, visit.query("profile")
    page = transact(sessions, lambda session: load_storage_page(visit, session))
    profile = read_profile(text)
    difference: GroupingDiff = preview_profile(sessions, visit.request.path_params["storage_id"], profile)
    shown = {
        "profile": text,
        "difference": difference.changes[:MAX_SHOWN_DIFFERENCES],
        "summary": summarize_difference(difference),
    }
    return visit.page("console/storage.html", **page | shown)


def set_profile(visit: Visit) -> Response:
    """Set the profile of a storage, and group its files again by it."""
    storage = storage_of(visit, visit.session)
    profile = read_profile(visit.form.get("profile", ""))
    job = set_storage_profile(visit.session, storage, profile, visit.actor)
    if job is not None:
        visit.start_job(job)
    return back_to_storage(storage, "regroup" if job is not None else "same-profile")


STORAGE_ROUTES = (
    PageRoute("GET", "/storages", show_storages),
    PageRoute("POST", "/storages", add_one_storage),
    PageRoute("GET", STORAGE_PATH, show_storage),
    PageRoute("POST", f"{STORAGE_PATH}/scan", scan_storage),
    PageRoute("POST", f"{STORAGE_PATH}/pause", pause_one_storage),
    PageRoute("POST", f"{STORAGE_PATH}/confirm", confirm_storage_deletions),
    PageRoute("GET", f"{STORAGE_PATH}/patterns", preview_patterns),
    PageRoute("POST", f"{STORAGE_PATH}/patterns", set_patterns),
    PageRoute("GET", f"{STORAGE_PATH}/profile", preview_storage_profile, is_search=True),
    PageRoute("POST", f"{STORAGE_PATH}/profile", set_profile),
    PageRoute("POST", f"{STORAGE_PATH}/remove", end_storage),
)
