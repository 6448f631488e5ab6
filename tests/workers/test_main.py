"""The `tapeless` command: its help is quick and right, and options and mistyped words do what people expect."""

import errno
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.servers import ROOT
from workers.commands.options import shell_actor
from workers.main import COMMANDS, describe_os_error, main, split_data_option

HEAVY = ("sqlalchemy", "celery", "fastapi", "pydantic", "rich", "av")
SHOW_LOADED = f"""
import sys
from workers.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(sorted(set({HEAVY!r}) & sys.modules.keys()))
"""


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["storage", "add", "-h"]])
def test_no_help_loads_anything_heavy(words: list[str]) -> None:
    command = [sys.executable, "-c", SHOW_LOADED, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert len(words) > 1 or all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    ("words", "data", "others"),
    [
        (["--data", "d", "status"], Path("d"), ["status"]),
        (["status", "--json", "--data", "d"], Path("d"), ["status", "--json"]),
        (["jobs", "--data=d", "list"], Path("d"), ["jobs", "list"]),
        (["status"], None, ["status"]),
        (["status", "--data"], None, ["status", "--data"]),
    ],
)
def test_a_data_folder_is_read_wherever_it_stands(words: list[str], data: Path | None, others: list[str]) -> None:
    assert split_data_option(words) == (data, others)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/b.tar"), '"/b.tar": No space left on device; make room'),
        (OSError(errno.EROFS, "Read-only file system", "/b"), '"/b": Read-only file system; give a place that can be'),
        (
            PermissionError(errno.EACCES, "Permission denied", "a", None, "b"),
            '"a" and "b": Permission denied; give the',
        ),
        (OSError(errno.EIO, "Input/output error", b"/b"), '"/b": Input/output error'),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_an_error_of_a_file_is_a_sentence_with_the_next_step(error: OSError, said: str) -> None:
    assert said in describe_os_error(error)


@pytest.mark.parametrize(("options", "is_traced"), [([], False), (["--verbose"], True)])
def test_only_verbose_commands_show_where_an_error_comes_from(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], options: list[str], is_traced: bool
) -> None:
    words = [*options, "restore", str(tmp_path / "none.tar"), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert 'none.tar": No such file or directory; make it, or give another path' in done.output
    assert ("Traceback" in done.output + capfd.readouterr().err) is is_traced


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-h"], 0, "Drop files into a folder"),
        (["jobs", "list", "-h"], 0, "List unfinished jobs"),
        (["staus"], 2, "Did you mean 'status'?"),
        (["jobs", "lst"], 2, "Did you mean 'list'?"),
        (["status", "--jsn"], 2, "Did you mean '--json'?"),
        (["--data", "EMPTY", "status"], 1, "EMPTY"),
        (["status", "--data", "EMPTY"], 1, "EMPTY"),
        (["--data", "EMPTY", "down"], 0, "EMPTY: nothing runs there"),
        (["--data", "EMPTY", "logs"], 1, "`tapeless up FOLDER` writes them"),
        (["logs", "--data", "FULL"], 0, "beat: two\nwatch: three\n"),
        (["logs", "beat", "-n", "1", "--data", "FULL"], 0, "beat: two\n"),
        (["logs", "beet", "--data", "FULL"], 1, 'there is no log of "beet"; there are logs of: beat, watch'),
    ],
)
def test_words_do_what_people_expect(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    folders = {"EMPTY": tmp_path / "empty", "FULL": tmp_path / "full"}
    (tmp_path / "full" / "logs").mkdir(parents=True)
    (tmp_path / "full" / "logs" / "beat.log").write_text("one\ntwo\n")
    (tmp_path / "full" / "logs" / "watch.log").write_text("three\n")
    done = CliRunner().invoke(main, [str(folders.get(word, word)) for word in words])
    assert done.exit_code == code, done.output
    for word, folder in folders.items():
        said = said.replace(word, str(folder))
    assert said in done.output


def test_a_user_without_a_name_is_known_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run as a number that its image has no name for."""

    def find_no_name(number: int) -> None:
        raise KeyError(f"uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", find_no_name)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert shell_actor().name == f"user {os.geteuid()} at the command line"
