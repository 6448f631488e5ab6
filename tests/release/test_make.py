"""`make` lists its targets, and `make check` and the hooks for git run the same commands."""

import re
import shlex

import yaml

from tests.release.third_party import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """Return the commands of a target."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in found[1].splitlines()]


def test_help_lists_every_target_in_a_group() -> None:
    listed = [line.removeprefix('@echo "').rstrip('"') for line in recipe("help")]
    assert not listed[0].startswith(" "), "the first line is the name of a group"
    named = {line.split()[1] for line in listed if line.startswith("  make ")}
    declared = re.search(r"^\.PHONY: help (.*)$", MAKEFILE, re.MULTILINE)
    assert declared is not None
    assert named == set(declared[1].split())


def test_check_runs_style_types_words_and_house_rules() -> None:
    commands = " ; ".join(recipe("check"))
    for part in ("ruff check", "ruff format --check", "mypy", "tests/test_house.py", "tests/test_words.py"):
        assert part in commands


def test_hooks_are_local_and_run_what_check_runs() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [each["repo"] for each in repos] == ["local"], "a hook of another repository is downloaded"
    entries = [hook["entry"] for each in repos for hook in each["hooks"]]
    assert entries
    known = [*map(shlex.split, recipe("check")), ["make", "check"]]
    words = map(shlex.split, entries)
    assert [entry for entry in words if not any(command[: len(entry)] == entry for command in known)] == []
