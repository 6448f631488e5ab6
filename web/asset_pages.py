"""One asset in the console: player, formats, values, comments, approval, shares and history, and what can be done."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import RedirectResponse, Response

from models.access.acl import Permission, ShareRight
from models.catalog.approval import VoteStatus
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.segment import SegmentType
from models.core.base import parse_id
from models.queues.job import TRANSCODE_TASK
from services.access.permissions import effective_permissions
from services.approvals.requests import ApprovalSpec, request_approval
from services.approvals.votes import MAX_REASON_CHARACTERS, cast_vote
from services.catalog.assets.assets import find_asset, update_asset
from services.catalog.segments.segments import SEGMENT_START, NewSegment, add_segments
from services.core.errors import NotFound, ValidationFailed
from services.metadata.values import list_object_values
from services.objects.objects import find_object, get_object_for_update
from services.shares.links import build_share_link
from services.shares.recipients import hand_out_links, load_recipients
from services.shares.shares import ShareInput, create_share, find_share, require_share_owner, revoke_share
from services.viewing.assets import MediaFacts, load_shown_formats
from services.viewing.comments import export_caption_track, load_comments
from services.viewing.tree import (
    list_holding_collections,
    list_running_shares,
    load_approval_board,
    load_format_tree,
    load_recent_history,
)
from web.console import PageRoute, Visit
from web.pages import PAGE_HEADERS
from web.player import SignedUrls, load_clip_clock, load_player
from web.share_pages import MAX_COMMENT_CHARACTERS

MAX_SHARE_DAYS = 365


def asset_of(visit: Visit) -> Asset:
    """Return the asset of the address."""
    return find_asset(visit.session, visit.actor, visit.request.path_params["asset_id"])


def show_asset(visit: Visit) -> Response:
    """Show an asset that the user reads."""
    return show_asset_page(visit)


def show_asset_page(visit: Visit, links: tuple[str, ...] = ()) -> Response:
    """Show the page of the asset: after sharing with links that are shown once."""
    asset = asset_of(visit)
    may = effective_permissions(visit.session, visit.actor, ASSET_KIND, asset.id)
    urls = SignedUrls(visit.key, visit.signed_in.token_id)
    formats = load_shown_formats(visit.session, visit.actor, asset, visit.number("files"))
    media = next((one.media for one in formats if not one.is_rendition), MediaFacts())
    here = f"/assets/{asset.id}"
    player = load_player(visit.session, visit.actor, asset, urls, asset.title, media, f"{here}/captions")
    if player.wait is not None and player.wait.is_new:
        visit.notify(TRANSCODE_TASK, [player.wait.job_id])
    comments, part = load_comments(visit.session, visit.actor, asset.id, visit.number("comments"))
    return visit.page(
        "console/asset.html",
        asset=asset,
        here=here,
        may_write=Permission.WRITE in may,
        may_share=Permission.CHANGE_ACL in may,
        media=media,
        player=player,
        downloads={one.id: _download_url(urls, asset, one) for one in formats},
        tree=load_format_tree(visit.session, asset),
        values=[(one.name, ", ".join(map(str, one.values))) for one in list_object_values(visit.session, asset.id)],
        comments=comments,
        comments_part=part,
        reply=parse_id(visit.query("reply")),
        board=load_approval_board(visit.session, visit.actor, asset, may_write=Permission.WRITE in may),
        shares=_list_shares(visit, asset) if Permission.CHANGE_ACL in may else [],
        collections=list_holding_collections(visit.session, visit.actor, asset),
        history=load_recent_history(visit.session, asset),
        links=links,
    )


def _download_url(urls: SignedUrls, asset: Asset, one: Any) -> str | None:
    if not one.is_stored:
        return None
    return urls.archive(asset.id, one.id) if one.count > 1 else urls.file(asset.id, one.files[0].id)


def _list_shares(visit: Visit, asset: Asset) -> list[tuple[Any, list[str], str | None]]:
    """Return shares with their recipients, and the link of those for everyone."""
    shares = list_running_shares(visit.session, asset)
    users = load_recipients(visit.session, [share.id for share in shares])
    return [
        (
            share,
            [user.email for user in users[share.id] if user.email],
            _link(visit, users[share.id][0]) if share.has_url and users[share.id] else None,
        )
        for share in shares
        if share.expires > datetime.now(UTC)
    ]


def _link(visit: Visit, user: Any) -> str:
    base = (visit.context.outside.public_url or str(visit.request.base_url)).rstrip("/")
    return build_share_link(visit.key, base, user.id, user.generation)


def back_to(visit: Visit, asset: Asset, part: str) -> Response:
    """Redirect to a part of the asset's page."""
    return RedirectResponse(f"/assets/{asset.id}#{part}", 303)


def send_track(visit: Visit) -> Response:
    """Send captions of an asset to its player."""
    asset = asset_of(visit)
    content = export_caption_track(visit.session, visit.actor, asset.id, visit.request.path_params["track_id"])
    return Response(content, media_type="text/vtt", headers=PAGE_HEADERS)


def rename_asset(visit: Visit) -> Response:
    """Set the title of an asset."""
    title = " ".join(visit.form.get("title", "").split())
    if not title:
        raise ValidationFailed("title", "an asset needs a title")
    return back_to(visit, update_asset(visit.session, asset_of(visit).id, {"title": title}, visit.actor), "main")


def say_comment(visit: Visit) -> Response:
    """Add a comment, at a time of the clip or in reply to another."""
    asset, text = asset_of(visit), visit.form.get("text", "").strip()[:MAX_COMMENT_CHARACTERS]
    answered, at, start = parse_id(visit.form.get("reply")), visit.form.get("at", ""), None
    if at.strip() and answered is None:
        try:
            start = load_clip_clock(visit.session, visit.actor, asset).read(at)
        except ValueError as wrong:
            raise ValidationFailed("at", str(wrong)) from None
    if text:
        said = NewSegment(SegmentType.COMMENT, {"segment_text": text, SEGMENT_START: start}, {}, answered)
        add_segments(visit.session, visit.actor, asset.id, [said])
    return back_to(visit, asset, "comments")


def ask_approval(visit: Visit) -> Response:
    """Request approval: of the people whose addresses are given, else of all who may write the asset."""
    emails = visit.form.get("emails", "").replace(",", " ").split()
    found = get_object_for_update(visit.session, visit.actor, ASSET_KIND, asset_of(visit).id)
    request_approval(visit.session, found, ApprovalSpec(externals=emails), visit.actor)
    return back_to(visit, asset_of(visit), "approval")


def vote_asset(visit: Visit) -> Response:
    """Set the user's vote."""
    word, reason = visit.form.get("vote", ""), visit.form.get("reason", "").strip()[:MAX_REASON_CHARACTERS]
    if word not in tuple(VoteStatus):
        raise ValidationFailed("vote", "approve or reject it")
    asset = asset_of(visit)
    found = find_object(visit.session, visit.actor, ASSET_KIND, asset.id)
    cast_vote(visit.session, found, VoteStatus(word), visit.actor, reason)
    return back_to(visit, asset, "approval")


def share_asset(visit: Visit) -> Response:
    """Share an asset: by one link, or by one for each address; links that are not mailed are shown once."""
    asset, emails = asset_of(visit), visit.form.get("emails", "").replace(",", " ").split()
    days = visit.form.get("days", "7")
    if not (days.isascii() and days.isdigit() and 0 < int(days) <= MAX_SHARE_DAYS):
        raise ValidationFailed("days", f"a share ends within {MAX_SHARE_DAYS} days")
    allowed = [right.value for right in ShareRight if visit.form.get(right.value)]
    new = ShareInput(
        allows=frozenset(allowed),
        message=visit.form.get("message", "")[:MAX_COMMENT_CHARACTERS],
        emails=emails,
        has_url=not emails,
        expires=datetime.now(UTC) + timedelta(days=int(days)),
    )
    share = create_share(visit.session, visit.actor, ASSET_KIND, asset.id, new)
    if not emails:
        return back_to(visit, asset, "shares")
    users = load_recipients(visit.session, [share.id])[share.id]
    found = find_object(visit.session, visit.actor, ASSET_KIND, asset.id)
    shown = hand_out_links(visit.session, visit.context.outside, found, users, visit.actor, visit.notify)
    if not shown:
        return back_to(visit, asset, "shares")
    return show_asset_page(visit, links=tuple(f"{one.email}: {_link(visit, one)}" for one in users if one.id in shown))


def end_share(visit: Visit) -> Response:
    """End a share at once."""
    share_id = parse_id(visit.form.get("share"))
    if share_id is None:
        raise NotFound("share", visit.form.get("share", ""))
    asset = asset_of(visit)
    found, share = find_share(visit.session, visit.actor, ASSET_KIND, asset.id, share_id)
    require_share_owner(visit.session, visit.actor, share, found)
    revoke_share(visit.session, found, share, visit.actor)
    return back_to(visit, asset, "shares")


ASSET_PATH = "/assets/{asset_id:uuid}"
ASSET_ROUTES = (
    PageRoute("GET", ASSET_PATH, show_asset),
    PageRoute("GET", f"{ASSET_PATH}/captions/{{track_id:uuid}}", send_track),
    PageRoute("POST", f"{ASSET_PATH}/title", rename_asset),
    PageRoute("POST", f"{ASSET_PATH}/comments", say_comment),
    PageRoute("POST", f"{ASSET_PATH}/approval", ask_approval),
    PageRoute("POST", f"{ASSET_PATH}/votes", vote_asset),
    PageRoute("POST", f"{ASSET_PATH}/shares", share_asset),
    PageRoute("POST", f"{ASSET_PATH}/shares/end", end_share),
)
