"""The fork server starts processes that are as if they had been started on their own, and end with it."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers import ROOT
from tests.waiting import wait_until
from workers.config.settings import make_child_environment
from workers.processes.forked import ANSWER, FORK_SERVER_MODULE, ForkedProcess, ForkServer, ForkServerError
from workers.processes.nice import NICE_VALUE
from workers.processes.process import ChildProcess, ProcessError, identify_process
from workers.processes.supervisor import RestartBackoff, Supervisor

CHILD = "tests.workers.processes.forked_child"


@pytest.fixture
def env() -> dict[str, str]:
    return make_child_environment(PYTHONPATH=str(ROOT))


@pytest.fixture
def server(tmp_path: Path, env: dict[str, str]) -> Iterator[ForkServer]:
    server = ForkServer("json", env, tmp_path / "fork-server.log")
    yield server
    server.close()


def forked(server: ForkServer, log: Path, *words: str, take: str = "", is_background: bool = False) -> ForkedProcess:
    with open(log, "ab") as output:
        env = {**server.env, "TAKE": take}
        return server.fork((CHILD, *words), output, env, signal.SIGTERM, is_background)


def process_of_server() -> psutil.Process:
    (found,) = [each for each in psutil.Process().children() if FORK_SERVER_MODULE in each.cmdline()]
    return found


def said(log: Path) -> dict[str, object]:
    """The line of a child, which is its last before it waits or ends."""
    return json.loads(wait_until(log.read_text, what=f"there is a line in {log}"))


@pytest.mark.parametrize("code", [0, 3])
def test_an_exit_code_is_that_of_the_process(server: ForkServer, tmp_path: Path, code: int) -> None:
    process = forked(server, tmp_path / "log", str(code))
    assert process.wait() == code
    assert process.poll() == code


def test_a_process_that_has_ended_before_its_pid_is_read_has_its_exit_code() -> None:
    answers, answer = os.pipe()
    os.write(answer, ANSWER.pack(1234) + ANSWER.pack(3))
    process = ForkedProcess.from_answers(answers, 0)
    assert process is not None
    assert (process.pid, process.poll()) == (1234, 3)
    os.close(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_and_is_its_exit_code(server: ForkServer, tmp_path: Path, number: signal.Signals) -> None:
    process = forked(server, tmp_path / "log", "wait")
    said(tmp_path / "log")
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait() == -number
    process.send_signal(number)  # it has ended: no error


def test_each_has_arguments_environment_session_priority_and_title_of_its_own(
    server: ForkServer, tmp_path: Path
) -> None:
    first = forked(server, tmp_path / "first", "wait", take="1", is_background=True)
    second = forked(server, tmp_path / "second", "wait", "more", take="2")
    usual = os.nice(0)
    nice = min(usual + NICE_VALUE, 19)
    assert said(tmp_path / "first") == {"argv": ["wait"], "env": "1", "session": True, "nice": nice}
    assert said(tmp_path / "second") == {"argv": ["wait", "more"], "env": "2", "session": True, "nice": usual}
    shown = " ".join(psutil.Process(second.pid).cmdline()).strip()
    assert shown == f"{sys.executable} -P -m {CHILD} wait more"
    for process in (first, second):
        process.send_signal(signal.SIGTERM)
        process.wait()


def test_it_holds_nothing_of_the_processes_that_it_forked(server: ForkServer, tmp_path: Path) -> None:
    forked(server, tmp_path / "log", "0").wait()
    parent = process_of_server()
    wait_until(lambda: not parent.children(), what="the fork server took note of its end")
    before = parent.num_fds()
    for _ in range(5):
        forked(server, tmp_path / "log", "0").wait()
    wait_until(lambda: parent.num_fds() == before and not parent.children(), what="nothing is left of five processes")


def test_a_module_that_cannot_be_loaded_is_named_in_its_log(tmp_path: Path, env: dict[str, str]) -> None:
    server = ForkServer("no_such_module", env, tmp_path / "fork-server.log")
    with pytest.raises(ForkServerError, match=r"the fork server does not answer; see .*fork-server\.log"):
        forked(server, tmp_path / "log", "0")
    assert "No module named 'no_such_module'" in (tmp_path / "fork-server.log").read_text()
    child = ChildProcess("reel", (CHILD, "0"), tmp_path / "log", env, fork_server=server)
    with Supervisor(tmp_path / "data") as supervisor, pytest.raises(ProcessError, match=r"reel: .*does not answer"):
        supervisor.start(child)
    server.close()


def test_its_processes_end_with_it_and_all_are_started_again(server: ForkServer, tmp_path: Path) -> None:
    quick = RestartBackoff(first_seconds=0.1, longest_seconds=0.4, healthy_seconds=60)
    with Supervisor(tmp_path / "data", backoff=quick) as supervisor:
        for name in ("reel", "take"):
            log = supervisor.log(name)
            supervisor.start(ChildProcess(name, (CHILD, "wait"), log, server.env, fork_server=server))
            said(log)
        before = {state.pid for state in supervisor.states()}
        parent = process_of_server()
        parent.kill()

        def again() -> bool:
            supervisor.supervise()
            states = supervisor.states()
            return all(state.state == "running" and state.restarts for state in states)

        wait_until(again, what="both run again", seconds=20)
        assert [pid for pid in before if pid is not None and identify_process(pid)] == []
