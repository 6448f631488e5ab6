"""Policies of the routes of `files`."""

from tests.api.policy import Policy, administrators_may, all_may, readers_may, writers_may

COMPONENT = {"name": "v", "type": "VIDEO"}
STORAGE = {"name": "s{unique}", "method": "FILE", "purpose": "FILES"}

POLICIES: dict[str, Policy] = {
    "POST files/v1/assets/{asset_id}/file_sets/": writers_may(201, {"name": "x", "format_id": "{format_id}"}),
    "GET files/v1/assets/{asset_id}/file_sets/": readers_may(200, guest=200),
    "DELETE files/v1/assets/{asset_id}/file_sets/{file_set_id}/": writers_may(204),
    "GET files/v1/assets/{asset_id}/file_sets/{file_set_id}/files/": readers_may(200, guest=200),
    "POST files/v1/assets/{asset_id}/files/": writers_may(
        201, {"original_name": "y", "file_set_id": "{file_set_id}", "type": "FILE"}
    ),
    "GET files/v1/assets/{asset_id}/files/": readers_may(200, guest=200),
    "GET files/v1/assets/{asset_id}/files/{file_id}/": readers_may(200, guest=200),
    "POST files/v1/assets/{asset_id}/files/{file_id}/mediainfo/": writers_may(
        200, names={"file_id": "{media_file_id}"}
    ),
    "POST files/v1/assets/{asset_id}/files/{file_id}/keyframes/": writers_may(
        200, names={"file_id": "{media_file_id}"}
    ),
    "POST files/v1/media/rebuild/": Policy("200 403 403 403", {"asset_ids": ["{asset_id}"]}),
    "GET files/v1/assets/{asset_id}/keyframes/": readers_may(200, guest=200),
    "GET files/v1/assets/{asset_id}/keyframes/{keyframe_id}/": readers_may(200, guest=200),
    "GET files/v1/assets/{asset_id}/proxies/": readers_may(200),
    "GET files/v1/assets/{asset_id}/proxies/{proxy_id}/": readers_may(200),
    "GET files/v1/ready/": administrators_may(400, params={"path": "/nothing/here"}),
    "POST files/v1/ready/": administrators_may(400, {"path": "/nothing/here"}),
    "GET files/v1/ready/reports/": administrators_may(200),
    "GET files/v1/pictures/{ticket}/": Policy("404 404 404 404", names={"ticket": "x"}, nobody=404),
    "PATCH files/v1/assets/{asset_id}/files/{file_id}/": writers_may(200, {"status": "CLOSED"}),
    "DELETE files/v1/assets/{asset_id}/files/{file_id}/": writers_may(204),
    # Declared files are not on a disk of ours, so readers get the same answer as strangers.
    "GET files/v1/assets/{asset_id}/files/{file_id}/download_url/": Policy("404 404 404 404"),
    "GET files/v1/assets/{asset_id}/formats/{format_id}/download_url/": Policy("404 404 404 404"),
    "GET files/v1/downloads/{ticket}/": Policy("404 404 404 404", names={"ticket": "x"}, nobody=404),
    "GET files/v1/playback/{ticket}/": Policy("404 404 404 404", names={"ticket": "x"}, nobody=404),
    "POST files/v1/assets/{asset_id}/formats/": writers_may(201, {"name": "x"}),
    "GET files/v1/assets/{asset_id}/formats/": readers_may(200, guest=200),
    "GET files/v1/assets/{asset_id}/formats/{format_id}/": readers_may(200, guest=200),
    "PATCH files/v1/assets/{asset_id}/formats/{format_id}/": writers_may(200, {"name": "x"}),
    "DELETE files/v1/assets/{asset_id}/formats/{format_id}/": writers_may(204),
    "POST files/v1/assets/{asset_id}/formats/{format_id}/components/": writers_may(200, COMPONENT),
    "GET files/v1/assets/{asset_id}/formats/{format_id}/components/": readers_may(200, guest=200),
    "PUT files/v1/assets/{asset_id}/formats/{format_id}/components/{component_id}/": writers_may(200, COMPONENT),
    "GET files/v1/files/checksum/{checksum}/": all_may(200),
    "POST files/v1/files/storages/{storage_id}/": Policy("404 404 404 404", {"directory_path": "a", "file_name": "b"}),
    "POST files/v1/storages/": Policy("400 403 403 403", STORAGE),
    "GET files/v1/storages/": all_may(200),
    "GET files/v1/storages/matching/{purpose}/": readers_may(200, params={"storage_id": "{storage_id}"}),
    "GET files/v1/storages/{storage_id}/": readers_may(200),
    "PATCH files/v1/storages/{storage_id}/": Policy("200 403 403 404", STORAGE),
    "PUT files/v1/storages/{storage_id}/": Policy("200 403 403 404", STORAGE),
    "DELETE files/v1/storages/{storage_id}/": Policy("204 403 403 404", names={"storage_id": "{empty_storage_id}"}),
    "GET files/v1/storages/{storage_id}/files/": readers_may(200),
    "POST files/v1/storages/{storage_id}/files/": writers_may(201, {"original_name": "y", "type": "FILE"}),
    "POST files/v1/storages/{storage_id}/scan/": Policy("201 403 403 404", {}),
}
