"""Manual grouping on the command line: invalid requests are rejected with the next step."""

from pathlib import Path

from click.testing import CliRunner, Result

from tests.files import write
from tests.pipeline import Pipeline
from workers.commands.catalog.asset import asset


def run(running: dict[str, str], *arguments: object) -> Result:
    return CliRunner().invoke(asset, [str(argument) for argument in arguments], env=running)


def test_a_folder_is_refused_with_what_to_give_instead(pipeline: Pipeline, running: dict[str, str], root: Path) -> None:
    write(root, "day 1/a.mov")
    pipeline.settle()
    done = run(running, "split", root / "day 1")
    assert done.exit_code == 1
    assert f"is a folder; give the files in it, such as '{root}/day 1'/*" in done.output


def test_a_file_that_is_not_recorded_is_named(pipeline: Pipeline, running: dict[str, str], root: Path) -> None:
    pipeline.settle()
    done = run(running, "split", root / "none.mov")
    assert f'file "{root}/none.mov": is not recorded; see tapeless explain {root}/none.mov' in done.output


def test_nothing_to_take_back_names_the_asset_by_its_title(
    pipeline: Pipeline, running: dict[str, str], root: Path
) -> None:
    write(root, "reel.mov", "other.mov")
    pipeline.settle()
    assert 'asset "reel": has no manual grouping to undo' in run(running, "undo", "reel").output
    assert run(running, "merge", "reel", "other").exit_code == 0
    assert run(running, "undo", "reel").output == '"other" is grouped by the rules again\n'
