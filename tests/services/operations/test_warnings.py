"""Each kind of loss is one sentence on its format: searched by `has_warning`, and said by explain and show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.catalog.asset import Asset
from models.catalog.file import File
from models.queues.job import Job
from search.postgres.engine import PostgresEngine
from search.query.criteria import Visibility, parse_criteria
from services.indexing.drain import drain_index_queue
from services.media.drain import drain_media
from services.media.previews import preview_reading_for
from services.operations.asset_report import find_asset_by_word
from services.sidecars.caption_import import CAPTION_JOBS, create_caption_job
from services.sidecars.verification import CHECKSUM_TASK, checksum_jobs
from tests.media.probe.test_track_headers import clip
from tests.pipeline import Pipeline, open_pipeline
from tests.servers import Servers
from tests.services import media_steps, sidecar_steps
from tests.services.media_clips import bytes_of, put
from tests.services.transcode_steps import ADMIN, Studio

CAPTIONS = "junk\n1\n00:00:01,000 --> 00:00:01,500\nHello\n\n2\n00:01:00,000 --> 00:01:01,000\nToo late\n"


def without_pictures(content: bytes) -> bytes:
    """Return a movie whose header is whole and whose data are zeros."""
    start = content.index(b"mdat")
    size = int.from_bytes(content[start - 4 : start], "big")
    return content[: start + 4] + bytes(size - 8) + content[start - 4 + size :]


def write_files(root: Path) -> None:
    put(root, "whole.mp4", "clip.mp4", *(f"plate.{number}.exr" for number in (1001, 1002, 1003)))
    (root / "header.mov").write_bytes(b"no movie")
    (root / "damaged.mp4").write_bytes(without_pictures(bytes_of("mp4")))
    (root / "codec.mov").write_bytes(clip("mov", "mjpeg", "yuvj420p").replace(b"jpeg", b"brhq"))
    (root / "plate.1002.exr").write_bytes(bytes(5_000))
    (root / "clip.en.srt").write_text(CAPTIONS)
    (root / "clip.de.srt").write_bytes(b"\x00\x01 nothing to see")
    (root / "clip.json").write_text("{")
    (root / "sum.pdf").write_text("hello")
    (root / "sum.pdf.md5").write_text(f"{'0' * 32}  sum.pdf\n{'0' * 32}  gone.pdf\n")
    (root / "list.pdf").write_text("hello")
    (root / "list.pdf.md5").write_text("no list at all\n")


def do_everything(studio: Studio) -> None:
    pipeline = studio.pipeline
    pipeline.settle()
    media_steps.read(pipeline)
    drain_media(pipeline.sessions, preview_reading_for(pipeline.media_folder), pipeline.timing)
    sidecar_steps.read(pipeline)
    with pipeline.sessions.begin() as session:
        ids = {bytes(row.name).decode(): row.id for row in session.scalars(select(File))}
        asset = find_asset_by_word(session, "clip").id
        captions = [create_caption_job(session, asset, ids[name], ADMIN).id for name in ("clip.en.srt", "clip.de.srt")]
        checksums = list(session.scalars(select(Job.id).where(Job.task == CHECKSUM_TASK)))
    with pipeline.sessions.begin() as session:
        for job in session.scalars(select(Job).where(Job.id.in_(captions))):
            job.arguments = {**job.arguments, "by_itself": True}
    CAPTION_JOBS.run(pipeline.sessions, captions, pipeline.timing)
    checksum_jobs().run(pipeline.sessions, checksums, pipeline.timing)
    for title in ("plate", "damaged"):
        studio.ask(title)
    studio.run()


@pytest.fixture(scope="module")
def pipeline(servers: Servers, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A folder with a loss of each kind, after everything was read, shown, transcoded, verified and indexed."""
    name, root = f"warnings_{worker_id}", tmp_path_factory.mktemp("warnings") / "rushes"
    root.mkdir()
    write_files(root)
    servers.create_database(name)
    with open_pipeline(servers.postgres.url(name), root) as pipeline:
        pipeline.add_storage()
        do_everything(Studio(pipeline, pipeline.media_folder))
        drain_index_queue(pipeline.sessions, PostgresEngine(pipeline.sessions), pipeline.timing)
        yield pipeline
    servers.drop_database(name)


WARNINGS = [
    ("header.mov", "header.mov: holds nothing that can be read as media, or breaks off in its header"),
    ("damaged.mp4", "damaged.mp4: cannot be shown: its h264 data are damaged or break off"),
    ("damaged.mp4", 'no rendition "web" could be made: damaged.mp4: shows no picture that can be decoded'),
    ("codec.mov", "codec.mov: cannot be shown: its pictures are of a codec that has no decoder here"),
    ("plate.1001.exr", "plate.1002.exr holds nothing that can be read as media, or breaks off in its header"),
    ("plate.1001.exr", "1 frame unreadable (1002): the frame before is held"),
    ("clip.json", "clip.json: is no JSON that can be read"),
    ("sum.pdf", 'its md5 is 5d41402abc4b2a76b9719d911017c592, but "sum.pdf.md5" says ' + "0" * 32),
    ("sum.pdf.md5", "sum.pdf.md5: 1 file not there or not readable: gone.pdf"),
    ("list.pdf.md5", "list.pdf.md5: is no list of md5 sums: line 1 is not a sum and a file"),
    ("clip.en.srt", "clip.en.srt: 1 line behind the end of the clip left out"),
    ("clip.en.srt", "clip.en.srt: 1 line before the first caption left out"),
    ("clip.de.srt", "the file clip.de.srt: has no caption with a text and times that can be read"),
]
PROBLEMS = {"header.mov", "damaged.mp4"}


@pytest.mark.parametrize(("name", "sentence"), WARNINGS)
def test_a_loss_is_a_sentence_of_its_format_that_explain_and_show_say(
    pipeline: Pipeline, name: str, sentence: str
) -> None:
    with pipeline.sessions() as session:
        title = find_asset_by_word(session, name.partition(".")[0]).title
    warnings = [warning for part in pipeline.show(title)["formats"] for warning in part["warnings"]]
    assert any(sentence in warning for warning in warnings), warnings
    core = sentence.removeprefix(f"{name}: ")
    assert core in pipeline.explain(name), pipeline.explain(name)


def test_has_warning_finds_just_these_assets(pipeline: Pipeline) -> None:
    engine = PostgresEngine(pipeline.sessions)

    def titles(value: str) -> set[str]:
        tree = {"operator": "AND", "terms": [{"name": "has_warning", "value": value}]}
        body = {"filter": tree, "facets": ["has_warning"], "doc_types": ["assets"]}
        found = engine.search(parse_criteria(body, per_page=100), Visibility(everything=True))
        assert {hit.body["has_warning"] for hit in found.hits} == {value == "true"}
        assert found.facets["has_warning"] == [(value, len(found.hits))]
        return {hit.title for hit in found.hits}

    warned = {name.partition(".")[0] for name, _ in WARNINGS}
    with pipeline.sessions() as session:
        everything = set(session.scalars(select(Asset.title)))
    assert titles("true") == {title for title in everything if title.partition(".")[0] in warned}
    assert titles("false") == {"whole"}


def test_only_what_is_damaged_is_a_problem_of_the_system(pipeline: Pipeline) -> None:
    status = pipeline.status()
    assert status.unreadable_media == len(PROBLEMS)
    assert "with a warning" in pipeline.explain("")
    assert "codec.mov" in pipeline.explain("")


def test_nothing_that_has_a_reason_is_missing(pipeline: Pipeline) -> None:
    assert pipeline.findings()["media"].samples == []
