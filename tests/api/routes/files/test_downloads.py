"""Downloads: a URL without headers opens one file or format, for a limited time, while its requester has permission."""

import gc
import io
import os
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
import xxhash
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from api.routes.files.downloads import send_file
from asgi.context import ApiContext
from asgi.request_context import SelfCommittingCall
from asgi.transaction import ANONYMOUS
from models.catalog.asset import FileSet, FileSetFile, Format, FormatRole
from models.catalog.file import File, FileStatus, Folder
from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import transact
from models.core.timing import Timing
from search.postgres.engine import PostgresEngine
from services.core.signing_key import SigningKey
from services.downloads.archives import plan_archive
from services.downloads.streaming import stream_archive
from services.downloads.tickets import FILE_TICKET, FORMAT_TICKET, DownloadTicket
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.serve import KEY


@dataclass(frozen=True, slots=True)
class Stored:
    """A format of an asset with its files on a disk."""

    asset_id: str
    format_id: str
    file_ids: list[str]
    folder: Path


def store(
    api: Api, owner: Caller, root: Path, files: dict[bytes, bytes | int], *, asset_id: str | None = None
) -> Stored:
    """An asset with one format of files in a folder of a storage; a number is a file of so many bytes of nothing."""
    folder = root / "reel"
    folder.mkdir(parents=True)
    asset_id = asset_id or make_asset(owner)["id"]
    with api.sessions.begin() as session:
        storage = Storage(id=new_id(), name=uuid4().hex, root=os.fsencode(root.resolve()))
        session.add(storage)
        session.flush()
        top = Folder(storage_id=storage.id, parent_id=None, name=b"")
        session.add(top)
        session.flush()
        reel = Folder(storage_id=storage.id, parent_id=top.id, name=b"reel")
        one = Format(id=new_id(), asset_id=UUID(asset_id), version_id=UUID(asset_id), name="o")
        one.role, one.structure = FormatRole.ORIGINAL, "single"
        session.add_all([reel, one])
        session.flush()
        group = FileSet(id=new_id(), asset_id=asset_id, format_id=one.id, version_id=asset_id, name="x")
        session.add(group)
        session.flush()
        made = [_file(session, folder, reel.id, group.id, name, content) for name, content in files.items()]
        return Stored(asset_id, str(one.id), made, folder)


def _file(session, folder: Path, folder_id: int, group_id: UUID, name: bytes, content: bytes | int) -> str:  # type: ignore[no-untyped-def]
    path = os.path.join(os.fsencode(folder), name)
    with open(path, "wb") as file:
        file.truncate(content) if isinstance(content, int) else file.write(content)
    now = os.stat(path)
    row = File(id=new_id(), folder_id=folder_id, name=name, size=now.st_size, mtime_ns=now.st_mtime_ns)
    row.device = row.inode = row.seen = row.content_seen = 1
    row.media_class, row.status = "video", FileStatus.CLOSED
    session.add(row)
    session.flush()
    session.add(FileSetFile(file_id=row.id, file_set_id=group_id))
    return str(row.id)


def put_on_disk(api: Api, owner: Caller, root: Path, name: bytes, content: bytes) -> tuple[str, str]:
    """An asset with one file; gives the ids of both."""
    made = store(api, owner, root, {name: content})
    return made.asset_id, made.file_ids[0]


def address_of(caller: Caller, asset_id: str, file_id: str, *, kind: str = "files") -> str:
    answer = caller.http.get(f"/files/v1/assets/{asset_id}/{kind}/{file_id}/download_url/")
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    return url


def test_a_file_that_is_sent_whole_leaves_its_sum(api: Api, owner: Caller, tmp_path: Path) -> None:
    content = b"0123456789" * 200_000  # more than one chunk
    made = store(api, owner, tmp_path / "s", {b"a.mov": content, b"b.mov": b"b"})

    def sums() -> list[list[tuple[str, str]]]:
        known = [owner.http.get(f"/files/v1/assets/{made.asset_id}/files/{one}/").json() for one in made.file_ids]
        return [[(each["checksum"], each["proven_by"]) for each in one["checksums"]] for one in known]

    url = address_of(owner, made.asset_id, made.file_ids[0])
    api.http.get(url, headers={"Range": "bytes=0-99"})
    api.http.get(url, headers={"Range": "bytes=100-"})
    assert sums() == [[], []]
    api.http.get(url, headers={"Range": "bytes=0-"})
    whole = (xxhash.xxh3_128(content).hexdigest(), "download")
    assert sums() == [[whole], []]
    api.http.get(address_of(owner, made.asset_id, made.format_id, kind="formats"))
    assert sums() == [[whole], [(xxhash.xxh3_128(b"b").hexdigest(), "download")]]


def test_an_address_opens_the_file_whole_and_in_parts(api: Api, owner: Caller, tmp_path: Path) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"clip \xff.mov", b"0123456789")
    url = address_of(owner, asset_id, file_id)
    whole = api.http.get(url)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, content in (("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-3", b"789"), ("bytes=5-99", b"56789")):
        part = api.http.get(url, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, content)
        assert part.headers["content-range"].endswith("/10")
    assert owner.token not in url


@pytest.mark.parametrize("asked", ["bytes=4-2", "bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=" + "9" * 5000 + "-"])
def test_what_is_no_range_gets_the_whole(api: Api, owner: Caller, tmp_path: Path, asked: str) -> None:
    url = address_of(owner, *put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"0123456789"))
    answer = api.http.get(url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_a_range_behind_the_end_is_refused_and_a_changed_file_is_sent_anew(
    api: Api, owner: Caller, tmp_path: Path
) -> None:
    url = address_of(owner, *put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"0123456789"))
    for asked in ("bytes=10-", "bytes=-0"):
        refused = api.http.get(url, headers={"Range": asked})
        assert (refused.status_code, refused.headers["content-range"]) == (416, "bytes */10")
    part = {"Range": "bytes=2-4", "If-Range": api.http.get(url).headers["etag"]}
    assert api.http.get(url, headers=part).status_code == 206
    assert api.http.get(url, headers={**part, "If-Range": '"other"'}).content == b"0123456789"


def test_history_tells_of_a_download_once_however_many_parts_it_comes_in(
    api: Api, owner: Caller, tmp_path: Path
) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"0123456789")
    url = address_of(owner, asset_id, file_id)
    for asked in ("bytes=0-3", "bytes=4-7", "bytes=8-"):
        api.http.get(url, headers={"Range": asked})
    told = [text for operation, text in history_of(owner, asset_id) if operation == "DOWNLOAD"]
    assert told == ['the file "a.mov" was downloaded']


def test_whatever_a_file_is_called_it_is_saved_under_its_name_and_never_shown_as_a_page(
    api: Api, owner: Caller, tmp_path: Path
) -> None:
    name = 'a "b" \\ é 映 .html\r\nX-Evil: 1'
    made = store(api, owner, tmp_path / "s", {name.encode(): b"<script>"})
    answer = api.http.get(address_of(owner, made.asset_id, made.file_ids[0]))
    said = answer.headers["content-disposition"]
    assert said.startswith('attachment; filename="a _b_ _ _ _ .html')
    assert "filename*=UTF-8''a%20%22b%22%20_%20%C3%A9%20%E6%98%A0%20.html" in said
    assert "x-evil" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("private, no-store", "no-referrer")


def test_an_address_ends_with_the_token_and_with_the_right(
    api: Api, owner: Caller, stranger: Caller, tmp_path: Path
) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"x")
    rights = f"/acls/v1/users/{stranger.id}/acl/assets/{asset_id}/"
    asked = f"/files/v1/assets/{asset_id}/files/{file_id}/download_url/"
    assert stranger.http.get(asked).status_code == 404
    owner.http.put(rights, json={"permissions": ["read"]})
    theirs, mine = address_of(stranger, asset_id, file_id), address_of(owner, asset_id, file_id)
    assert api.http.get(theirs).status_code == 200
    owner.http.delete(rights)
    assert api.http.get(theirs).status_code == 404
    assert api.http.get(mine).status_code == 200
    owner.http.delete("/auth/v1/auth/token/")
    assert api.http.get(mine).status_code == 404


def test_an_address_opens_nothing_else_and_no_longer_than_it_says(api: Api, owner: Caller, tmp_path: Path) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"x")
    token = UUID(owner.http.get("/auth/v1/auth/token/").json()["id"])
    later = int(time.time()) + 60
    key, others = SigningKey(KEY), SigningKey(b"x" * 32)
    good = DownloadTicket(FILE_TICKET, token, UUID(asset_id), UUID(file_id), later)
    past = DownloadTicket(FILE_TICKET, token, UUID(asset_id), UUID(file_id), later - 120)
    whole = good.write(key)
    middle = len(whole) // 2
    changed = whole[:middle] + ("A" if whole[middle] != "A" else "B") + whole[middle + 1 :]
    assert api.http.get(f"/files/v1/downloads/{whole}/").status_code == 200
    for text in (past.write(key), good.write(others), changed, whole[:-4], whole + "AAAA", "x", "é"):
        assert api.http.get(f"/files/v1/downloads/{text}/").status_code == 404


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_link_out_of_the_storage_is_never_followed(api: Api, owner: Caller, tmp_path: Path, place: str) -> None:
    made = store(api, owner, tmp_path / "s", {b"a.mov": b"x"})
    url = address_of(owner, made.asset_id, made.file_ids[0])
    outside, seen = tmp_path / "outside", made.folder / "a.mov"
    made.folder.rename(outside)
    if place == "folder":
        made.folder.symlink_to(outside)
    else:
        made.folder.mkdir()
        seen.symlink_to(outside / "a.mov")
    assert api.http.get(url).status_code == 409


def test_what_is_no_file_any_more_or_another_one_is_refused(api: Api, owner: Caller, tmp_path: Path) -> None:
    made = store(api, owner, tmp_path / "s", {b"a.mov": b"x"})
    url, seen = address_of(owner, made.asset_id, made.file_ids[0]), made.folder / "a.mov"
    seen.write_bytes(b"longer now")
    assert api.http.get(url).status_code == 409
    seen.unlink()
    assert api.http.get(url).status_code == 409
    os.mkfifo(seen)
    assert api.http.get(url).status_code == 409


def test_a_format_comes_as_an_archive_that_any_reader_opens(api: Api, owner: Caller, tmp_path: Path) -> None:
    frames = {f"plate.{number:04}.exr".encode(): os.urandom(1000) for number in range(1200)}
    odd = {"é 映.exr".encode(): b"unicode", b"back\\slash.exr": b"slash", b"raw\xff.exr": b"bytes", b"empty.exr": b""}
    made = store(api, owner, tmp_path / "s", {**frames, **odd})
    answer = api.http.get(address_of(owner, made.asset_id, made.format_id, kind="formats"))
    assert (answer.status_code, answer.headers["accept-ranges"]) == (200, "none")
    assert 'filename="clip.zip"' in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        held = {info.filename: packed.read(info) for info in packed.infolist()}
        assert all(info.compress_type == zipfile.ZIP_STORED for info in packed.infolist())
    assert {name: held[name.decode()] for name in frames} == frames
    assert held.keys() - {name.decode() for name in frames} == {
        "é 映.exr",
        "back_slash.exr",
        "raw_xff.exr",
        "empty.exr",
    }
    assert history_of(owner, made.asset_id)[-1][0] == "DOWNLOAD"


def test_an_archive_with_a_file_that_changed_breaks_off_instead_of_lying(
    api: Api, owner: Caller, tmp_path: Path
) -> None:
    made = store(api, owner, tmp_path / "s", {b"a.mov": b"x" * 1000, b"b.mov": b"y" * 1000})
    url = address_of(owner, made.asset_id, made.format_id, kind="formats")
    (made.folder / "b.mov").write_bytes(b"other")
    with pytest.raises(httpx.RemoteProtocolError):
        api.http.get(url)


@pytest.mark.parametrize("status", [FileStatus.MISSING, FileStatus.DELETED])
def test_an_archive_without_one_of_its_files_is_refused_by_name(
    api: Api, owner: Caller, tmp_path: Path, status: FileStatus
) -> None:
    made = store(api, owner, tmp_path / "s", {b"a.mov": b"x", b"b.mov": b"y"})
    url = address_of(owner, made.asset_id, made.format_id, kind="formats")
    with api.sessions.begin() as session:
        session.get_one(File, UUID(made.file_ids[1])).status = status
    answer = api.http.get(url)
    assert (answer.status_code, "b.mov" in answer.text) == (409, True)
    assert "DOWNLOAD" not in [operation for operation, _ in history_of(owner, made.asset_id)]


def test_who_leaves_an_archive_at_a_header_leaves_nothing_open(api: Api, owner: Caller, tmp_path: Path) -> None:
    made = store(api, owner, tmp_path / "s", {b"a.mov": b"x" * 1000, b"b.mov": b"y" * 1000})
    token = UUID(owner.http.get("/auth/v1/auth/token/").json()["id"])
    ticket = DownloadTicket(FORMAT_TICKET, token, UUID(made.asset_id), UUID(made.format_id), int(time.time()) + 60)
    archive = transact(api.sessions, lambda session: plan_archive(session, ticket))
    for read in range(1, 4):
        sent = stream_archive(api.sessions, ticket, archive, Timing())
        for _ in range(read):
            next(sent)
        sent.close()
        gc.collect()
        assert open_below(made.folder) == []


def open_below(folder: Path) -> list[str]:
    """What this process holds open there."""
    held = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return [path for path in held if path.startswith(str(folder))]


@pytest.mark.parametrize("heard", [None, 0, 1, 2])
def test_who_hangs_up_leaves_no_file_open_however_early(
    api: Api, owner: Caller, tmp_path: Path, heard: int | None
) -> None:
    """None: the answer is made and never sent."""
    made = store(api, owner, tmp_path / "s", {b"a.mov": b"x" * 1000})
    token = UUID(owner.http.get("/auth/v1/auth/token/").json()["id"])
    ticket = DownloadTicket(FILE_TICKET, token, UUID(made.asset_id), UUID(made.file_ids[0]), int(time.time()) + 60)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "asgi": {"spec_version": "2.4"}}
    call = SelfCommittingCall(ApiContext(api.sessions, PostgresEngine(api.sessions)), Request(scope), ANONYMOUS)
    response = send_file(call, ticket)
    assert len(open_below(made.folder)) == 1
    if heard is None:
        del response
    else:
        messages: list[Message] = []

        async def send(message: Message) -> None:
            if len(messages) == heard:
                raise OSError("the client left")
            messages.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        with pytest.raises(ClientDisconnect):
            anyio.run(response, scope, receive, send)
    assert open_below(made.folder) == []


def test_no_ticket_reaches_the_log(api: Api, owner: Caller, tmp_path: Path) -> None:
    url = address_of(owner, *put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"x"))
    ticket = url.rstrip("/").rpartition("/")[2]
    api.http.get(url)
    api.http.get(url.replace("/downloads/", "//downloads//"))
    log = api.log.read_text()
    assert ticket not in log
    assert ticket[:40] not in log
    assert "/API/files/v1/downloads/***" in log
