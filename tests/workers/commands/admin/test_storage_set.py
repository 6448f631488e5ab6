"""Storage settings are changed one by one on the command line, and every invalid one is named."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.files import write
from tests.pipeline import SETTINGS, Pipeline
from watch.disk.config import load_watched_storages
from workers.commands.admin.storage import storage


def run(running: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(storage, ["set", *arguments], env=running)


def test_a_setting_is_changed_and_the_others_stay(pipeline: Pipeline, running: dict[str, str]) -> None:
    done = run(running, "Rushes", "scan_interval_seconds=30", "scan_ignore=*.bak,renders/tmp")
    assert done.output == 'storage "Rushes": scan_interval_seconds is 30.0, scan_ignore is *.bak, renders/tmp\n'
    assert pipeline.storage().settings == SETTINGS | {
        "scan_interval_seconds": 30.0,
        "scan_ignore": ["*.bak", "renders/tmp"],
    }


def test_a_setting_without_a_value_has_its_default_again(pipeline: Pipeline, running: dict[str, str]) -> None:
    assert "scan_interval_seconds is 5" in run(running, "Rushes", "scan_interval_seconds=").output
    assert "scan_interval_seconds" not in pipeline.storage().settings
    assert "has these settings already" in run(running, "Rushes", "scan_ignore=").output


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("scan_intervall_seconds=3", 'did you mean "scan_interval_seconds"?'),
        ("wings=2", "there is no such setting; known are scan, "),
        ("scan_interval_seconds=soon", "scan_interval_seconds: Input should be a valid number"),
        ("scan_directories=../other", 'must be a path below the root, without ".."'),
        ("header_fields={reel", 'setting "header_fields": is no JSON object'),
        ("scan", "write it as key=value"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_changed(
    pipeline: Pipeline, running: dict[str, str], pair: str, said: str
) -> None:
    done = run(running, "Rushes", "scan=false", pair)
    assert done.exit_code == 1
    assert said in done.output
    assert pipeline.storage().settings == SETTINGS


def test_a_storage_that_nobody_made_is_named(pipeline: Pipeline, running: dict[str, str]) -> None:
    done = run(running, "Rushs", "scan=false")
    assert done.exit_code == 1
    assert "Rushs" in done.output


def test_a_paused_storage_is_not_watched_and_loses_nothing_until_it_is_resumed(
    pipeline: Pipeline, root: Path, running: dict[str, str]
) -> None:
    def said(*words: str) -> str:
        done = CliRunner().invoke(storage, words, env=running)
        assert done.exit_code == 0, done.output
        return done.output

    write(root, "a.mov")
    pipeline.settle()
    assert "is paused" in said("pause", "Rushes")
    assert "nothing was changed" in said("pause", "Rushes")
    assert load_watched_storages(pipeline.sessions) == []
    (root / "a.mov").unlink()
    assert (pipeline.status().missing, pipeline.titles()) == (0, ["a"])
    assert "INACTIVE" in said("list")
    assert "is watched again" in said("resume", "Rushes")
    assert pipeline.storage().scan_requested_at is not None
    pipeline.settle()
    assert pipeline.titles() == []
