"""Policies of segments; the segment in these rows is a comment of the owner."""

from tests.api.policy import Policy, administrators_may, readers_may, writers_may

COMMENT = {"segment_type": "COMMENT", "segment_text": "too bright"}
EDITED = {"objects": [{**COMMENT, "id": "{segment_id}"}]}

POLICIES: dict[str, Policy] = {
    "POST assets/v1/assets/{asset_id}/segments/": readers_may(201, COMMENT, guest=201),
    "GET assets/v1/assets/{asset_id}/segments/": readers_may(200, guest=200),
    "GET assets/v1/assets/{asset_id}/segments/{segment_id}/": readers_may(200, guest=200),
    "PATCH assets/v1/assets/{asset_id}/segments/{segment_id}/": writers_may(200, COMMENT),
    "PUT assets/v1/assets/{asset_id}/segments/{segment_id}/": writers_may(200, COMMENT),
    "DELETE assets/v1/assets/{asset_id}/segments/{segment_id}/": writers_may(204),
    "POST assets/v1/assets/{asset_id}/segments/bulk/": readers_may(201, {"objects": [COMMENT, COMMENT]}),
    "PUT assets/v1/assets/{asset_id}/segments/bulk/": writers_may(201, EDITED),
    "DELETE assets/v1/assets/{asset_id}/segments/bulk/": writers_may(204, {"segment_ids": ["{segment_id}"]}),
    "GET assets/v1/assets/{asset_id}/segments/csv/": readers_may(200),
    "GET assets/v1/assets/{asset_id}/segments/srt/": readers_may(200),
    "GET assets/v1/assets/{asset_id}/segments/vtt/": readers_may(200),
    "GET assets/v1/assets/{asset_id}/segments/text/": readers_may(200),
    "POST assets/v1/assets/{asset_id}/segments/captions/": Policy("400 400 403 404", {"file_id": "{stored_file_id}"}),
    "POST assets/v1/assets/{asset_id}/segments/reindex/": writers_may(201, {"segment_ids": ["{segment_id}"]}),
    "POST assets/v1/assets/{asset_id}/segments/{segment_id}/reindex/": writers_may(201, {}),
    "POST assets/v1/assets/segments/reindex/": writers_may(201, {"asset_ids": ["{asset_id}"]}),
    "POST assets/v1/segments/reindex/": administrators_may(201, {}),
}
