"""Segments over HTTP: readers comment, writers add markers; segments are recorded, listed, ticked off and deleted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from models.catalog.segment import SegmentType
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.files.test_downloads import put_on_disk


def segments_url(asset_id: str) -> str:
    return f"/assets/v1/assets/{asset_id}/segments/"


def say(caller: Caller, asset_id: str, said: str = "", **fields: Any) -> dict[str, Any]:
    """A segment of this caller; a comment unless another type is given."""
    body = {"segment_type": "COMMENT", "segment_text": said, **fields}
    answer = caller.http.post(segments_url(asset_id), json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def listed(caller: Caller, asset_id: str, **params: Any) -> list[dict[str, Any]]:
    answer = caller.http.get(segments_url(asset_id), params=params)
    assert answer.status_code == 200, answer.text
    objects: list[dict[str, Any]] = answer.json()["objects"]
    return objects


def texts(caller: Caller, asset_id: str, **params: Any) -> list[str]:
    return [each["segment_text"] for each in listed(caller, asset_id, **params)]


def let(owner: Caller, other: Caller, asset_id: str, *permissions: str) -> None:
    url = f"/acls/v1/users/{other.id}/acl/assets/{asset_id}/"
    assert owner.http.put(url, json={"permissions": list(permissions)}).status_code in (200, 201)


@pytest.fixture
def asset(owner: Caller) -> str:
    """An asset of the owner's."""
    return str(make_asset(owner, "plate")["id"])


@pytest.fixture
def reviewer(owner: Caller, stranger: Caller, asset: str) -> Caller:
    """Create a user who can only read the asset."""
    let(owner, stranger, asset, "read")
    return stranger


def test_who_reads_comments_and_who_writes_marks(owner: Caller, reviewer: Caller, asset: str) -> None:
    made = say(reviewer, asset, "too dark", time_start_milliseconds=62_500, segment_color="#f00")
    assert (made["user_id"], made["segment_checked"], made["top_level"]) == (str(reviewer.id), False, True)
    marker = {"segment_type": "MARKER", "time_start_milliseconds": 0}
    assert reviewer.http.post(segments_url(asset), json=marker).status_code == 403
    assert owner.http.post(segments_url(asset), json=marker).status_code == 201
    mixed = {"objects": [{"segment_type": "COMMENT"}, marker]}
    assert reviewer.http.post(f"{segments_url(asset)}bulk/", json=mixed).status_code == 403
    assert len(listed(owner, asset)) == 2
    assert history_of(owner, asset)[-2:] == [
        ("CUSTOM", f"{reviewer.actor.name} commented at 00:01:02.500"),
        ("CUSTOM", f"{owner.actor.name} added a MARKER segment at 00:00:00.000"),
    ]


def test_every_type_and_all_that_clients_keep_is_read_back_as_given(owner: Caller, asset: str) -> None:
    drawing = {"primitives": [{"type": "PENCIL", "color": "#fff", "points": [{"x": 0.25, "y": 1}]}], "version": 2}
    spoken = {"words": [{"start_ms": 0, "end_ms": 400, "value": "Hi"}], "speaker": 1}
    types = [each.value for each in SegmentType]
    for kind in types:
        person = str(uuid4())
        made = say(owner, asset, "x", segment_type=kind, drawing=drawing, transcription=spoken, person_id=person)
        read = owner.http.get(f"{segments_url(asset)}{made['id']}/").json()
        assert read == made
        assert (read["drawing"], read["transcription"], read["person_id"]) == (drawing, spoken, person)
        assert (read["segment_type"], read["has_drawing"]) == (kind, True)
    assert [each["segment_type"] for each in listed(owner, asset, sort="id")] == types


def test_a_whole_object_read_can_be_written_back(owner: Caller, asset: str) -> None:
    made = say(owner, asset, "first", time_start_milliseconds=5, drawing={"primitives": []})
    url = f"{segments_url(asset)}{made['id']}/"
    changed = owner.http.put(url, json={**made, "segment_text": "second", "user_id": str(uuid4()), "nonsense": 1})
    assert changed.status_code == 200
    again = changed.json()
    assert again == {**made, "segment_text": "second", "date_modified": again["date_modified"]}
    cleared = owner.http.patch(url, json={"time_start_milliseconds": None, "drawing": None, "segment_checked": None})
    body = cleared.json()
    assert (body["time_start_milliseconds"], body["drawing"], body["segment_checked"]) == (None, None, False)
    entries = len(history_of(owner, asset))
    assert owner.http.patch(url, json={"segment_text": "second"}).status_code == 200
    assert len(history_of(owner, asset)) == entries
    assert owner.http.put(url, json={"segment_text": "x"}).status_code == 400


def test_answers_hang_on_a_comment_of_the_same_asset_one_level_deep(
    owner: Caller, reviewer: Caller, asset: str
) -> None:
    asked = say(owner, asset, "why?")
    answer = say(reviewer, asset, "because", parent_id=asked["id"])
    assert (answer["parent_id"], answer["top_level"]) == (asked["id"], False)
    assert history_of(owner, asset)[-1][1] == f"{reviewer.actor.name} answered a comment"
    elsewhere = say(owner, make_asset(owner)["id"], "elsewhere")
    for body in (
        {"segment_type": "COMMENT", "parent_id": answer["id"]},
        {"segment_type": "COMMENT", "parent_id": elsewhere["id"]},
        {"segment_type": "COMMENT", "parent_id": str(uuid4())},
        {"segment_type": "MARKER", "parent_id": asked["id"]},
    ):
        refused = owner.http.post(segments_url(asset), json=body)
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["parent_id"])


def test_authors_change_their_own_and_writers_change_all(owner: Caller, reviewer: Caller, asset: str) -> None:
    mine, theirs = say(reviewer, asset, "mine"), say(owner, asset, "theirs")
    own, other = (f"{segments_url(asset)}{one['id']}/" for one in (mine, theirs))
    assert reviewer.http.patch(own, json={"segment_text": "better"}).status_code == 200
    assert reviewer.http.patch(own, json={"segment_type": "MARKER"}).status_code == 403
    assert reviewer.http.patch(other, json={"segment_checked": True}).status_code == 403
    assert reviewer.http.delete(other).status_code == 403
    assert owner.http.patch(own, json={"segment_checked": True}).json()["segment_checked"] is True
    assert history_of(owner, asset)[-1][1] == f"{owner.actor.name} ticked a comment off"
    both = {"objects": [{"id": mine["id"], "segment_text": "a"}, {"id": theirs["id"], "segment_text": "b"}]}
    assert reviewer.http.put(f"{segments_url(asset)}bulk/", json=both).status_code == 403
    assert sorted(texts(owner, asset)) == ["better", "theirs"]
    assert owner.http.put(f"{segments_url(asset)}bulk/", json=both).status_code == 201
    assert sorted(texts(owner, asset)) == ["a", "b"]
    assert reviewer.http.delete(own).status_code == 204


def test_a_deleted_comment_goes_with_its_answers_and_comes_back_with_them(
    owner: Caller, reviewer: Caller, asset: str
) -> None:
    asked = say(reviewer, asset, "asked")
    kept, gone = (say(owner, asset, word, parent_id=asked["id"]) for word in ("answer", "gone before"))
    owner.http.delete(f"{segments_url(asset)}{gone['id']}/")
    url = f"{segments_url(asset)}{asked['id']}/"
    assert reviewer.http.delete(url).status_code == 204
    assert listed(owner, asset) == []
    assert reviewer.http.get(url).json()["status"] == "DELETED"
    assert sorted(texts(owner, asset, status="DELETED")) == ["answer", "asked", "gone before"]
    assert texts(reviewer, asset, status="DELETED") == ["asked"]
    assert reviewer.http.patch(url, json={"status": "ACTIVE"}).status_code == 200
    assert sorted(texts(owner, asset)) == ["answer", "asked"]
    assert owner.http.delete(url, params={"soft_delete": "false"}).status_code == 204
    assert owner.http.get(url).status_code == 404
    assert owner.http.get(f"{segments_url(asset)}{kept['id']}/").status_code == 404
    told = [description for _, description in history_of(owner, asset)]
    assert told[-3:] == [
        f"{reviewer.actor.name} deleted a comment",
        f"{reviewer.actor.name} brought a comment back",
        f"{owner.actor.name} deleted a comment",
    ]
    assert not any("asked" in description for description in told)


def test_who_may_not_write_the_asset_takes_back_and_never_deletes_the_answers_of_others_for_good(
    owner: Caller, reviewer: Caller, asset: str
) -> None:
    asked = say(reviewer, asset, "asked")
    say(owner, asset, "answer", parent_id=asked["id"])
    url = f"{segments_url(asset)}{asked['id']}/"
    for _ in ("said", "taken back"):
        assert reviewer.http.delete(url, params={"soft_delete": "false"}).status_code == 403
        assert reviewer.http.delete(url).status_code == 204
    assert sorted(texts(owner, asset, status="DELETED")) == ["answer", "asked"]


def test_lists_ask_by_time_type_text_colour_status_and_ids(owner: Caller, asset: str) -> None:
    transcription = str(uuid4())
    first = say(
        owner, asset, "Red sky 100%", time_start_milliseconds=1_000, time_end_milliseconds=2_000, segment_color="red"
    )
    say(owner, asset, "blue sea", time_start_milliseconds=0, segment_color="blue", status="AWAITED")
    say(owner, asset, "hello", segment_type="TRANSCRIPTION", time_start_milliseconds=500, time_end_milliseconds=900,
        transcription_id=transcription)  # fmt: skip
    say(owner, asset, "all of it")
    assert texts(owner, asset) == ["hello", "Red sky 100%", "all of it"]
    assert texts(owner, asset, sort="time_start_milliseconds,desc") == ["Red sky 100%", "hello", "all of it"]
    assert texts(owner, asset, status="AWAITED") == ["blue sea"]
    assert texts(owner, asset, status="AWAITED,ACTIVE", segment_color="blue,red") == ["blue sea", "Red sky 100%"]
    assert texts(owner, asset, segment_type="TRANSCRIPTION") == ["hello"]
    assert texts(owner, asset, query="SKY red") == ["Red sky 100%"]
    assert texts(owner, asset, query="0%") == ["Red sky 100%"]
    assert texts(owner, asset, query="%") == ["Red sky 100%"]
    assert texts(owner, asset, time_start_milliseconds__gte=501) == ["Red sky 100%"]
    assert texts(owner, asset, time_end_milliseconds__lte=900) == ["hello"]
    assert texts(owner, asset, time_start_milliseconds=1_000) == ["Red sky 100%"]
    assert texts(owner, asset, transcription_id=transcription) == ["hello"]
    assert texts(owner, asset, version_id=asset, ids=first["id"]) == ["Red sky 100%"]
    assert texts(owner, asset, version_id=str(uuid4())) == []
    assert "user_info" not in listed(owner, asset)[0]
    assert listed(owner, asset, include_users=True)[0]["user_info"]["id"] == str(owner.id)
    page = owner.http.get(segments_url(asset), params={"per_page": 2, "page": 2}).json()
    assert (page["total"], page["pages"], len(page["objects"])) == (3, 2, 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"segment_type": "OPINION"}, "segment_type"),
        ({"segment_type": None}, "segment_type"),
        ({"time_start_milliseconds": 2_000, "time_end_milliseconds": 1_999}, "time_end_milliseconds"),
        ({"time_end_milliseconds": 5}, "time_end_milliseconds"),
        ({"time_start_milliseconds": -1}, "time_start_milliseconds"),
        ({"time_start_milliseconds": 2**40}, "time_start_milliseconds"),
        ({"segment_text": "x" * 10_001}, "segment_text"),
        ({"drawing": {"primitives": [{"type": "TEXT", "text": "y" * 300_000}]}}, "drawing"),
        ({"drawing": "a line"}, "drawing"),
        ({"shot": {"x": "y" * 300_000}}, "shot"),
        ({"status": "LOST"}, "status"),
        ({"status": "DELETED"}, "status"),
    ],
)
def test_what_reads_wrong_names_its_field_and_writes_nothing(
    owner: Caller, asset: str, fields: dict[str, Any], field: str
) -> None:
    good = {"segment_type": "COMMENT", "segment_text": "x"}
    answer = owner.http.post(segments_url(asset), json={**good, **fields})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    many = owner.http.post(f"{segments_url(asset)}bulk/", json={"objects": [good, {**good, **fields}]})
    assert many.status_code == 400
    assert listed(owner, asset) == []


def test_a_segment_does_not_outlast_a_clip_whose_length_is_known(api: Api, owner: Caller, asset: str) -> None:
    claimed = {"name": "g", "type": "GENERAL", "metadata": {"duration_milliseconds": "ten seconds"}}
    body = {"name": "ORIGINAL", "components": [claimed]}
    made = owner.http.post(f"/files/v1/assets/{asset}/formats/", json=body).json()
    say(owner, asset, time_start_milliseconds=20_000)
    with api.sessions.begin() as session:
        read = "UPDATE component SET from_header = true, media = :media WHERE format_id = :id"
        session.execute(text(read), {"id": made["id"], "media": '{"duration_milliseconds": 10000}'})
    fits = say(owner, asset, time_start_milliseconds=0, time_end_milliseconds=10_000)
    late = {"segment_type": "COMMENT", "time_start_milliseconds": 0, "time_end_milliseconds": 10_001}
    refused = owner.http.post(segments_url(asset), json=late)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["time_end_milliseconds"])
    url = f"{segments_url(asset)}{fits['id']}/"
    assert owner.http.patch(url, json={"time_start_milliseconds": 10_001}).status_code == 400
    assert owner.http.patch(url, json={"time_start_milliseconds": 9_999}).status_code == 200


def test_bulk_is_all_or_nothing_and_one_entry_of_history(owner: Caller, asset: str) -> None:
    bulk = f"{segments_url(asset)}bulk/"
    mark = {"segment_type": "MARKER", "time_start_milliseconds": 1}
    objects = [mark, mark, {"segment_type": "COMMENT"}]
    made = owner.http.post(bulk, json={"objects": objects})
    assert (made.status_code, len(listed(owner, asset))) == (201, 3)
    assert history_of(owner, asset)[-1][1] == f"{owner.actor.name} added 2 MARKER segments and a comment"
    ids = [one["id"] for one in made.json()["objects"]]
    for wrong in ([], [{"segment_type": "MARKER"}]):
        assert owner.http.put(bulk, json={"objects": wrong}).status_code == 400
    unknown = [{"id": ids[0], "segment_text": "x"}, {"id": str(uuid4()), "segment_text": "x"}]
    assert owner.http.put(bulk, json={"objects": unknown}).status_code == 404
    twice = [{"id": ids[0], "segment_text": "x"}, {"id": ids[0], "segment_text": "y"}]
    assert owner.http.put(bulk, json={"objects": twice}).status_code == 400
    assert set(texts(owner, asset)) == {""}
    assert owner.http.delete(bulk).status_code == 400 == owner.http.request("DELETE", bulk, json={}).status_code
    attributes = [{"name": "time_start_milliseconds", "value": 0, "operator": "gt"}]
    late = {"segment_type": "MARKER", "attributes": attributes}
    assert owner.http.request("DELETE", bulk, json=late).status_code == 204
    assert [one["segment_type"] for one in listed(owner, asset)] == ["COMMENT"]
    assert owner.http.request("DELETE", bulk, json=late).status_code == 404
    for one in (
        {"name": "password", "value": 1},
        {"name": "date_created", "value": "soon"},
        {"name": "id", "value": 1},
    ):
        assert owner.http.request("DELETE", bulk, json={"attributes": [one]}).status_code == 400
    assert owner.http.request("DELETE", bulk, json={"segment_ids": ids}).status_code == 204


def test_nothing_new_is_said_of_a_deleted_asset(owner: Caller, asset: str) -> None:
    said = say(owner, asset, "before")
    owner.http.delete(f"/assets/v1/assets/{asset}/")
    assert owner.http.post(segments_url(asset), json={"segment_type": "COMMENT"}).status_code == 409
    url = f"{segments_url(asset)}{said['id']}/"
    assert owner.http.patch(url, json={"segment_text": "after"}).status_code == 409
    assert texts(owner, asset) == ["before"]


def test_a_segment_is_missing_under_another_asset(owner: Caller, asset: str) -> None:
    said = say(owner, asset)
    other = make_asset(owner)["id"]
    assert owner.http.get(f"{segments_url(other)}{said['id']}/").status_code == 404
    assert owner.http.delete(f"{segments_url(other)}{said['id']}/").status_code == 404


def test_a_repeated_request_comments_once(owner: Caller, asset: str) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    body = {"segment_type": "COMMENT", "segment_text": "once"}
    one, other = (owner.http.post(segments_url(asset), json=body, headers=headers) for _ in range(2))
    assert one.json() == other.json()
    assert texts(owner, asset) == ["once"]


def test_a_comment_and_the_deletion_of_its_asset_never_both_win(owner: Caller) -> None:
    """Either order is valid: the comment came first, or is rejected."""

    def comment(asset: str) -> int:
        return owner.http.post(segments_url(asset), json={"segment_type": "COMMENT"}).status_code

    def delete(asset: str) -> int:
        return owner.http.delete(f"/assets/v1/assets/{asset}/").status_code

    for _ in range(5):
        asset = make_asset(owner)["id"]
        with ThreadPoolExecutor(2) as pool:
            commented, deleted = (work.result() for work in [pool.submit(act, asset) for act in (comment, delete)])
        assert deleted == 204
        assert commented in (201, 409)
        assert len(listed(owner, asset)) == (1 if commented == 201 else 0)
        # Entries carry the start time of their transactions, so the order of two concurrent entries means nothing.
        assert [told for told, _ in history_of(owner, asset)].count("DELETE") == 1


def test_a_caption_file_is_imported_by_a_job(api: Api, owner: Caller, tmp_path: Path) -> None:
    asset_id, file_id = put_on_disk(
        api, owner, tmp_path / "s", b"clip.en.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHi\n"
    )
    answer = owner.http.post(f"{segments_url(asset_id)}captions/", json={"file_id": file_id})
    assert answer.status_code == 202, answer.text
    assert owner.http.get(f"/jobs/v1/jobs/{answer.json()['job_id']}/").json()["type"] == "TRANSCRIPTION"
