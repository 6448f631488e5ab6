"""One version for the program, its changelog and the names that it keeps for one release."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version as distribution_version
from pathlib import Path

import pytest

from tests.servers import ROOT
from workers.config.deprecations import REMOVED_IN
from workers.config.version import read_version

SECTION = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)
SUBHEADING = re.compile(r"^### (.+)$", re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""The kinds of changes that Keep a Changelog knows."""


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [
        ('[project]\nname = "tapeless"\nversion = "9.8.7"', "9.8.7"),
        ('[project]\nname = "another"\nversion = "9.8.7"', None),
        ("[tool.ruff]", None),
        (None, None),
    ],
    ids=["the source tree", "a file that another distribution left", "a file without a project", "no file"],
)
def test_the_version_is_of_the_tree_or_else_of_the_installation(
    tmp_path: Path, pyproject: str | None, expected: str | None
) -> None:
    if pyproject is not None:
        (tmp_path / "pyproject.toml").write_text(pyproject)
    assert read_version(tmp_path) == (expected or distribution_version("tapeless"))


def test_the_command_prints_it_from_a_tree_without_loading_the_system(tmp_path: Path) -> None:
    program = (
        "import sys, workers.main\n"
        "try: workers.main.main(['--version'])\n"
        "finally: print(sorted({'celery', 'sqlalchemy', 'pydantic', 'fastapi'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        check=True,
        text=True,
    )
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert done.stdout.splitlines() == [f"tapeless, version {declared}", "[]"]


def test_names_kept_for_one_release_are_gone_in_the_next() -> None:
    assert numbers(read_version())[:2] < numbers(REMOVED_IN), "remove workers/config/deprecations.py and its uses"


def test_the_changelog_has_this_version_on_top_and_all_in_order() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (first, undated), *released = SECTION.findall(text)
    assert (first, undated) == ("Unreleased", "")
    assert all(date for _, date in released)
    versions = [numbers(version) for version, _ in released]
    assert versions == sorted(set(versions), reverse=True)
    assert versions[0] == numbers(read_version())
    assert set(SUBHEADING.findall(text)) <= KINDS
