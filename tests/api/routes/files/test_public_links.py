"""Links lead to the public URL of the system, never to what a request says that its host is."""

from dataclasses import replace
from pathlib import Path

import anyio
import httpx
import pytest

from api.app import create_api
from asgi.context import ApiContext
from search.postgres.engine import PostgresEngine
from services.core.signing_key import SigningKey
from services.outbound.config import OutboundConfig
from tests.api.conftest import Api, Caller
from tests.api.routes.files.test_downloads import store
from tests.api.serve import KEY
from tests.api.world.objects import make_world

REQUESTED = "http://evil.example.org"
HOSTS = {"X-Forwarded-Host": "evil.example.org", "X-Forwarded-Proto": "gopher"}


@pytest.mark.parametrize(
    ("public_url", "base"),
    [
        ("https://media.example.org", "https://media.example.org/"),
        (None, "http://evil.example.org/"),  # only its sender gets this link
    ],
)
def test_links_of_downloads_and_pictures_begin_with_the_public_url(
    api: Api, owner: Caller, tmp_path: Path, public_url: str | None, base: str
) -> None:
    stored = store(api, owner, tmp_path / "s", {b"clip.mov": b"0123456789"})
    asset = f"files/v1/assets/{stored.asset_id}"
    with api.sessions.begin() as session:
        ids = make_world(session, owner.id, None).ids
    context = ApiContext(api.sessions, PostgresEngine(api.sessions), outside=OutboundConfig(key=SigningKey(KEY)))
    context = replace(context, outside=replace(context.outside, public_url=public_url))
    headers = {"App-ID": owner.app_id, "Auth-Token": owner.token, **HOSTS}
    paths = {
        f"{asset}/files/{stored.file_ids[0]}/download_url/": ("url",),
        f"{asset}/formats/{stored.format_id}/download_url/": ("url",),
        f"files/v1/assets/{ids['asset_id']}/keyframes/{ids['keyframe_id']}/": ("url",),
        f"files/v1/assets/{ids['asset_id']}/keyframes/": ("objects", 0, "url"),
    }

    async def ask() -> None:
        transport = httpx.ASGITransport(create_api(context))
        async with httpx.AsyncClient(transport=transport, base_url=REQUESTED, headers=headers) as client:
            for path, keys in paths.items():
                shown = (await client.get(f"/API/{path}")).raise_for_status().json()
                for key in keys:
                    shown = shown[key]
                assert str(shown).startswith(base), path

    anyio.run(ask)
