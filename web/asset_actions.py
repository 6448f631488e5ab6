"""What changes an asset of the console as a whole: split, merge, undo, transcode, rebuild, relate, collect."""

from uuid import UUID

from starlette.responses import RedirectResponse, Response

from models.access.acl import Permission
from models.catalog.asset import ASSET_KIND, Asset
from models.catalog.collection import Collection
from models.core.base import parse_id
from services.access.permissions import effective_permissions
from services.catalog.assets.assets import find_asset, get_asset_for_update
from services.catalog.assets.relations import add_relation, remove_relation
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection, remove_asset_from_collection
from services.core.errors import NotFound, ValidationFailed, require_administrator
from services.grouping.manual import find_file_owners, merge_manually, split_manually
from services.grouping.undo import undo_manual_grouping
from services.media.rebuild import start_media_rebuild
from services.renditions.profiles import WEB_PROFILE, find_transcode_profile
from services.renditions.queue import request_transcode
from services.searching.query import reindex_objects
from services.viewing.related import find_mentioned_asset, list_file_ids_of_sets, load_set_files
from services.viewing.tree import load_format_tree
from web.asset_pages import ASSET_PATH, asset_of
from web.console import PageRoute, Visit
from web.words import FILE_STATES


def asset_done(asset: Asset, word: str) -> Response:
    """Redirect to an asset's page, which says what was done."""
    return RedirectResponse(f"/assets/{asset.id}?done={word}", 303)


def require_form_id(visit: Visit, name: str, noun: str) -> UUID:
    """Return the id in a field of the form."""
    key = parse_id(visit.form.get(name))
    if key is None:
        raise NotFound(noun, visit.form.get(name, "")[:80])
    return key


def list_picked_ids(visit: Visit, prefix: str) -> list[UUID]:
    """Return the ids of the checked boxes whose names begin with a prefix."""
    names = (name.removeprefix(prefix) for name in visit.form if name.startswith(prefix))
    return sorted(key for key in map(parse_id, names) if key is not None)


def show_files(visit: Visit) -> Response:
    """Show formats, file sets and files as a tree; those who may write the asset split files off here."""
    asset = asset_of(visit)
    tree = load_format_tree(visit.session, asset)
    return visit.page(
        "console/files.html",
        asset=asset,
        here=f"/assets/{asset.id}",
        tree=tree,
        states=FILE_STATES,
        files=load_set_files(visit.session, [one.id for branch in tree for one, _ in branch.sets]),
        may_write=Permission.WRITE in effective_permissions(visit.session, visit.actor, ASSET_KIND, asset.id),
    )


def split_asset(visit: Visit) -> Response:
    """Split the checked files off into a new asset."""
    asset = get_asset_for_update(visit.session, visit.actor, asset_of(visit).id)
    picked = {
        *list_picked_ids(visit, "file."),
        *list_file_ids_of_sets(visit.session, asset, list_picked_ids(visit, "set.")),
    }
    if not picked:
        raise ValidationFailed("files", "check the files that are to leave this asset")
    files = sorted(picked)
    if find_file_owners(visit.session, files) != dict.fromkeys(files, asset.id):
        raise ValidationFailed("files", f'some of these files left "{asset.title}" meanwhile; load the page again')
    title = visit.form.get("title", "").strip()
    return asset_done(split_manually(visit.session, files, visit.actor, title or None), "split")


def merge_assets(visit: Visit) -> Response:
    """Merge the asset that is named into this one."""
    survivor = get_asset_for_update(visit.session, visit.actor, asset_of(visit).id)
    named = find_mentioned_asset(visit.session, visit.actor, visit.form.get("other", ""))
    other = get_asset_for_update(visit.session, visit.actor, named.id)
    return asset_done(merge_manually(visit.session, survivor.id, [other.id], visit.actor), "merged")


def undo_grouping(visit: Visit) -> Response:
    """Undo the last split or merge of an asset."""
    asset = get_asset_for_update(visit.session, visit.actor, asset_of(visit).id)
    restored = undo_manual_grouping(visit.session, asset.id, visit.actor)
    # Undo may restore another asset, which the user must be allowed to change as well.
    return asset_done(get_asset_for_update(visit.session, visit.actor, restored.id), "undone")


def transcode_asset(visit: Visit) -> Response:
    """Start a job that makes a rendition."""
    asset, profile = asset_of(visit), visit.form.get("profile", WEB_PROFILE)
    find_transcode_profile(visit.context.transcode_profiles, profile)
    visit.start_job(request_transcode(visit.session, asset.id, None, profile, visit.actor))
    return asset_done(asset, "transcode")


def rebuild_asset(visit: Visit) -> Response:
    """Start a job that reads the media again, and makes its previews and renditions again."""
    asset = asset_of(visit)
    require_administrator(visit.actor, "have media made again")
    visit.start_job(start_media_rebuild(visit.session, visit.actor, [asset.id]))
    return asset_done(asset, "rebuild")


def reindex_asset(visit: Visit) -> Response:
    """Index an asset again."""
    asset = find_asset(visit.session, visit.actor, asset_of(visit).id, Permission.WRITE)
    reindex_objects(visit.session, [asset.id])
    return asset_done(asset, "reindexed")


def relate_asset(visit: Visit) -> Response:
    """Relate an asset to the one that is named."""
    asset = find_asset(visit.session, visit.actor, asset_of(visit).id, Permission.WRITE)
    other = find_mentioned_asset(visit.session, visit.actor, visit.form.get("other", ""))
    add_relation(visit.session, asset.id, visit.form.get("type", ""), other.id, "", visit.actor)
    return asset_done(asset, "related")


def unrelate_asset(visit: Visit) -> Response:
    """Remove a relation, of which the asset may be either end."""
    asset = find_asset(visit.session, visit.actor, asset_of(visit).id, Permission.WRITE)
    source, target = require_form_id(visit, "source", "asset"), require_form_id(visit, "target", "asset")
    if asset.id not in (source, target):
        raise NotFound("relation", f"of {asset.id}")
    remove_relation(visit.session, source, visit.form.get("type", ""), target, visit.actor)
    return asset_done(asset, "unrelated")


def collection_of_form(visit: Visit) -> UUID:
    """Return the collection that was chosen in a form, or a new one with the title that was typed."""
    title = " ".join(visit.form.get("new", "").split())
    if title:
        return create_collection(visit.session, Collection(title=title), visit.actor).id
    return require_form_id(visit, "collection", "collection")


def collect_asset(visit: Visit) -> Response:
    """Add an asset to a collection."""
    asset = asset_of(visit)
    add_asset_to_collection(visit.session, collection_of_form(visit), asset.id, visit.actor)
    return asset_done(asset, "collected")


def uncollect_asset(visit: Visit) -> Response:
    """Remove an asset from a collection."""
    asset, collection = asset_of(visit), require_form_id(visit, "collection", "collection")
    remove_asset_from_collection(visit.session, collection, asset.id, visit.actor)
    return asset_done(asset, "uncollected")


ASSET_ACTION_ROUTES = (
    PageRoute("GET", f"{ASSET_PATH}/files", show_files),
    PageRoute("POST", f"{ASSET_PATH}/split", split_asset),
    PageRoute("POST", f"{ASSET_PATH}/merge", merge_assets),
    PageRoute("POST", f"{ASSET_PATH}/undo", undo_grouping),
    PageRoute("POST", f"{ASSET_PATH}/transcode", transcode_asset),
    PageRoute("POST", f"{ASSET_PATH}/rebuild", rebuild_asset),
    PageRoute("POST", f"{ASSET_PATH}/reindex", reindex_asset),
    PageRoute("POST", f"{ASSET_PATH}/relations", relate_asset),
    PageRoute("POST", f"{ASSET_PATH}/relations/remove", unrelate_asset),
    PageRoute("POST", f"{ASSET_PATH}/collections", collect_asset),
    PageRoute("POST", f"{ASSET_PATH}/collections/remove", uncollect_asset),
)
