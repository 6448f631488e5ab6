"""Collections in the console: the tree, and one of them with its contents and shares."""

from starlette.responses import RedirectResponse, Response

from models.access.acl import Permission
from models.catalog.asset import ASSET_KIND
from models.catalog.collection import COLLECTION_KIND, Collection
from models.core.base import parse_id
from services.access.permissions import effective_permissions
from services.catalog.collections.collections import create_collection, find_collection, update_collection
from services.catalog.collections.contents import remove_asset_from_collection
from services.catalog.collections.tree import (
    delete_collection,
    move_collection,
    readable_ancestors,
    request_bulk_delete,
)
from services.core.errors import ValidationFailed
from services.downloads.previews import load_keyframes
from services.viewing.collections import load_collection_tree
from services.viewing.related import list_writable_collections
from services.viewing.shares import list_shared_contents
from web.asset_actions import list_picked_ids
from web.console import PageRoute, Visit
from web.player import SignedUrls
from web.search_pages import smallest_picture
from web.sharing import end_object_share, list_shown_shares, share_object

COLLECTION_PATH = "/collections/{collection_id:uuid}"


def collection_of(visit: Visit, permission: Permission = Permission.READ) -> Collection:
    """Return the collection of the address."""
    return find_collection(visit.session, visit.actor, visit.request.path_params["collection_id"], permission)


def back_to_collection(collection: Collection, word: str, part: str = "") -> Response:
    """Redirect to the page of a collection, which says what was done."""
    return RedirectResponse(f"/collections/{collection.id}?done={word}{part}", 303)


def show_collections(visit: Visit) -> Response:
    """Show the collections that the user reads as a tree."""
    top, has_more = load_collection_tree(visit.session, visit.actor)
    return visit.page("console/collections.html", top=top, has_more=has_more)


def typed_title(visit: Visit) -> str:
    """Return the title of the form."""
    title = " ".join(visit.form.get("title", "").split())
    if not title:
        raise ValidationFailed("title", "a collection needs a title")
    return title


def make_collection(visit: Visit) -> Response:
    """Make a collection, at the root or in another."""
    new = Collection(title=typed_title(visit), parent_id=parse_id(visit.form.get("parent")))
    return back_to_collection(create_collection(visit.session, new, visit.actor), "made")


def show_collection(visit: Visit) -> Response:
    """Show a collection that the user reads."""
    return show_collection_page(visit)


def show_collection_page(visit: Visit, links: tuple[str, ...] = ()) -> Response:
    """Show the page of the collection: after sharing with links that are shown once."""
    collection = collection_of(visit)
    may = effective_permissions(visit.session, visit.actor, COLLECTION_KIND, collection.id)
    rows, part = list_shared_contents(visit.session, visit.actor, collection.id, visit.number("inside"))
    pictures = load_keyframes(visit.session, visit.actor, [row.id for row in rows if row.kind == ASSET_KIND])
    small = {key: smallest_picture(some) for key, some in pictures.items()}
    urls = SignedUrls(visit.key, visit.signed_in.token_id)
    goals = list_writable_collections(visit.session, visit.actor) if Permission.CHANGE_ACL in may else []
    return visit.page(
        "console/collection.html",
        collection=collection,
        here=f"/collections/{collection.id}",
        above=readable_ancestors(visit.session, collection, visit.actor),
        rows=rows,
        part=part,
        pictures={key: urls.picture(one) for key, one in small.items() if one is not None},
        may_write=Permission.WRITE in may,
        may_share=Permission.CHANGE_ACL in may,
        may_delete=Permission.DELETE in may,
        goals=[one for one in goals if collection.id not in one.path],
        shares=list_shown_shares(visit, COLLECTION_KIND, collection.id) if Permission.CHANGE_ACL in may else [],
        links=links,
    )


def rename_collection(visit: Visit) -> Response:
    """Set the title of a collection."""
    update_collection(visit.session, collection_of(visit).id, {"title": typed_title(visit)}, visit.actor)
    return back_to_collection(collection_of(visit), "renamed")


def move_one_collection(visit: Visit) -> Response:
    """Move a collection into another, or to the top."""
    goal = parse_id(visit.form.get("parent"))
    return back_to_collection(move_collection(visit.session, collection_of(visit).id, goal, visit.actor), "moved")


def remove_collection(visit: Visit) -> Response:
    """Delete a collection with those inside it; assets stay."""
    collection = collection_of(visit)
    left = delete_collection(visit.session, collection.id, visit.actor)
    if left:
        visit.start_job(request_bulk_delete(visit.session, collection.id, left, visit.actor))
    return RedirectResponse("/collections?done=deleted", 303)


def take_out_assets(visit: Visit) -> Response:
    """Take the checked assets out of a collection."""
    collection = collection_of(visit, Permission.WRITE)
    for one in list_picked_ids(visit, "pick."):
        remove_asset_from_collection(visit.session, collection.id, one, visit.actor)
    return back_to_collection(collection, "uncollected")


def share_collection(visit: Visit) -> Response:
    """Share a collection; links that are not mailed are shown once."""
    collection = collection_of(visit)
    links = share_object(visit, COLLECTION_KIND, collection.id)
    return show_collection_page(visit, links) if links else back_to_collection(collection, "", "#shares")


def end_collection_share(visit: Visit) -> Response:
    """End a share of a collection."""
    collection = collection_of(visit)
    end_object_share(visit, COLLECTION_KIND, collection.id)
    return back_to_collection(collection, "", "#shares")


COLLECTION_ROUTES = (
    PageRoute("GET", "/collections", show_collections),
    PageRoute("POST", "/collections", make_collection),
    PageRoute("GET", COLLECTION_PATH, show_collection),
    PageRoute("POST", f"{COLLECTION_PATH}/title", rename_collection),
    PageRoute("POST", f"{COLLECTION_PATH}/move", move_one_collection),
    PageRoute("POST", f"{COLLECTION_PATH}/delete", remove_collection),
    PageRoute("POST", f"{COLLECTION_PATH}/remove", take_out_assets),
    PageRoute("POST", f"{COLLECTION_PATH}/shares", share_collection),
    PageRoute("POST", f"{COLLECTION_PATH}/shares/end", end_collection_share),
)
