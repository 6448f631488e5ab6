"""Policies of collections and favorites."""

from tests.api.policy import Policy, administrators_may, all_may, readers_may, writers_may

ONE = "assets/v1/collections/{collection_id}/"
DELETED = {"collection_id": "{deleted_collection_id}"}
DELETED_IDS = {"ids": ["{deleted_collection_id}"]}
OTHER_ASSET = {"object_id": "{related_to_asset_id}", "object_type": "assets"}
COPY = {"object_id": "{spare_collection_id}", "object_type": "collections"}
MARK = {"object_ids": ["{asset_id}"], "object_type": "assets"}
HELD = {"object_type": "assets", "object_id": "{asset_id}"}
HELD_COLLECTION = {"object_type": "collections", "object_id": "{subcollection_id}"}

POLICIES: dict[str, Policy] = {
    "POST assets/v1/collections/": all_may(201, {"title": "x"}),
    "GET assets/v1/collections/": all_may(200),
    "GET assets/v1/collections/recent/": all_may(200),
    f"GET {ONE}": readers_may(200),
    f"PATCH {ONE}": writers_may(200, {"title": "x"}),
    f"PUT {ONE}": writers_may(200, {"title": "x", "parent_id": "{spare_collection_id}"}),
    f"DELETE {ONE}": writers_may(204),
    f"PUT {ONE}restore/": writers_may(202, names=DELETED),
    f"GET {ONE}ancestors/": readers_may(200, names={"collection_id": "{subcollection_id}"}),
    f"GET {ONE}full/path/": readers_may(200),
    f"GET {ONE}content/info/": readers_may(200, params={"include_subcollections": "true"}),
    f"GET {ONE}contents/": readers_may(200),
    f"POST {ONE}contents/": writers_may(201, OTHER_ASSET),
    f"DELETE {ONE}contents/{{object_type}}/{{object_id}}/": writers_may(204, names=HELD),
    f"PUT {ONE}contents/{{object_type}}/{{object_id}}/": writers_may(200, {"position": 1}, names=HELD_COLLECTION),
    f"POST {ONE}subcollections/": writers_may(201, COPY),
    "GET assets/v1/delete_queue/collections/": all_may(200),
    "POST assets/v1/delete_queue/collections/": writers_may(204, {"ids": ["{collection_id}"]}),
    "DELETE assets/v1/delete_queue/collections/": writers_may(204, DELETED_IDS),
    "POST assets/v1/delete_queue/collections/purge/": writers_may(204, DELETED_IDS),
    "POST assets/v1/delete_queue/collections/purge/all/": administrators_may(204),
    "POST assets/v1/delete_queue/collections/restore/all/": administrators_may(204),
    "GET assets/v1/favorites/": all_may(200),
    "POST assets/v1/favorites/": readers_may(200, MARK),
    "DELETE assets/v1/favorites/": all_may(200, MARK),
}
