"""One asset in the console: player, formats, values, comments, approval, shares and history, and what can be done."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.responses import RedirectResponse, Response

from models.access.acl import Permission
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
from services.grouping.manual import MANUAL_ACT
from services.metadata.values import write_object_values
from services.objects.objects import find_object, get_object_for_update
from services.viewing.assets import MediaFacts, load_shown_formats
from services.viewing.comments import export_caption_track, load_comments
from services.viewing.metadata import load_form_fields
from services.viewing.related import (
    list_holding_collections,
    list_related_assets,
    list_relation_types,
    list_writable_collections,
)
from services.viewing.tree import load_approval_board, load_format_tree, load_recent_history
from web.console import PageRoute, Visit
from web.metadata_card import load_metadata_card
from web.pages import FIELD_PREFIX, PAGE_HEADERS
from web.player import SignedUrls, load_clip_clock, load_player
from web.share_pages import MAX_COMMENT_CHARACTERS
from web.sharing import end_object_share, list_shown_shares, share_object


def asset_of(visit: Visit) -> Asset:
    """Return the asset of the address."""
    return find_asset(visit.session, visit.actor, visit.request.path_params["asset_id"])


def show_asset(visit: Visit) -> Response:
    """Show an asset that the user reads."""
    return show_asset_page(visit)


def show_asset_page(
    visit: Visit, links: tuple[str, ...] = (), errors: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """Show the page of the asset: after sharing with links that are shown once, after metadata with what is wrong."""
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
    history = load_recent_history(visit.session, asset)
    return visit.page(
        "console/asset.html",
        400 if errors else 200,
        **load_metadata_card(visit, asset, may, errors),
        asset=asset,
        here=here,
        may_write=Permission.WRITE in may,
        may_share=Permission.CHANGE_ACL in may,
        media=media,
        player=player,
        downloads={one.id: _download_url(urls, asset, one) for one in formats},
        tree=load_format_tree(visit.session, asset),
        comments=comments,
        comments_part=part,
        reply=parse_id(visit.query("reply")),
        board=load_approval_board(visit.session, visit.actor, asset, may_write=Permission.WRITE in may),
        shares=list_shown_shares(visit, ASSET_KIND, asset.id) if Permission.CHANGE_ACL in may else [],
        collections=list_holding_collections(visit.session, visit.actor, asset),
        writable=[] if visit.actor.only_browses else list_writable_collections(visit.session, visit.actor),
        related=list_related_assets(visit.session, visit.actor, asset),
        relation_types=list_relation_types(visit.session) if Permission.WRITE in may else [],
        profiles=sorted(visit.context.transcode_profiles),
        history=history,
        may_undo=bool(
            {one.details.get(MANUAL_ACT) for one in history} - {one.details.get("undid") for one in history} - {None}
        ),
        links=links,
    )


def _download_url(urls: SignedUrls, asset: Asset, one: Any) -> str | None:
    if not one.is_stored:
        return None
    return urls.archive(asset.id, one.id) if one.count > 1 else urls.file(asset.id, one.files[0].id)


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


def write_metadata(visit: Visit) -> Response:
    """Write the values that were typed; all or none."""
    view_id = parse_id(visit.form.get("view"))
    if view_id is None:
        raise NotFound("metadata view", visit.form.get("view", ""))
    found = get_object_for_update(visit.session, visit.actor, ASSET_KIND, asset_of(visit).id)
    fields, _ = load_form_fields(visit.session, visit.actor, found.id, view_id)
    sent = {
        field.rule.name: text.splitlines() if field.rule.multi else [text.replace("\r\n", "\n")]
        for field in fields
        if not field.rule.read_only and (text := visit.form.get(FIELD_PREFIX + field.rule.name)) is not None
    }
    try:
        write_object_values(visit.session, found, sent, visit.actor, view_id=view_id)
    except ValidationFailed as wrong:
        return show_asset_page(visit, errors=wrong.errors)
    return RedirectResponse(f"/assets/{found.id}?view={view_id}#metadata", 303)


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


def read_vote(visit: Visit) -> tuple[VoteStatus, str]:
    """Return the vote of a form, and its reason."""
    word, reason = visit.form.get("vote", ""), visit.form.get("reason", "").strip()[:MAX_REASON_CHARACTERS]
    if word not in tuple(VoteStatus):
        raise ValidationFailed("vote", "approve or reject it")
    return VoteStatus(word), reason


def vote_asset(visit: Visit) -> Response:
    """Set the user's vote."""
    vote, reason = read_vote(visit)
    asset = asset_of(visit)
    found = find_object(visit.session, visit.actor, ASSET_KIND, asset.id)
    cast_vote(visit.session, found, vote, visit.actor, reason)
    return back_to(visit, asset, "approval")


def share_asset(visit: Visit) -> Response:
    """Share an asset; links that are not mailed are shown once."""
    asset = asset_of(visit)
    links = share_object(visit, ASSET_KIND, asset.id)
    return show_asset_page(visit, links) if links else back_to(visit, asset, "shares")


def end_share(visit: Visit) -> Response:
    """End a share of an asset."""
    asset = asset_of(visit)
    end_object_share(visit, ASSET_KIND, asset.id)
    return back_to(visit, asset, "shares")


ASSET_PATH = "/assets/{asset_id:uuid}"
ASSET_ROUTES = (
    PageRoute("GET", ASSET_PATH, show_asset),
    PageRoute("GET", f"{ASSET_PATH}/captions/{{track_id:uuid}}", send_track),
    PageRoute("POST", f"{ASSET_PATH}/title", rename_asset),
    PageRoute("POST", f"{ASSET_PATH}/metadata", write_metadata),
    PageRoute("POST", f"{ASSET_PATH}/comments", say_comment),
    PageRoute("POST", f"{ASSET_PATH}/approval", ask_approval),
    PageRoute("POST", f"{ASSET_PATH}/votes", vote_asset),
    PageRoute("POST", f"{ASSET_PATH}/shares", share_asset),
    PageRoute("POST", f"{ASSET_PATH}/shares/end", end_share),
)
