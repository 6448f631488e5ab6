"""A storage's profile is shown, and changed only after showing the difference and a confirmation."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.queues.job import Job
from services.grouping.regroup import regroup_jobs
from tests.files import write
from tests.pipeline import FAST, Pipeline
from workers.commands.admin.storage import storage

STILLS = '{"min_frames": 5}'


@pytest.fixture
def profile_file(tmp_path: Path) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(STILLS)
    return path


@pytest.fixture
def plates(pipeline: Pipeline, root: Path) -> Pipeline:
    write(root, "plate.1001.exr", "plate.1002.exr", "[red]reel\x1b[31m.mov")
    pipeline.settle()
    return pipeline


def run(running: dict[str, str], *arguments: object) -> Result:
    return CliRunner().invoke(storage, [str(argument) for argument in arguments], env=running)


def jobs(pipeline: Pipeline) -> list[Job]:
    with pipeline.sessions() as session:
        return list(session.query(Job))


def test_the_present_profile_is_printed_with_what_was_set_for_the_storage(
    plates: Pipeline, running: dict[str, str], profile_file: Path
) -> None:
    assert "all of it is the default" in run(running, "profile", "Rushes").output
    assert run(running, "profile", "Rushes", "--file", profile_file, "--yes").exit_code == 0
    lines = run(running, "profile", "Rushes").output.splitlines()
    assert 'storage "Rushes", profile revision 2' in lines
    assert "* min_frames = 5" in lines
    assert "  case_sensitive = true" in lines
    shown = json.loads(run(running, "profile", "Rushes", "--json").output)
    assert (shown["revision"], shown["set"], shown["profile"]["min_frames"]) == (2, {"min_frames": 5}, 5)


def test_without_a_person_the_difference_is_shown_and_nothing_is_changed(
    plates: Pipeline, running: dict[str, str], profile_file: Path
) -> None:
    result = run(running, "profile", "Rushes", "--file", profile_file)
    assert result.exit_code == 1
    assert "1 asset splits off as an asset of its own, 1 asset changes its kind; 1 unchanged" in result.output
    assert "original image sequence -> original picture" in result.output
    assert "- plate.1002.exr" in result.output
    assert "Re-run with --yes" in result.output
    assert plates.storage().profile_revision == 1
    assert jobs(plates) == []


def test_with_yes_the_job_starts_and_groups_the_storage(
    plates: Pipeline, running: dict[str, str], profile_file: Path
) -> None:
    result = run(running, "profile", "Rushes", "--file", profile_file, "--yes")
    assert result.exit_code == 0, result.output
    (job,) = jobs(plates)
    assert f"started job {job.id}" in result.output
    plates.watch()
    regroup_jobs().run(plates.sessions, [job.id], FAST)
    plates.settle()
    assert plates.titles() == [r"[red]reel\x1b[31m", "plate.1001", "plate.1002"]
    assert "has this profile already" in run(running, "profile", "Rushes", "--file", profile_file, "--yes").output


def test_programs_get_the_difference_and_change_nothing_without_yes(
    plates: Pipeline, running: dict[str, str], profile_file: Path
) -> None:
    answer = json.loads(run(running, "profile", "Rushes", "--file", profile_file, "--json").output)
    assert answer["job_id"] is None
    assert (answer["difference"]["counts"]["split"], answer["difference"]["counts"]["kind"]) == (1, 1)
    assert jobs(plates) == []
    answer = json.loads(run(running, "profile", "Rushes", "--file", profile_file, "--json", "--yes").output)
    assert answer["job_id"] == str(jobs(plates)[0].id)


def test_a_storage_is_grouped_again_after_an_upgrade(plates: Pipeline, running: dict[str, str]) -> None:
    refused = run(running, "regroup", "Rushes")
    assert refused.exit_code == 1
    assert "nothing changes, 2 assets stay as they are" in refused.output
    assert run(running, "regroup", "Rushes", "--yes").exit_code == 0
    (job,) = jobs(plates)
    assert job.title == 'Group storage "Rushes" again'


def test_titles_steer_no_terminal(plates: Pipeline, running: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "documents.toml"
    path.write_text('[extensions]\ndocument = ["mov"]\n')
    output = run(running, "profile", "Rushes", "--file", path).output
    assert r"[red]reel\x1b[31m" in output
    assert "\x1b" not in output


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"min_framse": 3}', "unknown key 'min_framse'"),
        ('{"min_frames": "many"}', "key 'min_frames'"),
        ("[1, 2]", "profile"),
        ("not a profile", "neither JSON nor TOML"),
    ],
)
def test_a_wrong_profile_is_refused_by_the_name_of_its_key(
    plates: Pipeline, running: dict[str, str], tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(content)
    result = run(running, "profile", "Rushes", "--file", path, "--yes")
    assert result.exit_code == 1
    assert sentence in result.output
    assert plates.storage().profile_revision == 1


def test_an_unknown_storage_is_told_with_those_that_there_are(pipeline: Pipeline, running: dict[str, str]) -> None:
    for command in ("profile", "regroup"):
        result = run(running, command, "Rashes")
        assert result.exit_code == 1
        assert 'known are "Rushes"' in result.output
