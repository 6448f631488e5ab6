"""Files arrive, change and leave in any order, always with the correct assets: ids stay, history records it."""

import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from models.catalog.asset import Asset, AssetStatus, FileSetFile
from models.catalog.history import History
from services.storages.storages import find_storage_by_name
from tests.files import write
from tests.pipeline import Pipeline, open_pipeline

ORPHAN_SECONDS = 0.6


@pytest.fixture
def pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """A storage where an orphan waits little more than half a second for its host."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.add_storage()
        with pipeline.sessions.begin() as session:
            find_storage_by_name(session, "Rushes").profile = {"orphan_after_seconds": ORPHAN_SECONDS}
        yield pipeline


def arrive(pipeline: Pipeline, *names: str, content: str | None = None) -> None:
    """Files come and are settled."""
    write(pipeline.root, *names, content=content)
    pipeline.settle()


def leave(pipeline: Pipeline, *names: str) -> None:
    for name in names:
        (pipeline.root / name).unlink()
    pipeline.settle()


def only(pipeline: Pipeline) -> dict[str, Any]:
    """The one asset there is."""
    (asset_id,) = pipeline.ids().values()
    return pipeline.show(str(asset_id))


def kinds(asset: dict[str, Any]) -> list[tuple[str, str]]:
    return [(part["role"], part["kind"]) for part in asset["formats"]]


def told(pipeline: Pipeline, asset: dict[str, Any]) -> list[str]:
    """History behind the creation."""
    return pipeline.history(uuid.UUID(asset["id"]))[1:]


def rows(pipeline: Pipeline) -> dict[str, int]:
    tables = ("asset", "format", "file_set", "component", "file_set_file", "history")
    with pipeline.sessions() as session:
        return {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables}


def mark_dirty(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE island SET dirty_since = now(), touched_at = now(), handed_until = NULL"))


def test_grouping_again_changes_nothing(pipeline: Pipeline) -> None:
    arrive(pipeline, "a.mov", "a.en.srt", "a_h264.mp4", "a.xmp", *(f"s/x.{n}.exr" for n in range(1, 20)), "e_L.mov")
    arrive(pipeline, "e_R.mov")
    pipeline.wait_until_quiet()
    before = rows(pipeline), pipeline.assets()
    for _ in range(3):
        mark_dirty(pipeline)
        assert pipeline.ingest() == 2
    assert (rows(pipeline), pipeline.assets()) == before
    assert pipeline.broken() == []


def test_a_half_pair_is_a_clip_until_its_partner_comes(pipeline: Pipeline) -> None:
    arrive(pipeline, "goldfish_L.mov")
    half = only(pipeline)
    assert kinds(half) == [("original", "single")]
    arrive(pipeline, "goldfish_R.mov")
    pair = only(pipeline)
    assert (pair["id"], pair["title"]) == (half["id"], "goldfish")
    assert pair["formats"][0]["id"] == half["formats"][0]["id"]
    assert kinds(pair) == [("original", "stereoscopic")]
    pipeline.wait_until_quiet()
    assert told(pipeline, pair) == [
        "MODIFY_FILESET: goldfish_R.mov joined the stereoscopic pair (rule: eyes by name). "
        "Became a stereoscopic pair (was a single video; rule: eyes by name)."
    ]
    assert pipeline.broken() == []


def test_a_pair_that_loses_an_eye_is_a_clip_again_and_remembers_the_other(pipeline: Pipeline) -> None:
    arrive(pipeline, "goldfish_L.mov", "goldfish_R.mov")
    pair = only(pipeline)
    leave(pipeline, "goldfish_R.mov")
    assert kinds(only(pipeline))[0] == ("original", "single")
    arrive(pipeline, "goldfish_R.mov")
    back = only(pipeline)
    assert back["id"] == pair["id"]
    assert kinds(back) == [("original", "stereoscopic")]
    assert pipeline.broken() == []


def test_a_transcode_that_comes_first_is_demoted_when_its_original_comes(pipeline: Pipeline) -> None:
    arrive(pipeline, "reel_h264.mp4")
    first = only(pipeline)
    assert kinds(first) == [("original", "single")]
    arrive(pipeline, "reel.mov")
    both = only(pipeline)
    assert (both["id"], both["title"]) == (first["id"], "reel")
    assert kinds(both) == [("original", "single"), ("transcode", "single")]
    assert both["formats"][1]["id"] == first["formats"][0]["id"]
    assert any("Is now the transcode (was the original" in entry for entry in told(pipeline, both))
    assert any(entry.startswith("ADD_FORMAT: Added original reel.mov") for entry in told(pipeline, both))
    assert pipeline.broken() == []


@pytest.mark.parametrize(
    ("first", "late", "kinds_then", "words"),
    [
        ("a.mov", "a.en.srt", [("original", "captioned_video")], "a.en.srt joined the video with captions"),
        ("a_V1.mov", "a_A1.wav", [("original", "separate_tracks")], "a_A1.wav joined the picture and sound"),
        ("a_camA.mov", "a_camB.mov", [("original", "multi_camera")], "a_camB.mov joined the multi-camera take"),
        ("a.mov", "a_proxy.mp4", [("original", "single"), ("transcode", "single")], "Added transcode a_proxy.mp4"),
        ("a.mov", "a.xmp", [("original", "single"), ("sidecar", "other")], "a.xmp joined as a sidecar"),
    ],
)
def test_a_late_part_joins_and_is_told_once(
    pipeline: Pipeline, first: str, late: str, kinds_then: list[tuple[str, str]], words: str
) -> None:
    arrive(pipeline, first)
    before = only(pipeline)
    arrive(pipeline, late)
    pipeline.wait_until_quiet()
    after = only(pipeline)
    assert after["id"] == before["id"]
    assert after["formats"][0]["id"] == before["formats"][0]["id"]
    assert [(role, kind) for role, kind in kinds(after) if role != "sidecar"] == [
        (role, kind) for role, kind in kinds_then if role != "sidecar"
    ]
    assert len(kinds(after)) == len(kinds_then)
    (entry,) = told(pipeline, after)
    assert words in entry
    assert pipeline.broken() == []


def test_a_late_frame_grows_the_sequence_and_growth_is_told_once_when_quiet(pipeline: Pipeline) -> None:
    arrive(pipeline, *(f"plate.{number}.exr" for number in range(1001, 1049)))
    pipeline.wait_until_quiet()
    before = only(pipeline)
    already = len(told(pipeline, before))
    for start in range(1049, 1313, 44):
        write(pipeline.root, *(f"plate.{number}.exr" for number in range(start, start + 44)))
        pipeline.step()
    pipeline.wait_until_quiet()
    after = only(pipeline)
    assert after["id"] == before["id"]
    (file_set,) = after["formats"][0]["file_sets"]
    assert (file_set["file_count"], file_set["frames"]) == (312, "1001-1312")
    growth = told(pipeline, after)[already:]
    assert sum(entry.count("became") for entry in growth) == len(growth)
    assert growth[0].startswith("MODIFY_FILESET: plate.[1001-")
    assert "48 files became " in growth[0]
    assert growth[-1].endswith("became 312.")


def test_holes_are_kept_up_to_date(pipeline: Pipeline) -> None:
    arrive(pipeline, *(f"plate.{number}.exr" for number in (1001, 1002, 1003, 1005, 1009, 1010)))

    def holes() -> tuple[int, str, str]:
        (file_set,) = only(pipeline)["formats"][0]["file_sets"]
        return file_set["missing_frames"], file_set["missing"], file_set["frames"]

    assert holes() == (4, "1004,1006-1008", "1001-1003,1005,1009-1010")
    arrive(pipeline, "plate.1004.exr", "plate.1007.exr")
    assert holes() == (2, "1006,1008", "1001-1005,1007,1009-1010")
    leave(pipeline, "plate.1010.exr", "plate.1001.exr")
    assert holes() == (2, "1006,1008", "1002-1005,1007,1009")
    assert "2 frames missing: 1006,1008" in pipeline.explain("plate.1005.exr")
    assert pipeline.broken() == []


def test_an_empty_frame_is_noted_on_its_sequence_alone(pipeline: Pipeline) -> None:
    arrive(pipeline, "plate.1002.exr", content="")
    assert pipeline.ids() == {}
    arrive(pipeline, "plate.1001.exr", "plate.1003.exr")
    (file_set,) = only(pipeline)["formats"][0]["file_sets"]
    assert (file_set["file_count"], file_set["empty_frames"]) == (2, "1002")
    leave(pipeline, "plate.1002.exr")
    assert only(pipeline)["formats"][0]["file_sets"][0]["empty_frames"] == ""
    assert pipeline.broken() == []


def test_an_orphan_waits_then_stands_alone_then_moves_to_its_host(pipeline: Pipeline) -> None:
    arrive(pipeline, "interview.en.srt")
    assert pipeline.ids() == {}
    assert 'waits for a video or sequence named "interview"' in pipeline.explain("interview.en.srt")
    assert pipeline.status().idle
    pipeline.wait_for(pipeline.ids, what="the caption stands alone")
    alone = only(pipeline)
    assert kinds(alone) == [("original", "other")]
    arrive(pipeline, "interview.mov")
    hosted = only(pipeline)
    assert (hosted["id"], hosted["title"]) == (alone["id"], "interview")
    assert kinds(hosted) == [("original", "captioned_video")]
    assert pipeline.broken() == []


def test_an_orphan_whose_host_comes_in_time_never_stands_alone(pipeline: Pipeline) -> None:
    arrive(pipeline, "interview.en.srt")
    arrive(pipeline, "interview.mov")
    asset = only(pipeline)
    assert kinds(asset) == [("original", "captioned_video")]
    assert told(pipeline, asset) == []


def test_assets_that_turn_out_to_be_one_are_merged_into_the_oldest(pipeline: Pipeline) -> None:
    arrive(pipeline, "talk_A1.wav")
    arrive(pipeline, "talk_A2.wav")
    old, young = (pipeline.ids()[title] for title in ("talk_A1", "talk_A2"))
    arrive(pipeline, "talk_V1.mov")
    assert pipeline.ids() == {"talk": old}
    assert pipeline.show(str(young))["id"] == str(old)
    assert 'CUSTOM: Merged into "talk": its files belong to that clip' in pipeline.history(young)[-1]
    assert any('CUSTOM: Took in "talk_A2"' in entry for entry in pipeline.history(old))
    with pipeline.sessions() as session:
        assert session.get_one(Asset, young).status is AssetStatus.DELETED
    assert pipeline.broken() == []


def test_a_dead_id_answers_in_one_hop_however_often_its_survivor_is_merged(pipeline: Pipeline) -> None:
    arrive(pipeline, "x_cam1_L.mov")
    arrive(pipeline, "x_cam2_L.mov")
    arrive(pipeline, "x_cam1_R.mov", "x_cam2_R.mov")
    pipeline.wait_until_quiet()
    (survivor,) = pipeline.ids().values() if len(pipeline.ids()) == 1 else (None,)
    with pipeline.sessions() as session:
        dead = session.scalars(select(Asset).where(Asset.merged_into.is_not(None))).all()
        for asset in dead:
            assert session.get_one(Asset, asset.merged_into).merged_into is None
    assert survivor is None or all(asset.merged_into == survivor for asset in dead)
    assert pipeline.broken() == []


def test_an_asset_whose_common_member_leaves_is_split(pipeline: Pipeline) -> None:
    arrive(pipeline, "talk_V1.mov", "talk_A1.wav", "talk_A2.wav")
    whole = only(pipeline)
    leave(pipeline, "talk_V1.mov")
    assert pipeline.titles() == ["talk_A1", "talk_A2"]
    assert whole["id"] in {str(asset_id) for asset_id in pipeline.ids().values()}
    assert pipeline.broken() == []
    arrive(pipeline, "talk_V1.mov")
    assert only(pipeline)["id"] == whole["id"]
    assert pipeline.broken() == []


def test_a_frame_that_comes_back_joins_those_that_went_on_without_it(pipeline: Pipeline) -> None:
    arrive(pipeline, "talk_V3.0001.exr")
    arrive(pipeline, "talk_V3.0002.exr")
    (pipeline.root / "talk_V3.0002.exr").rename(pipeline.root / "talk_V3.0001.exr")
    arrive(pipeline, "talk_A1.wav")
    arrive(pipeline, "talk_V3.0002.exr")
    assert kinds(only(pipeline)) == [("original", "separate_tracks")]
    assert pipeline.broken() == []


def test_a_file_is_in_one_file_set_and_every_set_counts_its_files(pipeline: Pipeline) -> None:
    names = ["a.mov", "a.en.srt", "a_h264.mp4", "b_L.mov", "b_R.mov", *(f"x.{n}.exr" for n in range(9)), "a.xmp"]
    for name in names:
        arrive(pipeline, name)
    for name in names[::2]:
        leave(pipeline, name)
    for name in names[::2]:
        arrive(pipeline, name)
    with pipeline.sessions() as session:
        assert session.scalar(select(func.count()).select_from(FileSetFile)) == len(names)
        wrong = session.execute(
            text("""
                SELECT file_set.name, file_count, size_bytes FROM file_set LEFT JOIN (
                    SELECT file_set_id, count(*) AS files, sum(file.size) AS bytes FROM file_set_file
                    JOIN file ON file.id = file_id GROUP BY file_set_id
                ) AS counted ON file_set_id = file_set.id
                WHERE (file_count, size_bytes) IS DISTINCT FROM (coalesce(files, 0), coalesce(bytes, 0))
            """)
        ).all()
    assert wrong == []
    assert pipeline.broken() == []


def test_history_refuses_to_be_rewritten(pipeline: Pipeline) -> None:
    arrive(pipeline, "a.mov")
    for statement in ("UPDATE history SET operation_description = 'nothing happened'", "DELETE FROM history"):
        with pytest.raises(Exception, match="history"), pipeline.sessions.begin() as session:
            session.execute(text(statement))
    with pipeline.sessions() as session:
        assert session.scalar(select(func.count(History.id))) == 1


@pytest.mark.parametrize("names", [["take.mov"], [f"plate.{number}.exr" for number in range(1001, 1011)]])
def test_a_member_that_is_written_several_times_is_counted_once(
    pipeline: Pipeline, root: Path, names: list[str]
) -> None:
    write(root, *names)
    pipeline.wait_until_quiet()
    (asset,) = pipeline.ids().values()
    pipeline.timing = dataclasses.replace(pipeline.timing, growth_seconds=3600.0)
    for number in range(4):
        write(root, *names[:2], content=f"written for the {number}th time" + "." * number)
        pipeline.settle()
        assert pipeline.show(str(asset))["formats"][0]["file_sets"][0]["size_bytes"] == sum(
            path.stat().st_size for path in root.iterdir()
        )
    assert len(pipeline.history(asset)) == 1
    pipeline.timing = dataclasses.replace(pipeline.timing, growth_seconds=0.1)
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE island SET wait_until = now()"))
    pipeline.wait_until_quiet()
    (told,) = pipeline.history(asset)[1:]
    assert told.endswith("1 file rewritten." if len(names) == 1 else "2 files rewritten.")
    write(root, names[0], content="and once more, later")
    pipeline.wait_until_quiet()
    assert pipeline.history(asset)[-1].endswith("1 file rewritten.")
