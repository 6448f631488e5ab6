"""Cards are judged as they arrive: whole ones are announced at once, others only when copying has stopped."""

from collections.abc import Mapping

import pytest
from sqlalchemy import select, text

from models.catalog.evidence import ReadinessReport
from models.core.sessions import transact
from models.queues.job import Job
from services.readiness.arrivals import ARRIVAL_JOBS, create_arrival_jobs, has_due_arrivals, has_structure
from tests.pipeline import Pipeline
from tests.services import media_steps, sidecar_steps
from tests.services.readiness.test_ready import CARD, whole_card


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([b"A7/PRIVATE/M4ROOT/CLIP/C0001.MP4"], True),
        ([b"P2/CONTENTS/VIDEO/0001AB.MXF"], True),
        ([b"R/A001_C001_0102AB.RDC/A001_C001_0102AB_001.R3D"], True),
        ([b"film/ASSETMAP"], True),
        ([b"HERO/DCIM/100GOPRO/GX020001.MP4"], True),
        ([b"HERO/DCIM/100GOPRO/GOPR0007.MP4"], True),
        ([b"film/GX0200.MP4"], False),
        ([b"film/a.mov", b"film/film.md5"], True),
        ([b"bag/bag-info.txt"], True),
        ([b"reel/ascmhl/0001_reel_2026-01-02_030405Z.mhl"], True),
        ([b"reel/a.mov", b"reel/notes.txt", b"reel/frame.0001.exr"], False),
        ([], False),
    ],
)
def test_what_states_something_of_other_files_is_a_structure(paths: list[bytes], expected: bool) -> None:
    assert has_structure(paths) is expected


def arrive(pipeline: Pipeline, tree: Mapping[str, bytes]) -> None:
    """Files that were copied, settled and read."""
    for path, content in tree.items():
        sidecar_steps.put(pipeline.root, path, content)
    sidecar_steps.read(pipeline)
    media_steps.read(pipeline)


def judge(pipeline: Pipeline) -> list[str]:
    """Run the jobs that are due; return how they ended."""
    made = transact(pipeline.sessions, lambda session: [job.id for job in create_arrival_jobs(session)])
    ARRIVAL_JOBS.run(pipeline.sessions, made, pipeline.timing)
    with pipeline.sessions() as session:
        return [f"{session.get_one(Job, one).status.value}: {session.get_one(Job, one).message}" for one in made]


def answers(pipeline: Pipeline) -> list[str]:
    with pipeline.sessions() as session:
        return list(session.scalars(select(ReadinessReport.answer).order_by(ReadinessReport.id)))


def wait_a_minute(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE arrival_check SET changed_at = changed_at - interval '61 s', due_at = now()"))


def test_a_card_is_judged_as_it_arrives(pipeline: Pipeline) -> None:
    tree = whole_card()
    late = {path: content for path, content in tree.items() if "C0002" in path}
    arrive(pipeline, {"notes.txt": b"not asked for"})
    assert judge(pipeline) == []  # off by default
    pipeline.change_settings(check_arrivals=True)
    arrive(pipeline, {path: content for path, content in tree.items() if path not in late})
    assert judge(pipeline) == ['FINISHED: "A7/PRIVATE/M4ROOT" may still arrive: it is judged again soon']
    assert (judge(pipeline), answers(pipeline)) == ([], [])  # not before a minute is over
    for path, content in late.items():
        sidecar_steps.put(pipeline.root, path, content)
    pipeline.settle()
    with pipeline.sessions() as session:
        assert has_due_arrivals(session)
    assert judge(pipeline) == []  # headers are to be read
    arrive(pipeline, {})
    assert judge(pipeline) == ['FINISHED: "A7/PRIVATE/M4ROOT" is proven']
    assert answers(pipeline) == ["proven"]
    history = pipeline.history(pipeline.ids()["C0001"])
    assert history[-1].startswith('ANALYZE: checked as it arrived: completeness of "A7/PRIVATE/M4ROOT" is proven (rep')

    (pipeline.root / CARD / "CLIP/C0002.MP4").unlink()
    pipeline.settle()
    judge(pipeline)
    wait_a_minute(pipeline)
    assert judge(pipeline) == ['FAILED: "A7/PRIVATE/M4ROOT" is refuted']
    wait_a_minute(pipeline)
    assert judge(pipeline) == ['FINISHED: "A7/PRIVATE/M4ROOT" is refuted, as before']
    assert answers(pipeline) == ["proven", "refuted"]
