"""Segments and approvals through iconik's clients: exact codes, bodies that their models accept."""

import warnings
from uuid import uuid4

from pythonik.assets import models as assets
from pythonik.friendly import Iconik

from tests.api.conftest import Caller
from tests.api.test_sdk import connect, ok, sdk
from tests.api.test_sdk_1x import client, data

with warnings.catch_warnings():
    # Frozen code: its models are written for an older pydantic.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pythonik.client import PythonikClient
    from pythonik.models.assets.assets import AssetCreate
    from pythonik.models.assets.segments import BulkDeleteSegmentsBody, SegmentBody

__all__ = ["client", "connect", "sdk"]

DRAWING = {"primitives": [{"type": "ARROW", "color": "#f00", "points": [{"x": 0.5, "y": 1.0}]}]}
COMMENT = {
    "segment_type": "COMMENT",
    "segment_text": "too dark",
    "time_start_milliseconds": 1_000,
    "time_end_milliseconds": 2_000,
    "drawing": DRAWING,
}


def new_asset(sdk: Iconik) -> str:
    return str(sdk.post_assets(body=assets.AssetCreateSchema.from_dict({"title": "sdk"})).parsed.id)


def test_segments(sdk: Iconik) -> None:
    asset = new_asset(sdk)
    made = ok(sdk.post_asset_segments(asset, body=assets.SegmentSchema.from_dict(COMMENT)), 201, assets.SegmentSchema)
    assert (made.segment_text, made.has_drawing, type(made.drawing)) == ("too dark", True, assets.DrawingSchema)
    read = ok(sdk.get_asset_segment(asset, str(made.id)), 200, assets.SegmentSchema)
    edited = assets.EditSegmentSchema.from_dict({**read.to_dict(), "segment_checked": True})
    assert ok(sdk.put_asset_segment(asset, str(made.id), body=edited), 200, assets.SegmentSchema).segment_checked
    patch = assets.EditSegmentSchema.from_dict({"segment_type": "COMMENT", "segment_color": "red"})
    assert ok(sdk.patch_asset_segment(asset, str(made.id), body=patch), 200, assets.SegmentSchema).segment_checked
    marks = {"objects": [{"segment_type": "MARKER", "time_start_milliseconds": at} for at in (5, 6)]}
    ok(sdk.post_asset_segments_bulk(asset, body=assets.BulkCreateSegmentsSchema.from_dict(marks)), 201)
    listed = ok(
        sdk.get_asset_segments(
            asset, segment_type="MARKER", time_start_milliseconds_gte=6, include_users=True, sort="date_created,desc"
        ),
        200,
        assets.SegmentsSchema,
    )
    (mark,) = listed.objects
    assert (mark.time_start_milliseconds, mark.attachments, str(mark.asset_id)) == (6, [], asset)
    many = {"objects": [{"id": str(mark.id), "segment_type": "MARKER", "segment_text": "here"}]}
    ok(sdk.put_asset_segments_bulk(asset, body=assets.BulkEditAssetSegmentsSchema.from_dict(many)), 201)
    for written in (sdk.get_asset_segments_csv, sdk.get_asset_segments_text):
        assert "too dark" in ok(written(asset, segment_type="COMMENT"), 200)
    for written in (sdk.get_asset_segments_srt, sdk.get_asset_segments_vtt):
        assert "-->" in ok(written(asset, words_per_line=1), 200)
    ids = [str(made.id)]
    ok(sdk.post_asset_segment_reindex(asset, ids[0], body=assets.ReindexSegmentSchema.from_dict({})), 201)
    named = assets.ReindexSegmentsSchema.from_dict({"segment_ids": ids})
    ok(sdk.post_asset_segments_reindex(asset, body=named), 201)
    ok(sdk.post_segments_reindex(body=named), 201)
    ok(sdk.post_assets_segments_reindex(body=assets.ReindexAllSegmentsSchema.from_dict({"asset_ids": [asset]})), 201)
    gone = assets.DeleteSegmentsSchema.from_dict({"segment_type": "MARKER"})
    ok(sdk.delete_asset_segments_bulk(asset, body=gone), 204)
    ok(sdk.delete_asset_segment(asset, ids[0], soft_delete=True), 204)
    assert sdk.delete_asset_segments_bulk(asset, body=gone).status_code == 404
    assert ok(sdk.get_asset_segments(asset), 200, assets.SegmentsSchema).objects == []


def test_approvals(sdk: Iconik, admin: Caller) -> None:
    asset, kind = new_asset(sdk), "assets"
    none = ok(sdk.get_object_approvals_request(kind, asset), 200, assets.ApprovalSchema)
    assert none.status == assets.ApprovalSchemaStatus.NA
    wanted = assets.ApprovalSchema.from_dict(
        {"users": [str(admin.id)], "externals": ["x@example.org"], "min_number": 1}
    )
    made = ok(sdk.post_object_approvals_request(kind, asset, body=wanted), 201, assets.ApprovalSchema)
    assert (made.status, made.users) == (assets.ApprovalSchemaStatus.REQUESTED, [admin.id])
    yes = assets.ApprovalBySchema.from_dict({"status": "APPROVED"})
    said = ok(sdk.put_object_approvals(kind, asset, body=yes), 200, assets.ApprovalBySchema)
    assert (said.user, said.status) == (admin.id, assets.ApprovalBySchemaStatus.APPROVED)
    read = ok(sdk.get_object_approvals_request(kind, asset), 200, assets.ApprovalSchema)
    assert (read.status, read.user_status, len(read.approvals_by)) == ("APPROVED", "APPROVED", 1)
    assert not isinstance(read.approvals_by[0], dict)
    ok(sdk.put_object_approvals_request(kind, asset, body=read), 200, assets.ApprovalSchema)
    ok(sdk.patch_object_approvals_request(kind, asset, body=read), 200, assets.ApprovalSchema)
    assert len(ok(sdk.get_object_approvals(kind, asset), 200, assets.ApprovalsBySchema).objects) == 1
    ok(sdk.get_object_version_approvals(kind, asset, asset), 200, assets.ApprovalsBySchema)
    ok(sdk.get_object_version_approvals_request(kind, asset, asset), 200, assets.ApprovalSchema)
    ok(sdk.delete_object_approvals_user(kind, asset, str(admin.id)), 204)
    assert sdk.delete_object_approvals(kind, asset).status_code == 404
    assert sdk.delete_object_approvals_external_by_email(kind, asset, "x@example.org").status_code == 404
    listed = [one for one in sdk.get_assets(per_page=1_000).parsed.objects if str(one.id) == asset]
    assert (type(listed[0].approval), listed[0].comments_count) == (assets.ApprovalSchema, 0)
    ok(sdk.delete_object_approvals_request(kind, asset), 204)
    many = {"object_ids": [asset], "object_type": kind}
    ok(sdk.post_approvals_bulk(body=assets.BulkSetApprovalSchema.from_dict({**many, "status": "APPROVED"})), 200)
    ok(sdk.post_approvals_bulk_remove(body=assets.BulkRemoveApprovalSchema.from_dict(many)), 200)
    collection = ok(sdk.post_collections(body=assets.CollectionInputSchema.from_dict({"title": "c"})), 201)
    answer = sdk.post_object_approvals_request("collections", str(collection.id), body=wanted)
    assert ok(answer, 202, assets.ApprovalJobSchema).job_id


def test_segments_of_the_older_client(client: PythonikClient) -> None:
    asset = data(client.assets().create(AssetCreate(title="old client"))).id
    body = SegmentBody(segment_type="COMMENT", segment_text="hello", time_start_milliseconds=5, parent_id="")
    made = data(client.assets().create_segment(asset, body))
    assert (made.segment_text, made.segment_checked) == ("hello", False)
    changed = SegmentBody(segment_type="COMMENT", segment_text="bye")
    assert data(client.assets().partial_update_segment(asset, made.id, changed)).segment_text == "bye"
    assert data(client.assets().update_segment(asset, made.id, changed)).segment_text == "bye"
    listed = data(client.assets().get_segments(asset, segment_type="COMMENT"))
    assert [one.segment_text for one in listed.objects] == ["bye"]
    assert client.assets().delete_segment(asset, made.id).response.status_code == 204
    gone = BulkDeleteSegmentsBody(segment_ids=[str(uuid4())])
    assert client.assets().bulk_delete_segments(asset, gone).response.status_code == 404
