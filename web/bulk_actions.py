"""What is done with assets that were checked in the list: all of them or none, as the API does."""

from collections.abc import Callable, Sequence
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from models.access.acl import Permission
from models.catalog.approval import VoteStatus
from models.catalog.asset import ASSET_KIND
from models.catalog.collection import Collection
from models.core.base import parse_id
from services.approvals.votes import set_approvals
from services.catalog.assets.assets import find_asset, get_asset_for_update
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection
from services.core.errors import ValidationFailed
from services.core.text import pluralize
from services.grouping.manual import merge_manually
from services.metadata.change_set import FieldInput, WriteMode
from services.metadata.values import write_object_values
from services.objects.objects import get_object_for_update
from services.searching.query import reindex_objects
from web.asset_actions import asset_done, collection_of_form, list_picked_ids
from web.console import PageRoute, Visit
from web.sign_in_pages import local_path

BulkAction = Callable[[Visit, Sequence[UUID]], str | Response]


def approve_many(visit: Visit, ids: Sequence[UUID]) -> str:
    """Approve assets; where no approval was asked for, it is."""
    found = [get_object_for_update(visit.session, visit.actor, ASSET_KIND, one) for one in ids]
    set_approvals(visit.session, found, VoteStatus.APPROVED, visit.actor)
    return "approved"


def tag_many(visit: Visit, ids: Sequence[UUID]) -> str:
    """Add tags, which commas separate, to a field of assets."""
    tags = [tag for tag in (part.strip() for part in visit.form.get("tags", "").split(",")) if tag]
    field = visit.form.get("field", "")
    if not tags or not field:
        raise ValidationFailed("tags", "say which tags to add, separated by commas")
    for one in ids:
        found = get_object_for_update(visit.session, visit.actor, ASSET_KIND, one)
        write_object_values(visit.session, found, {field: FieldInput(tags, WriteMode.APPEND)}, visit.actor)
    return "tagged"


def collect_many(visit: Visit, ids: Sequence[UUID]) -> str:
    """Add assets to a collection."""
    collection = collection_of_form(visit)
    for one in ids:
        add_asset_to_collection(visit.session, collection, one, visit.actor)
    return "collected"


def share_many(visit: Visit, ids: Sequence[UUID]) -> Response:
    """Make a collection of assets, which one link shares, and go there."""
    title = " ".join(visit.form.get("share_title", "").split())[:200] or pluralize(len(ids), "asset")
    made = create_collection(visit.session, Collection(title=title), visit.actor)
    for one in ids:
        add_asset_to_collection(visit.session, made.id, one, visit.actor)
    return RedirectResponse(f"/collections/{made.id}?done=to-share#shares", 303)


def reindex_many(visit: Visit, ids: Sequence[UUID]) -> str:
    """Index assets again."""
    reindex_objects(
        visit.session, [find_asset(visit.session, visit.actor, one, Permission.WRITE).id for one in ids], ASSET_KIND
    )
    return "reindexed"


def merge_many(visit: Visit, ids: Sequence[UUID]) -> Response:
    """Merge assets into one of them; ask first which one it is."""
    survivor = parse_id(visit.form.get("survivor"))
    if len(ids) < 2:
        raise ValidationFailed("assets", "check at least two assets to merge")
    if survivor is None or survivor not in ids:
        assets = [find_asset(visit.session, visit.actor, one) for one in ids]
        return visit.page("console/merge.html", assets=assets)
    kept = get_asset_for_update(visit.session, visit.actor, survivor)
    others = [get_asset_for_update(visit.session, visit.actor, one).id for one in ids if one != survivor]
    return asset_done(merge_manually(visit.session, kept.id, others, visit.actor), "merged")


BULK_ACTIONS: dict[str, BulkAction] = {
    "approve": approve_many,
    "tag": tag_many,
    "collect": collect_many,
    "share": share_many,
    "reindex": reindex_many,
    "merge": merge_many,
}


def act_on_many(visit: Visit) -> Response:
    """Do what was chosen with the checked assets, and return to the list."""
    ids, act = list_picked_ids(visit, "pick."), BULK_ACTIONS.get(visit.form.get("do", ""))
    if act is None or not ids:
        raise ValidationFailed("assets", "check the assets first, then say what is to be done with them")
    done = act(visit, ids)
    if isinstance(done, Response):
        return done
    back = local_path(visit.form.get("back", ""))
    return RedirectResponse(f"{back}{'&' if '?' in back else '?'}done={done}", 303)


BULK_ROUTES = (PageRoute("POST", "/assets/actions", act_on_many),)
