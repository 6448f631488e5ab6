"""The demo through the real processes, and every command that looks at it."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.e2e.system import System, open_system
from tests.e2e.terminal_picture import draw_terminal
from tests.files import drop, write
from tests.media.demo.expected_demo import EXPECTED, IGNORED
from tests.servers import ROOT
from tests.waiting import wait_until

FILES = sum(len(part["files"]) for asset in EXPECTED for part in asset["formats"]) + sum(
    len(asset["sidecars"]) for asset in EXPECTED
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="module")
def watched(folder: Path, demo: Path) -> Path:
    """The demo, to which tests add."""
    return shutil.copytree(demo, folder / "demo-media")


@pytest.fixture(scope="module")
def system(folder: Path, watched: Path) -> Iterator[System]:
    """`tapeless up demo-media`, with everything in."""
    with open_system(folder) as system:
        system.start(watched)
        system.wait_until_idle(FILES)
        yield system


def of_demo(system: System) -> list[dict]:
    """The demo's own assets: other tests of this module add theirs in folders of their own."""
    return [asset for asset in system.assets() if not asset["formats"][0]["files"][0].startswith("dropped/")]


def test_the_demo_is_grouped_as_it_should_be(system: System) -> None:
    assert of_demo(system) == EXPECTED


def test_verify_passes(system: System) -> None:
    findings = system.ask("verify")
    assert [finding for finding in findings if finding["broken"]] == []
    assert all(finding["checked"] for finding in findings if finding["name"] in ("grouping", "history", "documents"))
    assert "✓" in system.run("verify")


def test_a_lost_preview_is_named_by_verify_and_made_again(system: System) -> None:
    system.wait_for(lambda status: status.idle, "idle")
    lost = next((system.data / "media").rglob("poster-*.jpg"))
    lost.unlink()
    said = system.run("verify", code=1)
    assert lost.name in said
    assert "tapeless media rebuild --missing makes them again" in said
    assert "1 preview queued to be made again" in (made := system.run("media", "rebuild", "--missing", "--wait"))
    assert "every header, preview and rendition is there" in made
    assert lost.exists()
    assert "give ASSETs, --missing or --all" in system.run("media", "rebuild", code=2)


def test_status_tells_programs_and_people_that_everything_is_in(system: System) -> None:
    system.wait_for(lambda status: status.idle, "idle")
    status = system.ask("status")
    assert status["idle"]
    assert (status["parked"], status["missing"], status["failed"], status["growing"]) == (0, 0, 0, 0)
    assert {"files", "assets", "pending_islands", "index_queue", "jobs_waiting", "index_lag_seconds"} <= status.keys()
    assert "idle: everything is in" in system.run_process("status")


def test_an_asset_is_found_by_its_words(system: System) -> None:
    found = system.ask("search", "goldfish")
    assert [hit["title"] for hit in found["hits"]] == ["goldfish"]
    assert found["total"] == 1
    assert "goldfish" in system.run("search", "gold fish") or "goldfish" in system.run("search", "goldfish")
    assert system.ask("search", "nobody has this")["total"] == 0


def test_an_asset_is_shown_with_its_formats_and_its_history(system: System) -> None:
    shown = system.ask("show", "coffee_cup_v042")
    (file_set,) = shown["formats"][0]["file_sets"]
    assert (file_set["file_count"], file_set["missing"]) == (47, "1024")
    assert shown["history"][0]["operation_type"] == "VERSION_CREATE"
    text = system.run("show", "coffee_cup_v042")
    assert "1 frame missing: 1024" in text
    assert "image sequence" in text


def test_the_documentation_pictures_what_the_terminal_shows(system: System, folder: Path, watched: Path) -> None:
    """The picture is in build/screenshots, from where it is copied into the documentation."""
    found = [line for line in system.printed().splitlines() if line.startswith("  ")]
    words = {
        "tapeless up demo-media": "\n".join(sorted(found)),
        "tapeless search kitchen": system.run("search", "kitchen"),
        "tapeless show final_final_really_final": system.run("show", "final_final_really_final").partition("\n20")[0],
        "tapeless explain demo-media/rushes/.DS_Store": system.run("explain", str(watched / "rushes/.DS_Store")),
    }
    picture = draw_terminal("tapeless", [(typed, said.replace(f"{folder}/", "")) for typed, said in words.items()])
    assert str(folder) not in picture
    assert "http" not in picture.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("Rich https://", "")
    assert all(word in picture for word in ("image&#160;sequence", "multi-camera", "goldfish", "ignored"))
    (ROOT / "build" / "screenshots").mkdir(parents=True, exist_ok=True)
    (ROOT / "build" / "screenshots" / "terminal.svg").write_text(picture, encoding="utf-8")


def test_every_path_of_the_demo_can_be_explained(system: System, watched: Path) -> None:
    assert "left" in system.run("explain", str(watched / "stereo/goldfish_L.mov")).lower()
    assert system.ask("explain", str(watched / "stereo/goldfish_L.mov"))["state"] == "asset"
    for name in IGNORED:
        assert system.ask("explain", str(watched / name))["state"] == "ignored"
    assert system.ask("explain", str(watched / "never was.mov"))["state"] == "absent"
    assert system.ask("explain", "/etc/hostname")["state"] == "outside"


def test_a_file_dropped_by_rename_can_be_searched(system: System, watched: Path, folder: Path) -> None:
    drop(folder, watched, "dropped/single/umbrella_in_frame.mp4")

    def is_found() -> bool:
        return [hit["title"] for hit in system.ask("search", "umbrella")["hits"]] == ["umbrella_in_frame"]

    system.wait_for(lambda status: is_found(), "the dropped file is found")


def test_storages_are_added_listed_and_scanned(system: System, folder: Path, watched: Path) -> None:
    (listed,) = [storage for storage in system.ask("storage", "list") if storage["name"] == "demo-media"]
    assert listed["root"] == str(watched)
    assert "demo-media" in system.run("storage", "list")
    assert system.run("scan").startswith("scanning ")
    more = folder / "more media"
    write(more, "dropped/second_storage.mov")
    said = system.run("storage", "add", str(more), "--name", "More", "--set", "scan_interval_seconds=1")
    assert said == f'storage "More" watches {more}\n'
    named = {"More", "demo-media"}
    system.wait_for(
        lambda status: status.idle and named <= {one.name for one in status.storages}, "the second storage is in"
    )
    assert system.ask("search", "second_storage")["total"] == 1
    assert "overlaps storage" in system.run("storage", "add", str(more / "dropped"), code=1)
    assert '"More", ' in system.run("scan", "nowhere", code=1)
    assert "no deletions wait for confirmation" in system.run("storage", "confirm-deletions", "More")


def test_a_second_start_with_a_folder_adds_it_to_the_system_that_runs(system: System, watched: Path) -> None:
    said = system.run_process("up", str(watched))
    assert f'the running system watches {watched} as "demo-media"' in said
    assert "Tapeless runs on it already, as process" in system.run_process("up", code=1)


def test_without_a_terminal_it_prints_plain_lines(system: System, watched: Path) -> None:
    idle = f"idle: {len(EXPECTED)} assets of {FILES} files"
    wait_until(lambda: idle in system.printed().splitlines(), what="it prints that it is idle")
    printed = system.printed()
    assert "\x1b" not in printed
    assert "\r" not in printed
    lines = printed.splitlines()
    assert f'watching {watched} as "demo-media"' in lines
    assert any(line.strip() == "goldfish  stereoscopic pair, 2 files" for line in lines)


def test_it_listens_to_this_machine_alone_and_keeps_its_data_to_its_owner(system: System) -> None:
    assert system.data.stat().st_mode & 0o077 == 0
    sockets = []
    for member in system.family():
        with suppress(psutil.NoSuchProcess):  # media children come and go
            sockets += psutil.Process(member.pid).net_connections(kind="inet")
    assert {found.laddr.ip for found in sockets if found.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
