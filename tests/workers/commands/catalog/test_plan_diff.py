"""`tapeless plan FOLDER --diff` shows what a scan and a grouping would change, before either runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.files import write
from tests.pipeline import Pipeline
from tests.powers import without_root_powers
from workers.commands.catalog.plan import plan


def run(running: dict[str, str], *arguments: object) -> Result:
    return CliRunner().invoke(plan, [str(argument) for argument in (*arguments, "--diff")], env=running)


def difference(running: dict[str, str], *arguments: object) -> dict[str, Any]:
    result = run(running, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def told(answer: dict[str, Any]) -> dict[str, str]:
    """What happens to each asset, by title."""
    return {change["title"]: change["change"] for change in answer["changes"]}


def test_a_folder_that_was_scanned_differs_in_nothing(pipeline: Pipeline, root: Path, running: dict[str, str]) -> None:
    write(root, "reel.mov", "reel.en.srt", "plates/plate.1001.exr", "plates/plate.1002.exr", "proxy/reel.mp4")
    pipeline.settle()
    answer = difference(running, root)
    assert (answer["changes"], answer["unchanged"], answer["files"]) == ([], 2, 5)
    assert "nothing changes, 2 assets stay as they are" in run(running, root).output


def test_what_is_new_changed_and_gone_is_told_by_asset(pipeline: Pipeline, root: Path, running: dict[str, str]) -> None:
    pipeline.change_settings(growing_files_threshold=0.1)
    write(root, "a_L.mov", "old.mov", "same.mov", *(f"plate.{number}.exr" for number in range(1001, 1005)))
    pipeline.settle()
    ids = pipeline.ids()
    write(root, "a_R.mov", "new.mov", "empty.mov", "plate.1005.exr")
    write(root, "empty.mov", content="")
    for name in ("old.mov", "plate.1002.exr"):
        (root / name).unlink()
    answer = difference(running, root)
    assert told(answer) == {"new": "new", "a": "kind", "plate": "files", "old": "gone"}
    assert answer["unchanged"] == 1
    changes = {change["title"]: change for change in answer["changes"]}
    assert changes["plate"]["joins"]["files"] == ["plate.1005.exr"]
    assert changes["plate"]["leaves"]["files"] == ["plate.1002.exr"]
    assert changes["a"]["asset"]["id"] == str(ids["a_L"])
    assert changes["a"]["formats"][0]["after"] == "original stereoscopic pair"
    assert pipeline.ids() == ids
    output = run(running, root).output
    assert "old  gone from the folder" in output
    assert "+ plate.1005.exr" in output
    pipeline.settle()
    assert difference(running, root)["changes"] == []


def test_a_folder_within_an_island_is_told_with_the_partners_beside_it(
    pipeline: Pipeline, root: Path, running: dict[str, str]
) -> None:
    write(root, "day1/reel.mov", "day2/reel.mov")
    pipeline.settle()
    write(root, "day1/proxy/reel.mp4", "day2/other.mov")
    answer = difference(running, root / "day1" / "proxy")
    assert told(answer) == {"reel": "kind"}
    assert answer["changes"][0]["joins"]["files"] == ["day1/proxy/reel.mp4"]


def test_a_card_that_hangs_on_a_folder_above_is_told_whole(
    pipeline: Pipeline, root: Path, running: dict[str, str]
) -> None:
    write(root, "card/CONTENTS/VIDEO/0001AB.MXF")
    pipeline.settle()
    write(root, "card/CONTENTS/AUDIO/0001AB00.MXF", "beside.mov")
    answer = difference(running, root / "card" / "CONTENTS")
    assert [change["change"] for change in answer["changes"]] == ["kind"]
    assert answer["changes"][0]["joins"]["files"] == ["card/CONTENTS/AUDIO/0001AB00.MXF"]


def test_another_profile_is_compared_with_the_catalogue(
    pipeline: Pipeline, root: Path, running: dict[str, str], tmp_path: Path
) -> None:
    write(root, "plate.1001.exr", "plate.1002.exr")
    pipeline.settle()
    profile = tmp_path / "profile.json"
    profile.write_text('{"min_frames": 5}')
    assert difference(running, root, "--profile", profile)["counts"]["split"] == 1
    assert difference(running, root)["changes"] == []


def test_a_missing_file_that_is_back_joins_its_asset(pipeline: Pipeline, root: Path, running: dict[str, str]) -> None:
    write(root, "a_L.mov", "a_R.mov")
    pipeline.settle()
    (root / "a_R.mov").unlink()
    pipeline.settle()
    write(root, "a_R.mov")
    answer = difference(running, root)
    assert told(answer) == {"a": "kind"}
    assert answer["changes"][0]["joins"]["files"] == ["a_R.mov"]


def test_a_folder_that_cannot_be_read_loses_nothing(pipeline: Pipeline, root: Path, running: dict[str, str]) -> None:
    write(root, "locked/reel.mov")
    pipeline.settle()
    (root / "locked").chmod(0)
    try:
        with without_root_powers():
            assert difference(running, root)["changes"] == []
    finally:
        (root / "locked").chmod(0o755)


def test_what_is_outside_of_the_scan_folders_is_left_alone(
    pipeline: Pipeline, root: Path, running: dict[str, str]
) -> None:
    write(root, "in/reel.mov", "out/clip.mov")
    pipeline.settle()
    pipeline.change_settings(scan_directories=["in"])
    (root / "out" / "clip.mov").unlink()
    write(root, "out/more.mov")
    assert difference(running, root)["changes"] == []


def test_a_folder_outside_of_every_storage_is_refused(
    pipeline: Pipeline, tmp_path: Path, running: dict[str, str]
) -> None:
    for folder, sentence in ((tmp_path, "is in no watched folder"), (tmp_path / "nowhere", "no such folder")):
        result = run(running, folder)
        assert (result.exit_code, sentence in result.output) == (1, True), result.output
    assert run(running, "-").exit_code == 2


def test_a_dry_run_on_names_loads_no_database() -> None:
    program = "import sys, workers.commands.catalog.plan; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
