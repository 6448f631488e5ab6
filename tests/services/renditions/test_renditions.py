"""From an asset to its rendition: a new format of it, with a playable file."""

import os
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import av
import pytest
from sqlalchemy import select, update

from media.sandbox.safe_open import OpenFolders
from models.catalog.asset import Asset, FileSet, FileSetFile, Format
from models.catalog.file import File
from models.catalog.storage import PURPOSE_PROXIES, Storage
from models.core.sessions import transact
from services.catalog.assets.formats import remove_format
from services.downloads.tickets import find_downloadable_source
from services.grouping.manual import merge_manually
from services.grouping.undo import undo_manual_grouping
from services.jobs.actions import JobAction, apply_job_action
from services.media.drain import drain_media
from services.media.probe import PROBE_READING
from services.renditions.jobs import delete_orphaned_renditions
from services.renditions.registry import OUTDATED_WARNING, move_renditions_to_sources
from services.storages.storages import NewStorage, StorageError, add_storage
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.spec import TriggerDone, TriggerRun
from tests.e2e.node_client import miss
from tests.media.renditions.playing import played
from tests.services.media_clips import put
from tests.services.transcode_steps import ADMIN, Studio, frame_count
from tests.waiting import wait_until
from watch.disk.config import load_watched_storages


def test_a_video_gets_a_rendition_that_is_another_format_of_its_asset(studio: Studio, root: Path) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    job_id = studio.ask("clip")
    assert studio.run() == 1
    job = studio.job(job_id)
    assert (job.status.value, job.error_message) == ("FINISHED", None), job.message
    (path,) = studio.files()
    assert path.name == "clip.web.mp4"
    content = path.read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec.canonical_name, video.pix_fmt, audio.codec.name) == ("h264", "yuv420p", "aac")
        assert abs(container.duration - 2_000_000) < 50_000
    asset_id = studio.pipeline.ids()["clip"]
    with studio.sessions() as session:
        file_id = session.scalars(
            select(FileSetFile.file_id).join(FileSet).where(FileSet.format_id == studio.rendition().id)
        ).one()
        source = find_downloadable_source(session, ADMIN, session.get_one(Asset, asset_id), file_id)
    with OpenFolders() as folders:
        descriptor = folders.open_source(source)
        assert os.pread(descriptor, len(content), 0) == content, "it is downloaded like any other file"
        os.close(descriptor)
    history = studio.pipeline.history(asset_id)
    assert [line.split(":")[0] for line in history[-2:]] == ["ADD_FORMAT", "TRANSCODE"]
    assert studio.pipeline.broken() == []
    put(root, "other.mp4")
    studio.pipeline.settle()
    assert studio.pipeline.titles() == ["clip", "other"]
    assert studio.pipeline.broken() == []


def test_holes_and_bad_frames_of_a_sequence_are_held_and_counted(studio: Studio, root: Path) -> None:
    studio.pipeline.change_settings(sequence_frame_rate="25")
    put(root, *(f"plate.{number}.exr" for number in (1001, 1002, 1004, 1005, 1006, 1009)))
    (root / "plate.1005.exr").write_bytes(bytes(5_000))
    studio.pipeline.settle()
    job_id = studio.ask("plate")
    studio.run()
    job = studio.job(job_id)
    assert job.status.value == "FINISHED_WITH_WARNING", job.error_message
    held = "the frame before is held"
    assert studio.rendition().warnings == [f"3 frames missing: {held}", f"1 frame unreadable (1005): {held}"]
    assert f"3 frames missing: {held}" in job.message
    (path,) = studio.files()
    assert frame_count(path) == 9
    with av.open(str(path)) as container:
        assert (container.streams.video[0].average_rate, container.streams.audio) == (25, ())


def test_of_two_eyes_the_left_and_of_cameras_the_first_is_shown_with_the_sound_beside(
    studio: Studio, root: Path
) -> None:
    put(root, "eyes_L.mp4", "eyes_R.mp4", "news_V1.mp4", "news_A1.wav", "news_A2.wav")
    put(root, "take_camA.mp4", "take_camB.mp4")
    studio.pipeline.settle()
    titles = studio.pipeline.titles()
    assert len(titles) == 3, titles
    jobs = [studio.ask(title) for title in titles]
    assert studio.run() == 3
    assert {studio.job(job_id).status.value for job_id in jobs} == {"FINISHED"}
    for path in studio.files():
        with av.open(str(path)) as container:
            assert (len(container.streams.video), len(container.streams.audio)) == (1, 1)
            assert container.streams.audio[0].layout.name == "stereo"
    assert studio.pipeline.broken() == []


def test_a_second_transcode_replaces_the_file_and_keeps_the_ids(studio: Studio, root: Path) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    studio.ask("clip")
    studio.run()
    before, (old,) = studio.rendition().id, studio.files()
    with studio.sessions() as session:
        file_before = session.scalars(
            select(FileSetFile.file_id).join(FileSet).where(FileSet.format_id == before)
        ).one()
    studio.ask("clip")
    studio.run()
    (new,) = studio.files()
    assert new != old
    with studio.sessions() as session:
        file_now = session.scalars(select(FileSetFile.file_id).join(FileSet).where(FileSet.format_id == before)).one()
        row = session.get_one(File, file_now)
    assert (studio.rendition().id, file_now) == (before, file_before)
    assert (row.size, row.mtime_ns) == (new.stat().st_size, new.stat().st_mtime_ns)


def test_what_a_storage_asks_for_is_made_by_itself_and_again_when_its_files_change(studio: Studio, root: Path) -> None:
    studio.pipeline.change_settings(transcode_profiles=["web"])
    put(root, "plate.1001.exr", "plate.1002.exr", "plate.1003.exr")
    studio.pipeline.settle()
    drain_media(studio.sessions, PROBE_READING, studio.pipeline.timing)
    assert studio.run() == 1
    assert frame_count(studio.files()[0]) == 3
    put(root, "plate.1004.exr")
    studio.pipeline.settle()
    studio.read_again()
    assert studio.run() == 1
    assert frame_count(studio.files()[0]) == 4
    studio.read_again()
    assert studio.run() == 0
    assert studio.rendition().warnings == []


def test_a_rendition_made_by_hand_says_that_its_source_has_changed(studio: Studio, root: Path) -> None:
    put(root, "plate.1001.exr", "plate.1002.exr")
    studio.pipeline.settle()
    studio.ask("plate")
    studio.run()
    put(root, "plate.1003.exr")
    studio.pipeline.settle()
    studio.read_again()
    assert studio.run() == 0
    assert studio.rendition().warnings == [OUTDATED_WARNING]
    studio.ask("plate")
    studio.run()
    assert studio.rendition().warnings == []


def test_a_proxy_storage_keeps_renditions_and_nobody_watches_it(studio: Studio, root: Path, tmp_path: Path) -> None:
    proxies = tmp_path / "proxies"
    proxies.mkdir()
    transact(studio.sessions, lambda session: add_storage(session, NewStorage(proxies, purpose=PURPOSE_PROXIES)))
    studio.proxies = proxies
    put(root, "clip.mp4")
    studio.pipeline.settle()
    studio.ask("clip")
    studio.run()
    assert [path.name for path in studio.files()] == ["clip.web.mp4"]
    assert [each.name for each in load_watched_storages(studio.sessions)] == ["Rushes"]
    studio.pipeline.settle()
    assert studio.pipeline.titles() == ["clip"]
    assert studio.pipeline.status().pending_islands == 0
    assert studio.pipeline.broken() == []


def test_a_rendition_is_purged_with_its_asset_and_removed_like_a_format(studio: Studio, root: Path) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    studio.ask("clip")
    studio.run()
    asset_id, format_id = studio.pipeline.ids()["clip"], studio.rendition().id
    transact(studio.sessions, lambda session: remove_format(session, asset_id, format_id, ADMIN))
    assert studio.pipeline.broken() == []
    assert studio.files()
    delete_orphaned_renditions(studio.sessions, min_age_seconds=0)
    assert studio.files() == []


def test_the_rendition_plays_in_a_browser(studio: Studio, root: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        miss("chromium is not here, so no browser plays a rendition")
    put(root, "clip.mp4")
    studio.pipeline.settle()
    studio.ask("clip")
    studio.run()
    said = played(chromium, studio.files()[0], tmp_path / "profile")
    assert (said.get("width"), said.get("height")) == (480, 270), said
    assert said["shown"] > 1
    assert abs(said["duration"] - 2) < 0.1


def test_a_trigger_has_a_rendition_made(studio: Studio, root: Path) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    trigger = TRIGGER_REGISTRY["transcode"]
    given = trigger.arguments.model_validate({"object_id": str(studio.pipeline.ids()["clip"])})
    done = transact(
        studio.sessions, lambda session: trigger.perform(TriggerRun(session, ADMIN, uuid.uuid4(), {}), given)
    )
    assert isinstance(done, TriggerDone)
    assert done.wake_ups == [("transcode.run", [done.object_id])]
    assert studio.run() == 1
    assert studio.job(done.object_id).status.value == "FINISHED"


def test_half_of_a_machine_is_left_to_headers_and_posters(studio: Studio, root: Path) -> None:
    put(root, "a.mp4", "b.mp4")
    studio.pipeline.settle()
    jobs = [studio.ask("a"), studio.ask("b")]
    with studio.running("tests.media.sandbox.endless_child"):
        wait_until(lambda: studio.job(jobs[0]).progress_processed == 50, what="one runs", seconds=60)
        studio.by = replace(studio.by, at_once=1)
        assert studio.run() == 0
        transact(studio.sessions, lambda session: apply_job_action(session, [jobs[0]], JobAction.ABORT, ADMIN))
    assert studio.run() == 1
    assert [studio.job(job_id).status.value for job_id in jobs] == ["ABORTED", "FINISHED"]


def test_a_rendition_goes_over_with_a_merge_and_comes_back(studio: Studio, root: Path) -> None:
    put(root, "a.mp4", "b.mp4")
    studio.pipeline.settle()
    ids = studio.pipeline.ids()
    studio.ask("b")
    studio.run()
    transact(studio.sessions, lambda session: merge_manually(session, ids["a"], [ids["b"]], ADMIN).id)
    studio.pipeline.settle()
    assert studio.rendition().asset_id == ids["a"]
    assert studio.pipeline.broken() == []
    transact(studio.sessions, lambda session: undo_manual_grouping(session, ids["b"], ADMIN).id)
    studio.pipeline.settle()
    assert studio.rendition().asset_id == ids["b"]
    with studio.sessions.begin() as session:
        session.execute(update(Format).where(Format.rule == "transcode").values(asset_id=ids["a"]))
    assert transact(studio.sessions, move_renditions_to_sources) == 1
    assert studio.rendition().asset_id == ids["b"]
    assert studio.pipeline.broken() == []


def test_our_own_folder_for_renditions_keeps_nobody_from_watching_the_folder_around_it(
    studio: Studio, root: Path, tmp_path: Path
) -> None:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    studio.ask("clip")
    studio.run()
    with studio.sessions.begin() as session:
        session.execute(update(Storage).where(Storage.name == "Rushes").values(root=b"/elsewhere"))
    around = NewStorage(tmp_path, "around")
    assert transact(studio.sessions, lambda session: add_storage(session, around, [tmp_path / "media"]).name)
    with pytest.raises(StorageError, match="overlaps"):
        transact(studio.sessions, lambda session: add_storage(session, NewStorage(studio.proxies, "inside")))
