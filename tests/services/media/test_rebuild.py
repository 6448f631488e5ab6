"""What is missing of media is found and named, and made again; the rest is left alone unless all is asked for."""

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select, text

from models.catalog.asset import Keyframe
from models.core.mounts import configure_mounts
from models.core.sessions import transact
from models.queues.job import Job, record_transcode_obstacle
from services.media.drain import drain_media
from services.media.previews import preview_reading_for
from services.media.probe import PROBE_READING
from services.media.rebuild import media_rebuild_jobs, read_rebuild_state, start_media_rebuild
from tests.pipeline import open_pipeline
from tests.servers import Servers
from tests.services.media_clips import put
from tests.services.transcode_steps import ADMIN, Studio


@pytest.fixture(scope="module")
def shared(servers: Servers, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A clip, a still and a text, read, shown and transcoded; every test leaves it whole."""
    name, root = f"rebuild_{worker_id}", tmp_path_factory.mktemp("rebuild") / "rushes"
    root.mkdir()
    servers.create_database(name)
    with open_pipeline(servers.postgres.url(name), root) as pipeline:
        pipeline.add_storage(transcode_profiles=["web"])
        put(root, "clip.mp4", "still.png")
        (root / "notes.txt").write_text("no media")
        pipeline.settle()
        studio = Studio(pipeline, pipeline.media_folder)
        make_all(studio)
        yield studio
    servers.drop_database(name)


@pytest.fixture
def studio(shared: Studio) -> Studio:
    configure_mounts({}, shared.pipeline.media_folder)
    assert shared.pipeline.broken() == []
    return shared


def make_all(studio: Studio) -> None:
    """Do everything that waits."""
    with studio.sessions.begin() as session:
        session.execute(text("UPDATE media_work SET not_before = now()"))
    drain_media(studio.sessions, PROBE_READING, studio.pipeline.timing)
    drain_media(studio.sessions, preview_reading_for(studio.pipeline.media_folder), studio.pipeline.timing)
    studio.run()


def rebuild(studio: Studio, assets: Sequence[uuid.UUID] | None = None, *, only_missing: bool = True) -> Job:
    """Run the job, and everything that it queued."""
    job_id = transact(studio.sessions, start_media_rebuild, ADMIN, assets, only_missing=only_missing).id
    folder, notified = studio.pipeline.media_folder, studio.pipeline.notify
    media_rebuild_jobs(folder, notified).run(studio.sessions, [job_id], studio.pipeline.timing)
    make_all(studio)
    with studio.sessions() as session:
        state = read_rebuild_state(session, job_id, assets)
    assert (state.pending, list(state.failures)) == (0, [])
    return studio.job(job_id)


def previews(studio: Studio) -> list[Path]:
    with studio.sessions() as session:
        return sorted(studio.pipeline.media_folder / path for path in session.scalars(select(Keyframe.path)))


def lose_preview(studio: Studio) -> None:
    next(path for path in previews(studio) if "keyframe_map" in path.name).unlink()


def spoil_preview(studio: Studio) -> None:
    next(path for path in previews(studio) if "keyframe_map" in path.name).write_bytes(b"")


def lose_all_previews(studio: Studio) -> None:
    for path in {path.parent for path in previews(studio)}:
        shutil.rmtree(path)


def lose_preview_rows(studio: Studio) -> None:
    execute(studio, "DELETE FROM keyframe WHERE file_set_id = (SELECT id FROM file_set WHERE name = 'clip.mp4')")


def lose_header(studio: Studio) -> None:
    execute(studio, "DELETE FROM component WHERE from_header AND file_set_id IN "
                    "(SELECT id FROM file_set WHERE name = 'clip.mp4')")  # fmt: skip


def lose_rendition(studio: Studio) -> None:
    studio.files()[0].unlink()


def lose_all_renditions(studio: Studio) -> None:
    shutil.rmtree(studio.proxies)


def never_make_rendition(studio: Studio) -> None:
    execute(studio, "DELETE FROM format WHERE rule = 'transcode'")
    execute(studio, "DELETE FROM job")
    lose_all_renditions(studio)


def execute(studio: Studio, statement: str) -> None:
    with studio.sessions.begin() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("lose", "said", "queued"),
    [
        (lose_preview, ["clip.mp4: its preview"], "1 preview"),
        (spoil_preview, ["clip.mp4: its preview"], "1 preview"),
        (lose_all_previews, ["clip.mp4: its preview", "still.png: its preview"], "2 previews"),
        (lose_preview_rows, ["clip.mp4: no preview was made"], "1 preview"),
        (lose_header, ["clip.mp4: its header was not read"], "1 header"),
        (lose_rendition, ["web: its file clip.web.mp4 is not on the storage of renditions"], "1 rendition"),
        (lose_all_renditions, ["web: its file clip.web.mp4 is not on the storage of renditions"], "1 rendition"),
        (never_make_rendition, ["web: this rendition was never made"], "1 rendition"),
    ],
)
def test_what_is_missing_is_named_by_verify_and_made_again(
    studio: Studio, lose: Callable[[Studio], None], said: list[str], queued: str
) -> None:
    lose(studio)
    found = studio.pipeline.findings()["media"]
    assert len(found.samples) == found.broken == len(said)
    for sample, part in zip(sorted(found.samples), said, strict=True):
        assert part in sample
    assert found.notes == ["tapeless media rebuild --missing makes them again"]
    assert rebuild(studio).message == f"{queued} queued to be made again"
    assert studio.pipeline.broken() == []
    assert all(path.stat().st_size for path in [*previews(studio), *studio.files()])
    assert rebuild(studio).message == "nothing is missing"


def test_all_is_made_again_and_what_people_asked_for_stays_theirs(studio: Studio) -> None:
    studio.ask("clip")
    studio.run()
    before, rendition, files = previews(studio), studio.rendition(), studio.files()
    job = rebuild(studio, only_missing=False)
    assert job.message == "2 headers, 1 rendition queued to be made again"
    assert previews(studio) == before, "the same pictures have the same names"
    after = studio.rendition()
    assert (after.id, after.media["transcode"]) == (rendition.id, rendition.media["transcode"])
    assert after.media["transcode"]["by_hand"]
    assert len(studio.files()) == 1
    assert studio.files() != files
    assert studio.pipeline.broken() == []


def test_why_a_rendition_waits_is_read(studio: Studio) -> None:
    lose_rendition(studio)
    job_id = transact(studio.sessions, start_media_rebuild, ADMIN, None, only_missing=True).id
    jobs = media_rebuild_jobs(studio.pipeline.media_folder, studio.pipeline.notify)
    jobs.run(studio.sessions, [job_id], studio.pipeline.timing)
    obstacle = 'waits for a worker that can write renditions: "/mnt/proxies" cannot be written'
    transact(studio.sessions, record_transcode_obstacle, obstacle)
    with studio.sessions() as session:
        state = read_rebuild_state(session, job_id, None)
    assert (state.pending, list(state.obstacles)) == (1, [obstacle])
    make_all(studio)


def test_only_the_named_assets_are_made_again(studio: Studio) -> None:
    lose_all_previews(studio)
    rebuild(studio, [studio.pipeline.ids()["still"]], only_missing=False)
    assert len(studio.pipeline.findings()["media"].samples) == 1
    rebuild(studio, [studio.pipeline.ids()["clip"]])
    assert studio.pipeline.broken() == []


def test_what_waits_and_what_has_a_reason_is_not_missing(studio: Studio) -> None:
    put(studio.pipeline.root, "later.png")
    (studio.pipeline.root / "bad.mov").write_bytes(b"no movie")
    studio.pipeline.settle()
    assert studio.pipeline.broken() == []
    make_all(studio)
    assert studio.pipeline.broken() == []
    assert rebuild(studio).message == "nothing is missing"


def test_a_lost_mount_of_renditions_is_one_fault_and_nothing_is_made_in_its_place(
    studio: Studio, tmp_path: Path
) -> None:
    mount = tmp_path / "proxies"
    shutil.move(studio.proxies, mount)
    with studio.sessions.begin() as session:
        session.execute(text("UPDATE storage SET root = :root WHERE purpose = 'PROXIES'"), {"root": bytes(mount)})
    assert studio.pipeline.broken() == []
    shutil.rmtree(mount)
    assert studio.pipeline.broken() == [f'media: the folder "{mount}" of renditions is not there: mount it again']
    assert rebuild(studio).message == "nothing is missing"
    assert not mount.exists()
