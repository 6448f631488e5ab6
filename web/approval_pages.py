"""Approvals that wait for the user, with the votes beside them."""

from starlette.responses import RedirectResponse, Response

from models.catalog.asset import ASSET_KIND
from services.approvals.requests import require_approvable
from services.approvals.votes import cast_vote
from services.downloads.previews import load_keyframes
from services.objects.objects import find_object
from services.viewing.inbox import load_approval_inbox
from web.asset_actions import require_form_id
from web.asset_pages import read_vote
from web.console import PageRoute, Visit
from web.player import SignedUrls
from web.search_pages import smallest_picture


def show_inbox(visit: Visit) -> Response:
    """List what waits for the user's vote, and what it asked others for."""
    inbox = load_approval_inbox(visit.session, visit.actor, visit.number("waiting"))
    pictures = load_keyframes(visit.session, visit.actor, [row.id for row in inbox.waiting if row.kind == ASSET_KIND])
    urls = SignedUrls(visit.key, visit.signed_in.token_id)
    small = {key: smallest_picture(some) for key, some in pictures.items()}
    return visit.page(
        "console/approvals.html",
        inbox=inbox,
        pictures={key: urls.picture(one) for key, one in small.items() if one is not None},
    )


def vote_in_inbox(visit: Visit) -> Response:
    """Set the user's vote on an asset or a collection."""
    kind, key = visit.form.get("kind", ""), require_form_id(visit, "object", "object")
    require_approvable(kind)
    vote, reason = read_vote(visit)
    cast_vote(visit.session, find_object(visit.session, visit.actor, kind, key), vote, visit.actor, reason)
    return RedirectResponse("/approvals?done=voted", 303)


APPROVAL_ROUTES = (
    PageRoute("GET", "/approvals", show_inbox),
    PageRoute("POST", "/approvals", vote_in_inbox),
)
