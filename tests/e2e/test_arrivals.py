"""Files through the real processes, in any order, renamed, linked, replaced or still written: each keeps its asset."""

import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from benchmarks.stage.system import RunningSystem, running_system
from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.file import File
from models.catalog.history import History, Operation
from models.catalog.metadata import FieldType
from search.query.criteria import Visibility, parse_criteria
from services.core.history import record_history
from services.metadata.fields import create_field
from services.operations.asset_report import build_asset_report
from tests.waiting import wait_until
from workers.main import main

SECONDS = 30.0
LONG_AGO, FAR_FUTURE = 1_000_000_000, 10_413_792_000


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running_system(tmp_path_factory.mktemp("arrivals")) as system:
        yield system


def drop(system: RunningSystem, *names: str) -> None:
    """Rename finished files into place."""
    outside = system.root.parent / "outside"
    outside.mkdir(exist_ok=True)
    for name in names:
        target = system.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        waiting = outside / uuid.uuid4().hex
        waiting.write_bytes(name.encode())
        waiting.rename(target)


def shown(system: RunningSystem, title: str) -> dict[str, Any] | None:
    with system.context.sessions() as session:
        found = session.scalars(select(Asset).where(Asset.title == title, Asset.status == "ACTIVE")).all()
        return build_asset_report(session, found[0]) if len(found) == 1 else None


def wait_for(system: RunningSystem, title: str, kinds: list[str], files: int) -> dict[str, Any]:
    """The one asset of a title, once it has these kinds of formats and this many files."""

    def is_there() -> dict[str, Any] | None:
        asset = shown(system, title)
        if asset is None:
            return None
        has = [part["kind"] if part["role"] != "transcode" else "transcode" for part in asset["formats"]]
        count = sum(row["file_count"] for part in asset["formats"] for row in part["file_sets"])
        return asset if (has, count) == (kinds, files) else None

    return wait_until(is_there, what=f"{title} has the formats {kinds} and {files} files", seconds=SECONDS)


def documents_of(system: RunningSystem, words: str) -> list[str]:
    found = system.context.engine.search(parse_criteria({"query": words}), Visibility(everything=True))
    return [str(hit.object_id) for hit in found.hits]


def operations_of(system: RunningSystem, asset_id: str) -> list[str]:
    with system.context.sessions() as session:
        entries = select(History.operation_type).where(History.asset_id == uuid.UUID(asset_id)).order_by(History.id)
        return [entry.value for entry in session.scalars(entries)]


def test_a_caption_that_comes_long_after_its_video_joins_it(system: RunningSystem) -> None:
    drop(system, "late/lecture.mp4")
    before = wait_for(system, "lecture", ["single"], 1)
    with system.context.sessions.begin() as session:
        session.execute(text("UPDATE file SET date_created = date_created - interval '1 hour'"))
    drop(system, "late/lecture.de.srt")
    after = wait_for(system, "lecture", ["captioned_video"], 2)
    assert after["id"] == before["id"]
    assert after["formats"][0]["id"] == before["formats"][0]["id"]
    assert operations_of(system, after["id"]) == ["VERSION_CREATE", "MODIFY_FILESET"]
    wait_until(lambda: documents_of(system, "lecture.de.srt") == [after["id"]], what="the caption's name finds it")


def test_a_right_eye_joins_a_left_one_that_people_spoke_of_already(system: RunningSystem) -> None:
    drop(system, "eyes/reef_L.mov")
    before = wait_for(system, "reef_L", ["single"], 1)
    with system.context.sessions.begin() as session:
        record_history(session, uuid.UUID(before["id"]), Operation.CUSTOM, "Lovely fish.", Actor("Ines"))
    drop(system, "eyes/reef_R.mov")
    after = wait_for(system, "reef", ["stereoscopic"], 2)
    assert after["id"] == before["id"]
    assert operations_of(system, after["id"]) == ["VERSION_CREATE", "CUSTOM", "MODIFY_FILESET"]
    wait_until(lambda: documents_of(system, "reef") == [after["id"]], what="one document has the pair")


def test_a_sequence_that_arrives_shuffled_in_forty_batches_is_one_asset_told_once(system: RunningSystem) -> None:
    names = [f"shuffled/plate.{frame:04d}.exr" for frame in range(1001, 1241) if frame != 1100]
    random.Random(40).shuffle(names)
    for start in range(0, len(names), 6):
        drop(system, *names[start : start + 6])
    after = wait_for(system, "plate", ["image_sequence"], len(names))
    (row,) = after["formats"][0]["file_sets"]
    assert (row["frames"], row["missing"], row["missing_frames"]) == ("1001-1099,1101-1240", "1100", 1)
    told = operations_of(system, after["id"])
    assert told[0] == "VERSION_CREATE"
    assert len(told) <= 2
    wait_until(lambda: documents_of(system, "plate") == [after["id"]], what="one document has the sequence")


def test_a_transcode_that_comes_first_is_the_original_until_the_original_comes(system: RunningSystem) -> None:
    drop(system, "first/harbour_h264.mp4")
    with system.context.sessions() as session:
        known = wait_until(
            lambda: session.scalar(select(Asset.id).where(Asset.title.like("harbour%"))),
            what="the rendition is an asset",
            seconds=SECONDS,
        )
    drop(system, "first/harbour.mov")
    after = wait_for(system, "harbour", ["single", "transcode"], 2)
    assert after["id"] == str(known)
    assert [part["file_sets"][0]["name"] for part in after["formats"]] == ["harbour.mov", "harbour_h264.mp4"]
    told = operations_of(system, after["id"])
    assert told[0] == "VERSION_CREATE"
    assert set(told[1:]) == {"ADD_FORMAT", "MODIFY_FILESET"}
    wait_until(lambda: documents_of(system, "harbour") == [after["id"]], what="one document has both formats")


def test_a_sidecar_is_read_through_all_processes_and_its_words_are_found(system: RunningSystem) -> None:
    actor = Actor("somebody", None, is_admin=True)
    with system.context.sessions.begin() as session:
        create_field(session, "harbour", FieldType.STRING, actor)
    (system.root / "beside").mkdir()
    (system.root / "beside" / "pier.mov").write_bytes(b"pier")
    (system.root / "beside" / "pier.mov.json").write_text('{"harbour": "Valparaiso"}')
    (system.root / "beside" / "pier.mov.md5").write_text("0" * 32)
    asset = wait_for(system, "pier", ["single", "other"], 3)
    wait_until(lambda: documents_of(system, "Valparaiso") == [asset["id"]], what="it is found", seconds=SECONDS)

    def is_told() -> bool:
        return any("says 000" in warning for part in shown(system, "pier")["formats"] for warning in part["warnings"])

    wait_until(is_told, what="the checksum that does not match is told", seconds=SECONDS)


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return path


def assets(system: RunningSystem) -> dict[str, uuid.UUID]:
    """Assets with a present file, by title."""
    with system.context.sessions() as session:
        present = select(Asset).where(Asset.status == "ACTIVE", Asset.is_online)
        return {asset.title: asset.id for asset in session.scalars(present)}


def wait_for_assets(system: RunningSystem, *titles: str) -> dict[str, uuid.UUID]:
    wait_until(lambda: set(titles) <= assets(system).keys(), what=f"the assets {titles} are there", seconds=SECONDS)
    return assets(system)


def wait_for_history(system: RunningSystem, asset_id: uuid.UUID, entry: str) -> None:
    def is_told() -> bool:
        with system.context.sessions() as session:
            texts = session.scalars(select(History.operation_description).where(History.asset_id == asset_id)).all()
        return entry in texts

    wait_until(is_told, what=f"history says: {entry}", seconds=SECONDS)


def test_a_renamed_file_keeps_its_asset_when_another_gets_its_name(system: RunningSystem) -> None:
    roll = write(system.root / "rolls/roll.mov", "the first roll")
    first = wait_for_assets(system, "roll")["roll"]
    roll.rename(roll.with_name("roll_old.mov"))
    write(roll, "another roll")
    found = wait_for_assets(system, "roll", "roll_old")
    assert found["roll_old"] == first != found["roll"]


def test_a_renamed_link_keeps_its_own_asset(system: RunningSystem) -> None:
    folder = system.root / "links"
    write(folder / "link_a.mov", "one content")
    os.link(folder / "link_a.mov", folder / "link_b.mov")
    second = wait_for_assets(system, "link_a", "link_b")["link_b"]
    (folder / "link_a.mov").unlink()
    wait_until(lambda: "link_a" not in assets(system), what="the deleted link is missing", seconds=SECONDS)
    (folder / "link_b.mov").rename(folder / "link_c.mov")
    assert wait_for_assets(system, "link_c")["link_c"] == second


def test_content_that_is_replaced_with_its_times_put_back_is_told_once(system: RunningSystem) -> None:
    take = write(system.root / "takes/take.mov", "version 1")
    asset_id = wait_for_assets(system, "take")["take"]

    def has_digest() -> bool:
        with system.context.sessions() as session:
            return session.scalar(select(File.digest).where(File.name == b"take.mov")) is not None

    wait_until(has_digest, what="the ends of the file are known", seconds=SECONDS)
    before = take.stat()
    for number in range(2, 6):
        take.write_text(f"version {number}")
        os.utime(take, ns=(before.st_atime_ns, before.st_mtime_ns))
    wait_for_history(system, asset_id, "take.mov: 1 file rewritten.")


def test_a_file_that_is_still_written_waits_and_holds_up_no_other(system: RunningSystem) -> None:
    folder = system.root / "slow"
    folder.mkdir()
    with open(folder / "upload.mov", "wb", buffering=0) as upload:
        os.posix_fallocate(upload.fileno(), 0, 100_000)
        os.utime(folder / "upload.mov", (LONG_AGO, LONG_AGO))
        write(folder / "odd.mov", "a time that no database holds")
        os.utime(folder / "odd.mov", (FAR_FUTURE, FAR_FUTURE))
        assert "upload" not in wait_for_assets(system, "odd")
    wait_for_assets(system, "upload")


def test_everything_that_is_promised_holds_afterwards(system: RunningSystem) -> None:
    system.wait_until_idle(60.0)
    result = CliRunner().invoke(main, ["verify", "--data", str(system.data)])
    assert result.exit_code == 0, result.output
