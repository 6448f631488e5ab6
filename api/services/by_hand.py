"""Manual grouping: split, merge, move and undo, for callers who may write every asset involved."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.bodies import Body, Name
from api.call import Call
from api.routing import Service
from api.services.asset_bodies import asset_body
from tasks.assets import find_for_change
from tasks.by_hand import merge, move, owners_of, split
from tasks.refusals import Invalid, Missing
from tasks.undo import undo

routes = Service("assets")

Ids = Annotated[list[UUID], Field(min_length=1, max_length=10_000)]


class SplitBody(Body):
    file_ids: Ids
    title: Name | None = None


class FilesBody(Body):
    file_ids: Ids


class AssetsBody(Body):
    asset_ids: Ids


@routes.post("/assets/{asset_id}/grouping/split/")
def post_split(call: Call, asset_id: UUID, body: SplitBody) -> dict[str, Any]:
    """Split some of the asset's files into a new asset."""
    asset = find_for_change(call.session, call.actor, asset_id)
    if owners_of(call.session, body.file_ids) != dict.fromkeys(body.file_ids, asset.id):
        raise Invalid("file_ids", f'not all of them are files of the asset "{asset.title}"')
    return asset_body(split(call.session, body.file_ids, call.actor, body.title))


@routes.post("/assets/{asset_id}/grouping/merge/", status=200)
def post_merge(call: Call, asset_id: UUID, body: AssetsBody) -> dict[str, Any]:
    """Merge other assets into this one, which keeps its id and rights."""
    survivor = find_for_change(call.session, call.actor, asset_id)
    others = [find_for_change(call.session, call.actor, other).id for other in body.asset_ids]
    return asset_body(merge(call.session, survivor.id, others, call.actor))


@routes.post("/assets/{asset_id}/grouping/move/", status=200)
def post_move(call: Call, asset_id: UUID, body: FilesBody) -> dict[str, Any]:
    """Move files of other assets into this one."""
    target = find_for_change(call.session, call.actor, asset_id)
    _find_sources(call, body.file_ids)
    return asset_body(move(call.session, body.file_ids, target.id, call.actor))


@routes.post("/assets/{asset_id}/grouping/undo/", status=200)
def post_undo(call: Call, asset_id: UUID) -> dict[str, Any]:
    """Undo the last manual grouping of the asset."""
    asset = find_for_change(call.session, call.actor, asset_id)
    restored = undo(call.session, asset.id, call.actor)
    # Undo may restore another asset, which the caller must be allowed to change as well.
    return asset_body(find_for_change(call.session, call.actor, restored.id))


def _find_sources(call: Call, file_ids: Sequence[UUID]) -> None:
    """Check that the caller may change the assets of all files; a file that it may not see counts as missing."""
    owners = owners_of(call.session, file_ids)
    for file_id in file_ids:
        if file_id not in owners:
            raise Missing("file", file_id)
        try:
            find_for_change(call.session, call.actor, owners[file_id])
        except Missing:
            raise Missing("file", file_id) from None
