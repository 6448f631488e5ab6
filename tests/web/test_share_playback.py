"""Watching through a share: its rendition is sent as it is played, to those who see its source, while it is open."""

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text

from models.catalog.asset import Component, ComponentType, FileSet, Format, FormatRole
from models.catalog.segment import Segment
from models.core.base import new_id
from models.queues.job import Job
from services.core.signing_key import SigningKey
from services.downloads.tickets import FILE_TICKET, FORMAT_TICKET, PLAYBACK_TICKET, parse_ticket
from tests.api.answer_checks import require_documented
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.files.test_downloads import store
from tests.api.routes.shares.sharing import let_end, share_url
from tests.api.serve import KEY
from tests.api.world.islands import make_island
from tests.web.test_share_pages import field

pytestmark = pytest.mark.usefixtures("uncounted")
CONTENT = b"0123456789" * 100


@dataclass(frozen=True, slots=True)
class Clip:
    """An asset with a video on a storage."""

    asset_id: str
    source_id: UUID


def make_clip(api: Api, owner: Caller) -> Clip:
    """An asset with an original that can be transcoded."""
    asset_id = make_asset(owner, "clip")["id"]
    with api.sessions.begin() as session:
        island = make_island(session)
        source = Format(id=new_id(), asset_id=UUID(asset_id), version_id=UUID(asset_id), name="ORIGINAL")
        source.role, source.structure, source.rule = FormatRole.ORIGINAL, "single", "single file"
        session.add(source)
        session.flush()
        group = FileSet(id=new_id(), asset_id=source.asset_id, format_id=source.id, version_id=source.asset_id)
        group.name, group.file_count, group.storage_id, group.island_id = "a.mov", 1, island.storage_id, island.id
        session.add(group)
        session.flush()
        for kind, media in (
            (ComponentType.VIDEO, {"width": 16, "height": 9, "frame_rate": "25"}),
            (ComponentType.GENERAL, {"duration_milliseconds": 4_000, "timecode_start": "10:00:00:00"}),
        ):
            component = Component(id=new_id(), format_id=source.id, file_set_id=group.id, name="a", type=kind)
            component.media, component.from_header = media, kind is ComponentType.GENERAL
            session.add(component)
        return Clip(asset_id, source.id)


def add_rendition(api: Api, owner: Caller, clip: Clip, folder: Path, kind: ComponentType = ComponentType.VIDEO) -> str:
    """Register a file as the rendition of a clip, as the encoder does; return the id of its format."""
    made = store(api, owner, folder, {b"a.web.mp4": CONTENT}, asset_id=clip.asset_id)
    with api.sessions.begin() as session:
        part = session.get_one(Format, UUID(made.format_id))
        part.name, part.role, part.rule = "web", FormatRole.TRANSCODE, "transcode"
        part.media = {"transcode": {"format": str(clip.source_id), "profile": "web"}}
        group = session.scalars(select(FileSet.id).where(FileSet.format_id == part.id)).one()
        media = {"width": 16, "height": 9, "frame_rate": "25"}
        session.add(Component(id=new_id(), format_id=part.id, file_set_id=group, name="v", type=kind, media=media))
        general = Component(id=new_id(), format_id=part.id, file_set_id=group, name="g", type=ComponentType.GENERAL)
        general.media = {"duration_milliseconds": 4_000, "timecode_start": "10:00:00:00"}
        session.add(general)
    return made.format_id


def player_of(page: str) -> str:
    found = re.search(r'<(?:video|audio) [^>]*src="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def jobs_of(api: Api, clip: Clip) -> list[Job]:
    with api.sessions() as session:
        return list(session.scalars(select(Job).where(Job.object_id == UUID(clip.asset_id)).order_by(Job.id)))


@pytest.mark.parametrize(
    ("kind", "media_type"), [(ComponentType.VIDEO, "video/mp4"), (ComponentType.AUDIO, "audio/mp4")]
)
def test_a_rendition_is_played_in_parts_without_a_right_to_download(
    api: Api,
    owner: Caller,
    browser: httpx.Client,
    tmp_path: Path,
    kind: ComponentType,
    media_type: str,
) -> None:
    clip = make_clip(api, owner)
    shared = share_url(owner, clip.asset_id)
    format_id = add_rendition(api, owner, clip, tmp_path / "s", kind)
    page = browser.get(shared["url"]).text
    assert "/downloads/" not in page, "a copy that was made after the share is watched, not fetched"
    address = player_of(page)
    whole = require_documented(browser.get(address))
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert (whole.headers["content-type"], whole.headers["content-disposition"]) == (media_type, "inline")
    part = require_documented(browser.get(address, headers={"Range": "bytes=10-19"}))
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"0123456789", "bytes 10-19/1000")
    history = owner.http.get(f"/assets/v1/assets/{clip.asset_id}/history/").text
    assert "was downloaded" not in history
    assert address.strip("/").rpartition("/")[2] not in api.log.read_text()
    stolen = address.replace("/playback/", "/downloads/")
    assert browser.get(stolen).status_code == 404, "its address downloads nothing"
    owner.http.delete(f"/files/v1/assets/{clip.asset_id}/formats/{format_id}/")
    assert browser.get(address).status_code == 404
    let_end(api, shared["id"])
    assert browser.get(address).status_code == 404


def test_other_tickets_play_nothing(api: Api, owner: Caller, browser: httpx.Client, tmp_path: Path) -> None:
    clip = make_clip(api, owner)
    add_rendition(api, owner, clip, tmp_path / "s")
    page = browser.get(share_url(owner, clip.asset_id, allow_download=True)["url"]).text
    tickets = re.findall(r"/API/files/v1/downloads/([\w-]+)/", page)
    assert {parse_ticket(SigningKey(KEY), one).kind for one in tickets} <= {FILE_TICKET, FORMAT_TICKET}
    assert tickets
    assert {browser.get(f"/API/files/v1/playback/{one}/").status_code for one in tickets} == {404}
    (played,) = re.findall(r"/API/files/v1/playback/([\w-]+)/", page)
    assert parse_ticket(SigningKey(KEY), played).kind == PLAYBACK_TICKET


def test_a_rendition_of_a_format_that_is_not_shared_is_not_played(
    api: Api,
    owner: Caller,
    browser: httpx.Client,
    tmp_path: Path,
) -> None:
    clip = make_clip(api, owner)
    add_rendition(api, owner, clip, tmp_path / "s")
    other = store(api, owner, tmp_path / "o", {b"b.mov": b"x"}, asset_id=clip.asset_id)
    page = browser.get(share_url(owner, clip.asset_id, format_ids=[other.format_id])["url"]).text
    assert "<video" not in page
    assert "a.web.mp4" not in page
    assert jobs_of(api, clip) == [], "and none is made of it"


def test_looking_has_a_rendition_made_once_and_a_failed_one_is_not_tried_again(
    api: Api,
    owner: Caller,
    browser: httpx.Client,
) -> None:
    clip = make_clip(api, owner)
    url = share_url(owner, clip.asset_id)["url"]
    for _ in range(2):
        assert "being made ready to watch" in browser.get(url).text
    (job,) = jobs_of(api, clip)
    assert (job.task, job.arguments["profile"], job.priority) == ("transcode.run", "web", 7)
    with api.sessions.begin() as session:
        running = "UPDATE job SET status = 'STARTED', started_at = now() - interval '10 seconds', progress_total = 100,"
        session.execute(text(f"{running} progress_processed = 50 WHERE id = :id"), {"id": job.id})
    assert "It can be watched in about 10 seconds." in browser.get(url).text
    with api.sessions.begin() as session:
        failed = "UPDATE job SET status = 'FAILED', error_message = 'disk /secret is full' WHERE id = :id"
        session.execute(text(failed), {"id": job.id})
    page = browser.get(url).text
    assert "could not be made ready" in page
    assert "secret" not in page
    assert len(jobs_of(api, clip)) == 1


def test_a_comment_is_at_the_time_that_was_typed_or_says_why_not(
    api: Api,
    owner: Caller,
    browser: httpx.Client,
    tmp_path: Path,
) -> None:
    clip = make_clip(api, owner)
    add_rendition(api, owner, clip, tmp_path / "s")
    url = share_url(owner, clip.asset_id, allow_comments=True)["url"]

    def say(at: str, **more: str) -> httpx.Response:
        form = {"form": field(browser.get(url).text, "form"), "kind": "assets", "object": clip.asset_id}
        return browser.post(f"{url}/comments", data={**form, "text": f"at {at}", "at": at, **more})

    for at in ("10:00:01:05", "0:02", ""):
        assert say(at).status_code == 200
    refused = [say(at, name="<Ann>") for at in ("09:59:59:24", "1:00:00", "soon")]
    assert [page.status_code for page in refused] == [400] * 3
    for page, at in zip(refused, ("09:59:59:24", "1:00:00", "soon"), strict=True):
        assert f">at {at}</textarea>" in page.text, "what was typed is kept"
        assert 'value="&lt;Ann&gt;"' in page.text
        assert 'role="alert"' in page.text
    with api.sessions() as session:
        query = select(Segment).where(Segment.asset_id == UUID(clip.asset_id)).order_by(Segment.id)
        said = {one.segment_text: one for one in session.scalars(query)}
    assert [one.time_start_milliseconds for one in said.values()] == [1_200, 2_000, None]
    answered = say("", text="yes", reply=str(said["at 0:02"].id))
    assert re.search(r'class="comment answer".*?"said">yes<', answered.text, re.S)
    assert say("", text="no", reply=str(uuid4())).status_code == 400


def test_captions_are_sent_to_those_who_may_read_them_and_are_text(
    api: Api,
    owner: Caller,
    browser: httpx.Client,
    tmp_path: Path,
) -> None:
    clip, track = make_clip(api, owner), uuid4()
    add_rendition(api, owner, clip, tmp_path / "s")
    asset = UUID(clip.asset_id)
    with api.sessions.begin() as session:
        line = Segment(id=new_id(), asset_id=asset, version_id=asset, made_on=asset, segment_type="TRANSCRIPTION")
        line.segment_text, line.transcription_id = "<script>alert(1)</script> --> x", track
        line.time_start_milliseconds, line.time_end_milliseconds = 0, 1_000
        session.add(line)
    shown = {"allow_view_transcriptions": True, "show_existing_comments": True}
    opened, closed = share_url(owner, clip.asset_id, **shown)["url"], share_url(owner, clip.asset_id)["url"]
    assert "<track" not in browser.get(closed).text
    (address,) = re.findall(r'<track [^>]*src="([^"]+)"', browser.get(opened).text)
    sent = browser.get(address)
    assert sent.headers["content-type"].startswith("text/vtt")
    assert sent.headers["x-content-type-options"] == "nosniff"
    assert "00:00:00.000 --> 00:00:01.000\n&lt;script&gt;alert(1)&lt;/script&gt; --&gt; x" in sent.text
    path = address.partition("/assets/")[2]
    browser.get(closed)
    assert browser.get(f"{closed}/assets/{path}").status_code == 404
    browser.cookies.clear()
    assert browser.get(address).status_code == 404
