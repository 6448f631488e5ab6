"""Renditions requested over HTTP: one job, for formats that can be transcoded."""

from tests.api.conftest import Api, Caller
from tests.api.world.objects import make_world


def test_a_rendition_is_asked_for_as_a_job(api: Api, owner: Caller) -> None:
    with api.sessions.begin() as session:
        ids = make_world(session, owner.id, None).ids
    url = f"/transcode/v1/assets/{ids['asset_id']}/formats/{ids['transcodable_format_id']}/"
    answer = owner.http.post(url, json={"profile": "web"})
    job = answer.json()
    assert (answer.status_code, job["type"], job["status"]) == (201, "TRANSCODE", "READY")
    assert (job["object_type"], job["object_id"]) == ("assets", ids["asset_id"])
    assert owner.http.post(url, json={"profile": "web"}).json()["id"] == job["id"]
    refused = owner.http.post(url, json={"profile": "wbe"})
    assert refused.status_code == 400
    assert "known are web" in refused.text
    of_a_rendition = url.replace(ids["transcodable_format_id"], ids["proxy_id"])
    assert owner.http.post(of_a_rendition, json={}).status_code == 409
    of_nothing = url.replace(ids["transcodable_format_id"], ids["format_id"])
    assert owner.http.post(of_nothing, json={}).status_code == 409


def test_a_storage_for_renditions_is_none_for_files_later(api: Api, admin: Caller, owner: Caller) -> None:
    with api.sessions.begin() as session:
        storage_id = make_world(session, owner.id, None).ids["storage_id"]
    url = f"/files/v1/storages/{storage_id}/"
    assert admin.http.patch(url, json={"purpose": "PROXIES"}).status_code == 400
    assert admin.http.patch(url, json={"purpose": "FILES"}).status_code == 200
