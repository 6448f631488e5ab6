"""Every path has an explanation in any state: one word for programs, sentences for people."""

import shutil
import unicodedata
from pathlib import Path

import pytest
from sqlalchemy import text

from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from services.operations.explain import Explanation, explain_path
from services.operations.explain_progress import explain_indexed_document, read_asset_mark
from services.storages.storages import find_storage_by_name
from tests.files import write
from tests.pipeline import Pipeline


def ask(pipeline: Pipeline, path: str) -> Explanation:
    with pipeline.sessions() as session:
        return explain_path(session, bytes(pipeline.root / path))


def test_a_grouped_file_tells_its_asset_its_companions_and_the_rule(pipeline: Pipeline, root: Path) -> None:
    write(root, "fish_L.mov", "fish_R.mov", "plate.1001.exr", "plate.1004.exr")
    pipeline.settle()
    left = ask(pipeline, "fish_L.mov")
    ids = pipeline.ids()
    assert (left.state, left.asset_id) == ("asset", str(ids["fish"]))
    assert left.format_id == pipeline.show("fish")["formats"][0]["id"]
    assert left.file_id == str(pipeline.file("fish_L.mov").id)
    said = "\n".join(left.lines)
    assert f'belongs to asset "fish" ({ids["fish"]})' in said
    assert 'stereoscopic pair, grouped by the rule "eyes by name"' in said
    frame = "\n".join(ask(pipeline, "plate.1001.exr").lines)
    assert "with 1 other file" in frame
    assert "2 frames missing: 1002-1003" in frame


def test_a_frame_that_never_came_tells_the_sequence_that_it_is_missing_in(pipeline: Pipeline, root: Path) -> None:
    write(root, "plate.1001.exr", "plate.1004.exr", *(f"comb.{number:04d}.exr" for number in range(1, 400, 2)))
    pipeline.settle()
    said = ask(pipeline, "plate.1003.exr")
    assert (said.state, said.asset_id) == ("missing", str(pipeline.ids()["plate"]))
    assert said.lines[0] == "is not on disk and never came: frame 1003 is missing in plate.[1001-1004].exr"
    assert said.lines[1].endswith("2 frames missing: 1002-1003")
    assert ask(pipeline, "plate.1005.exr").state == "absent"
    assert all(len(line) < 400 for line in ask(pipeline, "comb.0002.exr").lines)


def test_a_file_that_vanished_while_deletions_are_frozen_says_so(pipeline: Pipeline, root: Path) -> None:
    names = [f"clip{number}.mov" for number in range(120)]
    write(root, *names)
    pipeline.settle()
    for name in names:
        (root / name).unlink()
    pipeline.watcher.scan_now()
    pipeline.wait_for(lambda: pipeline.storage().frozen_reason, what="deletions freeze")
    line = ask(pipeline, "clip7.mov").lines[0]
    assert "the last scan did not find it, and stays as it is: " in line
    assert "120 of 120 files vanished at once" in line
    assert "tapeless storage confirm-deletions Rushes" in line


def test_a_file_that_is_not_stable_yet_is_pending(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    write(root, "new.mov")
    said = ask(pipeline, "new.mov")
    assert said.state == "pending"
    assert "not recorded yet: it has to be unchanged for a moment first" in said.lines[0]


def test_a_file_whose_island_is_dirty_is_pending(pipeline: Pipeline, root: Path) -> None:
    write(root, "new.mov")
    watcher = pipeline.watch()
    pipeline.wait_for(lambda: pipeline.file("new.mov"), what="the file is known")
    watcher.close()
    with pipeline.sessions.begin() as session:
        session.execute(text("DELETE FROM file_set_file"))
        session.execute(text("UPDATE island SET dirty_since = now()"))
    said = ask(pipeline, "new.mov")
    assert said.state == "pending"
    assert said.lines[-1].startswith("its island is waiting to be grouped, since 20")


def test_an_orphan_tells_for_whom_it_waits_and_how_long(pipeline: Pipeline, root: Path) -> None:
    write(root, "talk.en.srt", "photo.xmp")
    pipeline.settle()
    said = ask(pipeline, "talk.en.srt")
    assert said.state == "waiting"
    assert 'waits for a video or sequence named "talk"; alone it becomes an asset in ' in said.lines[-1]
    assert 'waits for a file named "photo"' in ask(pipeline, "photo.xmp").lines[-1]


def test_what_is_nowhere_says_so(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    pipeline.settle()
    assert ask(pipeline, "never.mov").state == "absent"
    assert "No such file" in ask(pipeline, "never.mov").lines[0]
    outside = ask(pipeline, "../elsewhere.mov".replace("../", str(tmp_path) + "/"))
    assert outside.state == "outside"
    assert outside.lines == [f'is in no watched folder; watched are "{root}"']


def test_a_card_tells_its_clips_and_what_is_missing_junk_waiting_or_unreadable(pipeline: Pipeline, root: Path) -> None:
    clips = [f"A001/M4ROOT/CLIP/C000{number}.MP4" for number in range(1, 4)]
    write(root, *clips, "A001/M4ROOT/CLIP/C0001M01.XML", "A001/M4ROOT/SUB/C0001S03.MP4", "A001/.DS_Store", "b.mov")
    write(root, "A001/stills/plate.1001.exr", "A001/stills/plate.1004.exr", "A001/stills/late.srt")
    write(root, "A001/stills/empty.mov", content="")
    (root / "A001/latest").symlink_to("M4ROOT")
    pipeline.settle()
    (root / clips[2]).unlink()
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE file SET error = 'Permission denied' WHERE name = 'C0002.MP4'"))
        session.execute(text("UPDATE island SET wait_until = now() + interval '1 hour'"))
    said = ask(pipeline, "A001")
    assert said.folder is not None
    assert (said.state, said.folder.card, said.folder.files) == ("failed", "Sony XAVC card", 8)
    assert said.folder.assets == {"single": 3, "image_sequence": 1}
    assert said.folder.missing.examples[0]["path"] == "M4ROOT/CLIP/C0003.MP4"
    assert said.folder.missing_frames.examples == [
        {"path": "stills/plate.[1001-1004].exr", "why": "2 frames missing: 1002-1003"}
    ]
    assert said.folder.unreadable.examples == [{"path": "M4ROOT/CLIP/C0002.MP4", "why": "Permission denied"}]
    assert said.folder.ignored.examples == [{"path": ".DS_Store", "why": 'by the pattern ".DS_Store"'}]
    assert said.folder.special.examples == [{"path": "latest", "why": "is a link"}]
    waiting = {each["path"]: each["why"] for each in said.folder.waiting.examples}
    assert waiting["stills/empty.mov"] == "is empty, and waits for content"
    assert waiting["stills/late.srt"].startswith('waits for a video or sequence named "late"')
    assert said.lines[0].startswith("is a folder with 8 files in 5 folders, ")
    assert said.lines[1:3] == ["camera card: Sony XAVC card", "4 assets: 3 x single video, 1 x image sequence"]


def test_a_folder_without_trouble_says_so_and_the_root_is_one(pipeline: Pipeline, root: Path) -> None:
    write(root, "day1/a.mov")
    pipeline.settle()
    assert ask(pipeline, "day1").state == "folder"
    assert ask(pipeline, "day1").lines[-1] == "nothing is missing, waiting or unreadable"
    with pipeline.sessions() as session:
        assert explain_path(session, bytes(root)).lines[0].startswith("is a folder with 1 file in 2 folders")
    write(root, "day2/b.mov")
    assert ask(pipeline, "day2").folder is not None
    assert "is on disk and not recorded yet" in "".join(ask(pipeline, "day2").lines)
    shutil.rmtree(root / "day1")
    assert "No such file" in ask(pipeline, "day1").lines[-1]


def test_an_unmounted_root_is_named_as_the_reason(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    root.rename(root.parent / "unplugged")
    pipeline.wait_for(lambda: pipeline.storage().status_message, what="the storage is failing")
    assert "root is not mounted" in " ".join(ask(pipeline, "a.mov").lines)
    assert "root is not mounted" in " ".join(ask(pipeline, "b.mov").lines)


def test_settings_that_leave_a_path_out_are_named(pipeline: Pipeline, root: Path) -> None:
    with pipeline.sessions.begin() as session:
        find_storage_by_name(session, "Rushes").settings = {"scan_directories": ["in"], "scan_ignore": ["*.bak"]}
    write(root, "out/a.mov", "in/a.bak")
    assert ask(pipeline, "out/a.mov").lines == ['lies outside the scan folders of storage "Rushes": in']
    assert ask(pipeline, "in/a.bak").lines == ['is ignored by the pattern "*.bak"']


def test_the_way_goes_on_to_the_document_the_media_and_the_jobs_each_with_its_time(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "a.mov")
    pipeline.settle()
    said = "\n".join(ask(pipeline, "a.mov").lines)
    assert "is stable (5 bytes) since 20" in said
    assert "its header waits to be read, since 20" in said
    assert "its document waits to be written to the index since 20" in said
    asset_id = pipeline.ids()["a"]
    drain_index_queue(pipeline.sessions, PostgresEngine(pipeline.sessions), pipeline.timing)
    with pipeline.sessions.begin() as session:
        revision = read_asset_mark(session, asset_id).revision
        session.execute(
            text(
                "INSERT INTO job (id, type, title, status, object_type, object_id, message)"
                " VALUES (gen_random_uuid(), 'CUSTOM', 'Check it', 'STARTED', 'assets', :asset, 'half')"
            ),
            {"asset": asset_id},
        )
    said = "\n".join(ask(pipeline, "a.mov").lines)
    assert f"its document was written to the index, as revision {revision}" in said
    assert '"Check it" is STARTED since 20' in said
    assert said.endswith(": half")


def test_a_document_that_the_index_lost_or_that_is_parked_is_told_so(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    drain_index_queue(pipeline.sessions, PostgresEngine(pipeline.sessions), pipeline.timing)
    engine, asset_id = PostgresEngine(pipeline.sessions), pipeline.ids()["a"]

    def told() -> str:
        with pipeline.sessions() as session:
            marked = read_asset_mark(session, asset_id)
        return explain_indexed_document(engine, marked, asset_id)

    assert told().endswith(", the newest")
    with pipeline.sessions.begin() as session:
        session.execute(text("DELETE FROM search_document"))
    assert told() == "the index has no document of it; it was lost there: tapeless verify --repair sends it again"
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE index_mark SET dirty_since = now(), parked_at = now(), error = 'too long'"))
    parked = "\n".join(ask(pipeline, "a.mov").lines)
    assert f": too long; tapeless jobs retry {asset_id} retries it" in parked


@pytest.mark.parametrize("name", ["Caf\u00e9 noir", "Cafe\u0301 noir"])
def test_a_title_is_found_composed_and_decomposed(pipeline: Pipeline, root: Path, name: str) -> None:
    write(root, f"{name}.mov")
    pipeline.settle()
    for form in ("NFC", "NFD"):
        assert pipeline.show(unicodedata.normalize(form, "Caf\u00e9 noir"))["title"] == name
        assert pipeline.show(unicodedata.normalize(form, "Caf\u00e9 n"))["title"] == name
