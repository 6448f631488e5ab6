"""Policies of the routes of `assets`."""

from tests.api.policy import Policy, administrators_may, all_may, readers_may, writers_may

RELATION = {"related_to_asset_id": "{related_to_asset_id}", "relation_type": "{spare_type}"}
TYPE = {"name": "k{unique}", "source_label": "s", "destination_label": "d"}
SPARE = {"relation_type": "{spare_type}"}
DELETED_IDS = {"ids": ["{deleted_id}"]}

POLICIES: dict[str, Policy] = {
    "POST assets/v1/assets/": all_may(201, {"title": "x"}),
    "GET assets/v1/assets/": all_may(200),
    "POST assets/v1/assets/relation_types/": administrators_may(201, TYPE),
    "GET assets/v1/assets/relation_types/": all_may(200),
    "GET assets/v1/assets/relation_types/{relation_type}/": all_may(200),
    "PUT assets/v1/assets/relation_types/{relation_type}/": administrators_may(200, TYPE),
    "DELETE assets/v1/assets/relation_types/{relation_type}/": administrators_may(204, names=SPARE),
    "GET assets/v1/assets/{asset_id}/": readers_may(200, guest=200),
    "PATCH assets/v1/assets/{asset_id}/": writers_may(200, {"title": "x"}),
    "PUT assets/v1/assets/{asset_id}/": writers_may(200, {"title": "x"}),
    "DELETE assets/v1/assets/{asset_id}/": writers_may(204),
    "GET assets/v1/assets/{asset_id}/history/": readers_may(200),
    "POST assets/v1/assets/{asset_id}/history/": writers_may(201, {"operation_type": "CUSTOM"}),
    "GET assets/v1/assets/{asset_id}/history/{history_entity_id}/": readers_may(200),
    "DELETE assets/v1/assets/{asset_id}/history/{history_entity_id}/": Policy("403 403 403 404"),
    "POST assets/v1/assets/{asset_id}/reindex/": writers_may(201, {}),
    "POST assets/v1/assets/{asset_id}/grouping/split/": writers_may(201, {"file_ids": ["{stored_file_id}"]}),
    "POST assets/v1/assets/{asset_id}/grouping/merge/": writers_may(200, {"asset_ids": ["{related_to_asset_id}"]}),
    "POST assets/v1/assets/{asset_id}/grouping/move/": writers_may(200, {"file_ids": ["{other_stored_file_id}"]}),
    "POST assets/v1/assets/{asset_id}/grouping/undo/": Policy("409 409 403 404"),
    "POST assets/v1/assets/{asset_id}/relations/": writers_may(201, RELATION),
    "GET assets/v1/assets/{asset_id}/relations/": readers_may(200),
    "GET assets/v1/assets/{asset_id}/relations/{relation_type}/": readers_may(200),
    "POST assets/v1/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/": writers_may(
        201, {}, names=SPARE
    ),
    "DELETE assets/v1/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/": writers_may(204),
    "POST assets/v1/assets/{asset_id}/relations/{relation_type}/{related_to_asset_id}/reverse/": writers_may(200),
    "PUT assets/v1/assets/{asset_id}/restore/": writers_may(204, names={"asset_id": "{deleted_id}"}),
    "GET assets/v1/assets/recent/": all_may(200),
    "POST assets/v1/assets/reindex/": administrators_may(201, {}),
    "PUT assets/v1/assets/{asset_id}/search_document/": writers_may(204, {}),
    "POST assets/v1/collections/reindex/": administrators_may(201, {}),
    "POST assets/v1/collections/{collection_id}/reindex/": writers_may(201, {}),
    "POST assets/v1/reindex/bulk/": writers_may(200, {"object_ids": ["{asset_id}"], "object_type": "assets"}),
    "GET assets/v1/delete_queue/assets/": all_may(200),
    "POST assets/v1/delete_queue/assets/": writers_may(204, {"ids": ["{asset_id}"]}),
    "DELETE assets/v1/delete_queue/assets/": writers_may(204, DELETED_IDS),
    "POST assets/v1/delete_queue/assets/purge/": writers_may(204, DELETED_IDS),
    "POST assets/v1/delete_queue/assets/purge/all/": administrators_may(204),
    "POST assets/v1/delete_queue/assets/restore/all/": administrators_may(204),
    "POST assets/v1/delete_queue/bulk/": writers_may(202, {"object_ids": ["{asset_id}"], "object_type": "assets"}),
    "POST assets/v1/delete_queue/purge/all/": administrators_may(204),
}
