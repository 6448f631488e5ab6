"""A command that is run by the command server behaves as if it were run by the shell."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from uuid import uuid4

import pytest

from tests.servers import ROOT
from tests.waiting import wait_until
from workers.config.data_folders import copy_environment
from workers.processes.command_client import COMMAND_SOCKET, connect_to_machine, connect_to_system, machine_address

ASK = """
import sys
from pathlib import Path
from workers.config.data_folders import copy_environment
from workers.processes import command_client
if sys.argv[2] == "older":
    command_client.read_program_version = lambda: 1
place = sys.argv[1]
is_folder = place.startswith("/")
connection = command_client.connect_to_system(Path(place)) if is_folder else command_client.connect_to_machine(place)
code = command_client.run_in_server(connection, sys.argv[2:], copy_environment())
sys.exit(99 if code is None else code)
"""
HEAVY = ("click", "psutil", "pydantic", "sqlalchemy")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder, of a path too long for a socket, with a command server."""
    folder = tmp_path_factory.mktemp("a long name " * 10)
    (folder / "run").mkdir()
    command = [sys.executable, "-m", "workers.processes.command_server", str(folder)]
    server = subprocess.Popen([*command, "tests.workers.processes.command_program"], cwd=ROOT)
    try:
        wait_until((folder / COMMAND_SOCKET).exists, what="the command server listens")
        yield folder
    finally:
        server.terminate()
        server.wait()


HOST = """
import sys, threading
from workers.processes.command_server import host_commands
host_commands(sys.argv[1], ["tests.workers.processes.command_program"])
threading.Thread(target=print, args=("serving",), kwargs={"flush": True}).start()
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[str]:
    """The URL of a database, for which a process serves beside its command server."""
    url = f"postgresql://nowhere/{uuid4()}"
    with subprocess.Popen([sys.executable, "-c", HOST, url], cwd=ROOT, stdin=PIPE, stdout=PIPE) as host:
        assert host.stdout is not None
        assert host.stdin is not None
        assert host.stdout.readline() == b"serving\n"
        yield url
        host.stdin.close()
        host.wait()
    wait_until(lambda: not answers(url), what="it ends with the process that hosted it")


def answers(database_url: str) -> bool:
    connection = connect_to_machine(database_url)
    if connection is not None:
        connection.close()
    return connection is not None


@pytest.fixture(params=["data", "machine"])
def place(request: pytest.FixtureRequest) -> str:
    """Where a command server is: in a data folder, or on this machine."""
    return str(request.getfixturevalue(request.param))


def ask(place: object, *words: str) -> list[str]:
    return [sys.executable, "-c", ASK, str(place), *words]


def environment() -> dict[str, str]:
    return copy_environment() | {"TOLD": "by the shell", "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_has_the_descriptors_folder_environment_and_exit_code_of_who_asks(
    place: str, tmp_path: Path, code: int
) -> None:
    done = subprocess.run(
        ask(place, "end", str(code)),
        input="typed",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert done.stdout == f"tapeless end {code} by the shell {tmp_path} typed\n"
    assert (done.stderr, done.returncode) == ("on the other output\n", code)


def test_another_version_than_the_one_that_runs_does_it_itself(place: str) -> None:
    assert subprocess.run(ask(place, "older"), env=environment(), timeout=60, check=False).returncode == 99


def test_no_other_user_learns_the_password_of_the_database_from_the_address() -> None:
    one, other = (machine_address(f"postgresql://tapeless:{word}@host/rows") for word in ("secret", "changed"))
    assert one == other != machine_address("postgresql://host/others")


def test_a_folder_that_is_another_one_where_the_server_runs_is_not_entered(machine: str, tmp_path: Path) -> None:
    """As in a container, or in a unit of systemd with a /tmp of its own."""
    other = ASK.replace("code =", "command_client.identify_folder = lambda folder: [0, 0]\ncode =")
    words = [sys.executable, "-c", other, machine, "end", "0"]
    assert subprocess.run(words, cwd=tmp_path, env=environment(), timeout=60, check=False).returncode == 99


def test_without_a_server_a_command_is_run_where_it_was_typed(tmp_path: Path) -> None:
    assert connect_to_system(tmp_path) is None
    assert connect_to_machine("postgresql://nowhere/none") is None
    (tmp_path / "run").mkdir()
    (tmp_path / COMMAND_SOCKET).write_text("left by a kill")
    assert connect_to_system(tmp_path) is None


def test_a_command_ends_with_who_asked_for_it(place: str, tmp_path: Path) -> None:
    output = tmp_path / "said"
    with open(output, "wb") as said:
        asking = subprocess.Popen(
            ask(place, "stay"), stdin=subprocess.DEVNULL, stdout=said, env=environment(), cwd=tmp_path
        )
    wait_until(output.read_text, what="it runs")
    (command,) = running_commands(output)
    asking.kill()
    asking.wait()
    wait_until(lambda: not Path(f"/proc/{command}").exists(), what="the command is gone too")


def running_commands(output: Path) -> list[int]:
    """Processes whose standard output is this file, beside the one that asks: forks of the server."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_one = os.path.samefile(process / "fd" / "1", output)
            is_fork = b"command_server" in (process / "cmdline").read_bytes().replace(b" ", b"_")
        except OSError:
            continue
        if is_one and is_fork:
            found.append(int(process.name))
    return found


def test_asking_loads_nothing_heavy() -> None:
    program = f"import sys, workers.processes.command_client; print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"
