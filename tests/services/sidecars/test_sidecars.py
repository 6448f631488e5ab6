"""Sidecar import from files to metadata values: what is written, what is kept, and how errors are reported."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from media.sandbox.batch_reader import ReadEnd
from media.sandbox.families import MediaFamily
from media.sandbox.seccomp import ResourceLimits
from models.core.sessions import transact
from models.queues.job import Job
from services.catalog.assets.sources import ReadableFileSet
from services.jobs.actions import JobAction, apply_job_action
from services.media.drain import SetOutcome, drain_media, reread_jobs
from services.sidecars.reader import SIDECAR_READING
from tests.files import write
from tests.media.sidecars.test_parsers import ALE, SONY, XMP
from tests.pipeline import Pipeline
from tests.services.sidecar_steps import (
    ADMIN,
    add_fields,
    add_view,
    jobs,
    put,
    read,
    rows,
    say,
    told,
    values,
    waiting,
    warnings,
)

MISBEHAVING = "tests.media.sandbox.misbehaving_child"


def test_a_sidecar_beside_its_clip_becomes_values_with_its_name_in_history(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, title="string", tags="tag_cloud", rating="integer", creator="string", creation_time="datetime")
    write(root, "clip.mov")
    put(root, "clip.xmp", XMP)
    assert read(pipeline).read == 1
    assert values(pipeline, "clip") == {
        "title": ["Harbour"],
        "tags": ["sea", "Österreich"],
        "rating": [4],
        "creator": ["Ada"],
        "creation_time": ["2024-01-31T16:30:00.000000+00:00"],
    }
    ((actor, description),) = told(pipeline)
    assert actor == "sidecar clip.xmp"
    assert 'rating from nothing to "4"' in description
    assert jobs(pipeline) == [("FINISHED", None)]
    assert (warnings(pipeline), waiting(pipeline), pipeline.broken()) == ([], [], [])
    assert "was read as XMP; no metadata field takes: xmp:Label" in pipeline.explain("clip.xmp")


@pytest.mark.parametrize("name", ["clip.json", "clip.mov.json"])
def test_a_sidecar_comes_first_or_last_with_its_extension_replaced_or_appended(
    pipeline: Pipeline, root: Path, name: str
) -> None:
    add_fields(pipeline, colour="string")
    put(root, name, {"colour": "red"})
    pipeline.settle()
    assert (pipeline.titles(), read(pipeline).read) == ([], 0), "it waits for its clip"
    write(root, "clip.mov", "late.mov")
    read(pipeline)
    put(root, name.replace("clip", "late"), {"colour": "blue"})
    read(pipeline)
    assert (values(pipeline, "clip"), values(pipeline, "late")) == ({"colour": ["red"]}, {"colour": ["blue"]})


def test_a_changed_sidecar_replaces_what_it_wrote_and_nothing_that_a_person_said(
    pipeline: Pipeline, root: Path
) -> None:
    add_fields(pipeline, colour="string", mood="string", scene="string", place="string")
    write(root, "clip.mov")
    put(root, "clip.json", {"colour": "red", "mood": "good", "scene": "1"})
    pipeline.settle()
    say(pipeline, "clip", place="Rome")
    read(pipeline)
    say(pipeline, "clip", mood="bad")
    put(root, "clip.json", {"colour": "blue", "mood": "better", "place": "Paris"})
    read(pipeline)
    expected = {"colour": ["blue"], "mood": ["bad"], "scene": ["1"], "place": ["Rome"]}
    assert values(pipeline, "clip") == expected
    (root / "clip.json").unlink()
    read(pipeline)
    assert values(pipeline, "clip") == expected, "what a sidecar said stays when it goes"
    put(root, "clip.json", {"colour": "green"})
    read(pipeline)
    assert values(pipeline, "clip")["colour"] == ["green"]


def test_a_sidecar_with_one_wrong_value_writes_nothing_and_says_which_until_it_is_right(
    pipeline: Pipeline, root: Path
) -> None:
    add_fields(pipeline, rating="integer", colour="string")
    write(root, "clip.mov", "good.mov")
    put(root, "clip.json", {"rating": "many", "colour": "red"})
    put(root, "good.json", {"rating": 3})
    read(pipeline)
    reason = (
        'clip.json: nothing of it was written: the metadata field "rating" does not take it: "many" is no whole number'
    )
    assert (values(pipeline, "clip"), values(pipeline, "good")) == ({}, {"rating": [3]})
    assert warnings(pipeline) == [reason]
    assert jobs(pipeline) == [("FAILED", reason), ("FINISHED", None)]
    assert reason in pipeline.explain("clip.json")
    put(root, "clip.json", {"rating": 5, "colour": "red"})
    read(pipeline)
    assert (values(pipeline, "clip"), warnings(pipeline)) == ({"rating": [5], "colour": ["red"]}, [])


def test_a_job_that_failed_for_a_field_goes_on_once_the_field_is_there(pipeline: Pipeline, root: Path) -> None:
    view = add_view(pipeline)
    with pipeline.sessions.begin() as session:
        session.execute(text("DELETE FROM metadata_view"))
    pipeline.change_settings(metadata_view_id=str(view))
    write(root, "clip.mov")
    put(root, "clip.json", {"colour": "red"})
    read(pipeline)
    (job,) = rows(pipeline, Job)
    assert job.error_message.startswith(f"clip.json: cannot be written: metadata view {view} does not exist")
    add_fields(pipeline, colour="string")
    pipeline.change_settings(metadata_view_id=str(add_view(pipeline, {"name": "colour"})))
    transact(pipeline.sessions, lambda session: apply_job_action(session, [job.id], JobAction.RESTART, ADMIN))
    reread_jobs(SIDECAR_READING).run(pipeline.sessions, [job.id], pipeline.timing)
    assert (jobs(pipeline), warnings(pipeline)) == ([("FINISHED", None)], [])
    assert values(pipeline, "clip") == {"colour": ["red"]}


def test_a_view_says_which_fields_are_taken_and_what_may_not_be_missing(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, colour="string", scene="string", secret="string")
    view = add_view(pipeline, {"name": "colour", "required": True}, {"name": "scene", "read_only": True})
    pipeline.change_settings(metadata_view_id=str(view))
    write(root, "clip.mov", "other.mov")
    put(root, "clip.json", {"colour": "red", "scene": "1", "secret": "x"})
    put(root, "other.json", {"scene": "2"})
    read(pipeline)
    assert values(pipeline, "clip") == {"colour": ["red"], "scene": ["1"]}
    assert values(pipeline, "other") == {}
    assert warnings(pipeline) == ["other.json: nothing of it was written: colour: is required"]


def test_words_go_where_the_storage_says_and_names_count_in_any_spelling(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, stars="integer", clip_name="string", camera_model="string", german="string")
    pipeline.change_settings(sidecar_fields={"xmp:Rating": "stars", "device": "camera_model", "dc:title-de": "german"})
    write(root, "a.mov", "b.mov")
    put(root, "a.xmp", XMP)
    put(root, "b.xml", SONY)
    read(pipeline)
    assert values(pipeline, "a") == {"stars": [4], "german": ["Hafen"]}
    assert values(pipeline, "b") == {"clip_name": ["Interview"], "camera_model": ["ILME-FX6V"]}
    add_fields(pipeline, **{"Shooting Day": "integer"})
    put(root, "a.json", {"shooting_day": 7, **{f"key {number}": 1 for number in range(12)}})
    read(pipeline)
    assert values(pipeline, "a")["Shooting Day"] == [7]
    assert " more like these" in pipeline.explain("a.json")


def test_title_and_external_id_are_the_assets_own(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov")
    put(root, "clip.json", {"title": "The Harbour", "external_id": "X1", "metadata_values": {}})
    read(pipeline)
    with pipeline.sessions() as session:
        assert session.execute(text("SELECT title, external_id FROM asset")).one() == ("The Harbour", "X1")
    put(root, "clip.json", {"title": "The Port", "metadata_values": {}})
    write(root, "clip.srt")
    read(pipeline)
    assert pipeline.titles() == ["The Port"]
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE asset SET title = 'By hand', title_by_hand = true"))
    put(root, "clip.json", {"title": "The Bay", "metadata_values": {}})
    read(pipeline)
    assert pipeline.titles() == ["By hand"]


def test_an_avid_log_says_something_of_each_clip_also_of_those_that_come_later(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings()
    with pipeline.sessions.begin() as session:
        session.execute(text("""UPDATE storage SET profile = '{"orphan_after_seconds": 0}'"""))
    add_fields(pipeline, scene="string", take="integer", reel="string")
    write(root, "A001C001.mov")
    put(root, "day.ale", ALE.replace("10:00:00:00", "10:00:00:00\tbehind the last column"))
    read(pipeline)
    assert values(pipeline, "A001C001") == {"scene": ["12A"], "take": [3], "reel": ["A001"]}
    more = "day.ale: 1 row with cells outside of the named columns, which were left out"
    assert warnings(pipeline) == [more, "day.ale: 1 row about clips that are not beside it: A001C002"]
    assert [actor for actor, _ in told(pipeline)] == ["sidecar day.ale: A001C001"]
    write(root, "A001C002.mov")
    read(pipeline)
    assert values(pipeline, "A001C002") == {"scene": ["12B"], "reel": ["A001"]}
    assert warnings(pipeline) == [more]


def test_what_is_no_sidecar_is_told_and_the_queue_goes_on(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, colour="string")
    write(root, "bomb.mov", "fifo.mov", "good.mov")
    put(root, "bomb.xml", '<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>')
    put(root, "fifo.json", {"colour": "red"})
    put(root, "good.json", {"colour": "green"})
    pipeline.settle()
    (root / "fifo.json").unlink()
    os.mkfifo(root / "fifo.json")
    done = drain_media(pipeline.sessions, SIDECAR_READING, pipeline.timing)
    reason = "bomb.xml: declares entities, which can expand without limit; it is not read"
    assert (list(done.troubles.values()), warnings(pipeline)) == ([reason], [reason])
    assert values(pipeline, "good") == {"colour": ["green"]}
    assert [(row.failures, row.dead_lettered_at) for row in waiting(pipeline)] == [(0, None)], "the watcher will notice"


def test_two_sidecars_of_one_clip_are_both_written(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, colour="string", rating="integer")
    write(root, "clip.mov")
    put(root, "clip.json", {"colour": "red"})
    put(root, "clip.xmp", XMP)
    put(root, "clip.thm", "a picture")
    read(pipeline)
    assert values(pipeline, "clip") == {"colour": ["red"], "rating": [4]}
    assert len(told(pipeline)) == 2


def test_of_several_values_those_of_a_sidecar_come_and_go_beside_those_of_people(
    pipeline: Pipeline, root: Path
) -> None:
    add_fields(pipeline, tags="tag_cloud")
    write(root, "clip.mov")
    put(root, "clip.json", {"tags": ["sea", "sky", "sand"]})
    read(pipeline)
    say(pipeline, "clip", tags=["sea", "sand", "mine"])
    put(root, "clip.json", {"tags": ["sea", "sky", "ship"]})
    read(pipeline)
    assert values(pipeline, "clip") == {"tags": ["sea", "mine", "ship"]}


def test_a_sidecar_that_stood_alone_says_what_it_says_to_the_clip_that_comes(pipeline: Pipeline, root: Path) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text("""UPDATE storage SET profile = '{"orphan_after_seconds": 0}'"""))
    add_fields(pipeline, colour="string")
    write(root, "old.mov")
    put(root, "clip.json", {"colour": "red"})
    read(pipeline)
    assert pipeline.titles() == ["clip", "old"]
    write(root, "clip.mov")
    read(pipeline)
    assert (pipeline.titles(), values(pipeline, "clip")) == (["clip", "old"], {"colour": ["red"]})
    (root / "clip.json").rename(root / "old.json")
    read(pipeline)
    assert values(pipeline, "old") == {"colour": ["red"]}, "it went over to another asset"
    assert pipeline.broken() == []


def test_a_reader_that_dies_of_a_sidecar_is_told_and_the_others_are_read(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, colour="string")
    write(root, "a/bad.mov", "b/good.mov")
    put(root, "a/bad.json", {"colour": "red"})
    put(root, "b/good.json", {"colour": "green"})
    pipeline.settle()

    def ask(one: ReadableFileSet) -> dict[str, Any]:
        return {"deed": "eat"} if one.name == "bad.json" else SIDECAR_READING.ask(one)

    limits = ResourceLimits(wall_seconds=20, cpu_seconds=5, memory_bytes=256 << 20)
    hostile = replace(
        SIDECAR_READING,
        programs={MediaFamily.VIDEO: MISBEHAVING},
        limits=limits,
        ask=ask,
        keep=_as_if_read,
    )
    drain_media(pipeline.sessions, hostile, pipeline.timing)
    assert values(pipeline, "good") == {"colour": ["green"]}
    assert warnings(pipeline) == ["bad.json: needs more memory than a file may take"]
    assert pipeline.status().parked == 1
    assert "restart its job, or change the file" in pipeline.explain("a/bad.json")


def _as_if_read(outcomes: Sequence[SetOutcome]) -> Any:
    """What a reader that behaved would have said."""
    said = {"files": [{"format": "JSON", "words": {"colour": ["green"]}}]}
    return SIDECAR_READING.keep(
        [
            replace(one, outcome=replace(one.outcome, result=said)) if one.outcome.end is ReadEnd.READ else one
            for one in outcomes
        ]
    )
