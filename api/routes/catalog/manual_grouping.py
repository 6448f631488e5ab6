"""Manual grouping: split, merge, move and undo, for callers who may write every asset, and delete what ends."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.routes.catalog.answers import AssetAnswer
from api.routes.catalog.bodies import serialize_asset
from asgi.body_base import Body, ShortText
from asgi.request_context import Call
from asgi.routing import RouteGroup
from services.catalog.assets.assets import get_asset_for_update
from services.core.errors import NotFound, ValidationFailed
from services.grouping.manual import find_file_owners, merge_manually, move_manually, split_manually
from services.grouping.undo import undo_manual_grouping

routes = RouteGroup("assets", is_extension=True)

ManualGroupingIds = Annotated[list[UUID], Field(fail_fast=True, min_length=1, max_length=10_000)]


class AssetFilesMoveBody(Body):
    file_ids: ManualGroupingIds


class AssetSplitBody(AssetFilesMoveBody):
    title: ShortText | None = None


class AssetMergeBody(Body):
    asset_ids: ManualGroupingIds


@routes.post("/assets/{asset_id}/grouping/split/")
def post_split(call: Call, asset_id: UUID, body: AssetSplitBody) -> AssetAnswer:
    """Split some of the asset's files into a new asset."""
    asset = get_asset_for_update(call.session, call.actor, asset_id)
    if find_file_owners(call.session, body.file_ids) != dict.fromkeys(body.file_ids, asset.id):
        raise ValidationFailed(
            "file_ids", f'some of these are no files of the asset "{asset.title}"; read its files again'
        )
    return serialize_asset(split_manually(call.session, body.file_ids, call.actor, body.title))


@routes.post("/assets/{asset_id}/grouping/merge/", status=200)
def post_merge(call: Call, asset_id: UUID, body: AssetMergeBody) -> AssetAnswer:
    """Merge other assets into this one, which keeps its id and rights; they need `delete`, and equal rights or
    `change-acl`."""
    survivor = get_asset_for_update(call.session, call.actor, asset_id)
    others = [get_asset_for_update(call.session, call.actor, other).id for other in body.asset_ids]
    return serialize_asset(merge_manually(call.session, survivor.id, others, call.actor))


@routes.post("/assets/{asset_id}/grouping/move/", status=200)
def post_move(call: Call, asset_id: UUID, body: AssetFilesMoveBody) -> AssetAnswer:
    """Move files of other assets into this one."""
    target = get_asset_for_update(call.session, call.actor, asset_id)
    _check_source_assets(call, body.file_ids)
    return serialize_asset(move_manually(call.session, body.file_ids, target.id, call.actor))


@routes.post("/assets/{asset_id}/grouping/undo/", status=200)
def post_undo(call: Call, asset_id: UUID) -> AssetAnswer:
    """Undo the last manual grouping of the asset."""
    asset = get_asset_for_update(call.session, call.actor, asset_id)
    restored = undo_manual_grouping(call.session, asset.id, call.actor)
    # Undo may restore another asset, which the caller must be allowed to change as well.
    return serialize_asset(get_asset_for_update(call.session, call.actor, restored.id))


def _check_source_assets(call: Call, file_ids: Sequence[UUID]) -> None:
    """Check that the caller may change the assets of all files; a file that it may not see counts as missing."""
    owners = find_file_owners(call.session, file_ids)
    for file_id in file_ids:
        if file_id not in owners:
            raise NotFound("file", file_id)
        try:
            get_asset_for_update(call.session, call.actor, owners[file_id])
        except NotFound:
            raise NotFound("file", file_id) from None
