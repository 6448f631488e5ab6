"""Posters over HTTP: listed with their asset, opened in a browser only with permission; and probing again."""

import warnings
from contextlib import closing
from uuid import UUID, uuid4

import httpx
import pytest
from pythonik.files import models as files
from pythonik.friendly import Iconik
from sqlalchemy import update

from media.pictures.picture_store import store_picture
from models.catalog.asset import Keyframe
from tests.api.conftest import Api, Caller
from tests.api.world.objects import make_world

with warnings.catch_warnings():
    # Frozen code: its models are written for an older pydantic.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pythonik.client import PythonikClient

JPEG = b"\xff\xd8\xff" + bytes(100)


@pytest.fixture
def ids(api: Api, owner: Caller) -> dict[str, str]:
    """Create an asset with a rendition and a poster that is stored where the API looks for it."""
    with api.sessions.begin() as session:
        ids = make_world(session, owner.id, None).ids
        poster = session.get_one(Keyframe, UUID(ids["keyframe_id"]))
        poster.path = store_picture(api.log.parent / "media", poster.file_set_id, "POSTER", "image/jpeg", JPEG)
    return ids


def fetch(api: Api, url: str) -> httpx.Response:
    return httpx.get(url, timeout=30)


def test_a_poster_is_listed_with_its_asset_and_a_browser_opens_it(api: Api, owner: Caller, ids: dict[str, str]) -> None:
    (poster,) = owner.http.get(f"/files/v1/assets/{ids['asset_id']}/keyframes/").json()["objects"]
    assert (poster["type"], poster["status"], poster["resolution"]) == ("POSTER", "CLOSED", {"width": 16, "height": 9})
    listed = owner.http.get("/assets/v1/assets/", params={"per_page": 1000}).json()["objects"]
    (found,) = (each for each in listed if each["id"] == ids["asset_id"])
    assert [each["id"] for each in found["keyframes"]] == [poster["id"]]
    answer = fetch(api, poster["url"])
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")
    assert answer.headers["cache-control"] == "private, max-age=86400, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = owner.http.get(f"/files/v1/assets/{ids['asset_id']}/keyframes/{poster['id']}/").json()
    assert again["url"] == poster["url"], "a browser keeps it by its address"


def test_the_address_of_a_poster_ends_with_the_sign_in_that_asked(api: Api, ids: dict[str, str], owner: Caller) -> None:
    url = owner.http.get(f"/files/v1/assets/{ids['asset_id']}/keyframes/{ids['keyframe_id']}/").json()["url"]
    changed = url[:-10] + ("A" if url[-10] != "A" else "B") + url[-9:]
    assert fetch(api, changed).status_code == 404
    owner.http.delete("/auth/v1/auth/token/")
    assert fetch(api, url).status_code == 404


def test_a_rendition_is_listed_by_what_its_header_says(owner: Caller, ids: dict[str, str]) -> None:
    (proxy,) = owner.http.get(f"/files/v1/assets/{ids['asset_id']}/proxies/").json()["objects"]
    assert (proxy["name"], proxy["filename"], proxy["status"]) == ("web", "web.mp4", "CLOSED")
    assert "/API/files/v1/downloads/" in proxy["url"]
    assert owner.http.get(f"/files/v1/assets/{ids['asset_id']}/proxies/{uuid4()}/").status_code == 404


@pytest.mark.parametrize(("verb", "kind"), [("mediainfo", "MEDIAINFO"), ("keyframes", "KEYFRAMES")])
def test_reading_again_is_a_job(api: Api, owner: Caller, ids: dict[str, str], verb: str, kind: str) -> None:
    url = f"/files/v1/assets/{ids['asset_id']}/files/{ids['media_file_id']}/{verb}/"
    answer = owner.http.post(url, json={"priority": 3, "job_id": None})
    job = owner.http.get(f"/jobs/v1/jobs/{answer.json()['job_id']}/").json()
    assert (answer.status_code, job["type"], job["status"], job["priority"]) == (200, kind, "READY", 3)
    declared = f"/files/v1/assets/{ids['asset_id']}/files/{ids['file_id']}/{verb}/"
    assert owner.http.post(declared, json={}).status_code == 409


def test_a_picture_that_is_not_there_says_what_to_do(api: Api, owner: Caller, ids: dict[str, str]) -> None:
    with api.sessions.begin() as session:
        session.execute(update(Keyframe).where(Keyframe.id == UUID(ids["keyframe_id"])).values(path="00/gone.jpg"))
    url = owner.http.get(f"/files/v1/assets/{ids['asset_id']}/keyframes/{ids['keyframe_id']}/").json()["url"]
    answer = fetch(api, url)
    assert (answer.status_code, "have it made again" in answer.text) == (409, True)


def test_iconiks_clients_read_pictures_and_renditions_and_have_files_read(
    api: Api, owner: Caller, ids: dict[str, str]
) -> None:
    asset, file = ids["asset_id"], ids["media_file_id"]
    with closing(Iconik(owner.app_id, owner.token, base_url=f"{api.root}/API")) as sdk:
        pictures = sdk.get_asset_keyframes(asset).parsed
        assert type(pictures) is files.KeyframesSchema
        assert [type(one) for one in pictures.objects] == [files.KeyframeSchema]
        renditions = sdk.get_asset_proxies(asset).parsed
        assert type(renditions) is files.ProxiesSchema
        assert [type(one) for one in renditions.objects] == [files.Proxy]
        for post in (sdk.post_asset_file_mediainfo, sdk.post_asset_file_keyframes):
            answer = post(asset, file, body=files.TranscodeRequestSchema.from_dict({"priority": 5}))
            assert type(answer.parsed) is files.TranscodeResponseSchema
    old = PythonikClient(app_id=owner.app_id, auth_token=owner.token, timeout=10, base_url=api.root)
    with closing(old.session):
        assert old.files().create_mediainfo_job(asset, file).response.status_code == 200
        assert len(old.files().get_asset_keyframes(asset).data.objects) == 1
        assert len(old.files().get_asset_proxies(asset).data.objects) == 1
