"""The supervisor starts, restarts and stops real processes, and leaves none behind."""

import itertools
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers import ROOT
from tests.waiting import wait_until
from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.valkey import EmbeddedValkey
from workers.processes.process import (
    MAX_LOG_BYTES,
    ChildProcess,
    ProcessError,
    ProcessIdentity,
    identify_process,
    is_process_running,
    read_process_record,
    write_process_record,
)
from workers.processes.supervisor import AlreadyRunning, ChildState, RestartBackoff, Supervisor, read_child_states

QUICK = RestartBackoff(first_seconds=0.1, longest_seconds=0.4, healthy_seconds=60)
SLEEP = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
WITH_GRANDCHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "data", backoff=QUICK) as supervisor:
        yield supervisor


def python(supervisor: Supervisor, name: str, program: str, **more: object) -> ChildProcess:
    """Describe a child that runs a line of Python."""
    return ChildProcess(name, (sys.executable, "-c", program), supervisor.log(name), **more)  # type: ignore[arg-type]


def state_of(supervisor: Supervisor, name: str) -> ChildState:
    supervisor.supervise()
    return next(state for state in supervisor.states() if state.name == name)


def restarted(supervisor: Supervisor, name: str, times: int) -> ChildState:
    """Monitor the children until one is up again."""

    def is_up() -> ChildState | None:
        state = state_of(supervisor, name)
        return state if state.state == "running" and state.restarts == times else None

    return wait_until(is_up, what=f"{name} was restarted {times} times", seconds=20)


def descendants(pid: int) -> list[ProcessIdentity]:
    children = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return [found for found in map(identify_process, children) if found is not None]


def family_of(supervisor: Supervisor) -> list[ProcessIdentity]:
    """Every process that runs because of this supervisor."""
    return [found for state in supervisor.states() if state.pid is not None for found in descendants(state.pid)]


def wait_for_output(log: Path) -> None:
    """Wait for the line with which a child reports that its signal handlers are installed."""
    wait_until(lambda: log.stat().st_size > 0, what=f"there was a line in {log}")


def driver(data: Path, children: str, stop_seconds: float = 1.0) -> subprocess.Popen[str]:
    """Run a supervisor in a process of its own, as `tapeless up` does; it prints a line when all are up."""
    program = (
        "import pathlib, sys\n"
        "from workers.processes.process import ChildProcess\n"
        "from workers.processes.supervisor import Supervisor\n"
        f"with Supervisor(pathlib.Path({str(data)!r})) as supervisor:\n"
        f"    for name, line in ({children}):\n"
        "        child = ChildProcess(name, (sys.executable, '-c', line), supervisor.log(name), "
        f"stop_seconds={stop_seconds})\n"
        "        supervisor.start(child)\n"
        "    print('up', flush=True)\n"
        "    supervisor.run_until_signal()\n"
        "print('down', flush=True)\n"
    )
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_child_writes_to_its_own_log_and_is_seen_by_others(supervisor: Supervisor) -> None:
    supervisor.start(python(supervisor, "reel", f"print('rolling', flush=True); {SLEEP}"))
    wait_until(lambda: supervisor.log("reel").read_text() == "rolling\n", what="the line was in the log")
    (state,) = supervisor.states()
    assert (state.name, state.state, state.restarts, state.last_exit) == ("reel", "running", 0, None)
    assert read_child_states(supervisor.data) == (state,)


def test_a_child_that_was_killed_is_started_again_and_counted(supervisor: Supervisor) -> None:
    supervisor.start(python(supervisor, "reel", SLEEP))
    first = state_of(supervisor, "reel").pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    again = restarted(supervisor, "reel", 1)
    assert again.pid != first
    assert again.last_exit == -signal.SIGKILL
    assert read_child_states(supervisor.data) == (again,)


def test_a_child_that_keeps_crashing_waits_longer_each_time_up_to_a_bound(supervisor: Supervisor) -> None:
    starts = supervisor.data / "starts"
    program = f"import time; open({str(starts)!r}, 'a').write(f'{{time.time()}}\\n'); raise SystemExit(3)"
    supervisor.start(python(supervisor, "reel", program))
    wait_until(lambda: state_of(supervisor, "reel").restarts >= 5, what="it crashed five times")
    times = [float(line) for line in starts.read_text().split()]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)][:4]
    for wait, least in zip(waits, (0.1, 0.2, 0.4, 0.4), strict=True):
        assert least <= wait < least + 1.5
    assert state_of(supervisor, "reel").last_exit == 3


def test_a_child_that_ran_well_waits_only_a_moment_again(tmp_path: Path) -> None:
    with Supervisor(tmp_path, backoff=RestartBackoff(0.05, 30.0, healthy_seconds=0.0)) as supervisor:
        supervisor.start(python(supervisor, "reel", "raise SystemExit(1)"))
        # Eight doublings of 50 ms would have been 12 s.
        wait_until(lambda: state_of(supervisor, "reel").restarts >= 8, what="it was restarted eight times")


def test_what_a_dead_child_had_started_does_not_outlive_it(supervisor: Supervisor) -> None:
    supervisor.start(python(supervisor, "reel", WITH_GRANDCHILD))
    pid = state_of(supervisor, "reel").pid
    assert pid is not None
    wait_until(lambda: len(descendants(pid)) == 2, what="the grandchild ran")
    family = descendants(pid)
    os.kill(pid, signal.SIGKILL)
    restarted(supervisor, "reel", 1)
    wait_until(lambda: not any(map(is_process_running, family)), what="the family was gone")


def test_a_child_that_never_answers_is_an_error_with_the_end_of_its_log(supervisor: Supervisor) -> None:
    child = python(supervisor, "reel", "print('torn'); raise SystemExit(4)", is_ready=lambda: False)
    with pytest.raises(ProcessError, match=r"(?s)reel: ended with exit code 4 before it was ready.*torn"):
        supervisor.start(child)
    slow = python(supervisor, "slow", SLEEP, is_ready=lambda: False)
    with pytest.raises(ProcessError, match=r"slow: not ready after 0\.1 s"):
        supervisor.start(slow, ready_seconds=0.1)


def test_a_program_that_is_not_there_is_named_in_the_log(supervisor: Supervisor) -> None:
    child = ChildProcess("reel", ("/no/such/program",), supervisor.log("reel"))
    supervisor.start(child)
    wait_until(lambda: "/no/such/program: cannot be started" in supervisor.log("reel").read_text(), what="it was said")


def test_a_restart_that_fails_is_tried_again_and_its_trouble_shown(supervisor: Supervisor) -> None:
    hurdles: list[str] = []

    def prepare() -> None:
        if hurdles:
            raise ProcessError(hurdles.pop())

    supervisor.start(python(supervisor, "reel", SLEEP, prepare=prepare))
    pid = state_of(supervisor, "reel").pid
    assert pid is not None
    hurdles.append("no space left")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: state_of(supervisor, "reel").trouble == "no space left", what="the trouble was shown")
    assert restarted(supervisor, "reel", 2).trouble is None


def test_servers_are_stopped_in_reverse_order_and_nothing_is_left(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    with Supervisor(tmp_path / "data") as supervisor:
        for name in ("first", "second", "third"):
            program = (
                "import signal, sys, time\n"
                f"signal.signal(signal.SIGTERM, lambda *_: (open({str(ends)!r}, 'a').write('{name} '), sys.exit()))\n"
                "print('listening', flush=True)\n"
                "time.sleep(600)"
            )
            supervisor.start(python(supervisor, name, program, is_ready=lambda: True))
            wait_for_output(supervisor.log(name))
        family = family_of(supervisor)
    assert ends.read_text().split() == ["third", "second", "first"]
    assert not any(map(is_process_running, family))
    assert [state.state for state in supervisor.states()] == ["stopped"] * 3
    assert list((tmp_path / "data" / "run").iterdir()) == []


def test_children_that_serve_no_other_stop_at_the_same_time(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit()))\n"
        "print('listening', flush=True)\n"
        "time.sleep(600)"
    )
    with Supervisor(tmp_path) as supervisor:
        for number in range(4):
            supervisor.start(python(supervisor, f"slow-{number}", program))
            wait_for_output(supervisor.log(f"slow-{number}"))
        begun = time.monotonic()
        supervisor.stop()
        assert time.monotonic() - begun < 3.0


def test_children_that_ignore_the_request_are_killed_within_the_time(tmp_path: Path) -> None:
    with Supervisor(tmp_path, stop_seconds=2.0) as supervisor:
        for name in ("deaf-1", "deaf-2"):
            supervisor.start(python(supervisor, name, DEAF, stop_seconds=60.0))
            wait_for_output(supervisor.log(name))
        family = family_of(supervisor)
        begun = time.monotonic()
        supervisor.stop()
        assert time.monotonic() - begun < 3.0
    assert not any(map(is_process_running, family))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_even_where_a_shell_had_it_ignored(number: signal.Signals, tmp_path: Path) -> None:
    # Shells ignore SIGINT for jobs in the background; nohup ignores SIGHUP for a whole run of the tests.
    dispositions = {signal.SIGINT: signal.SIG_IGN, signal.SIGHUP: signal.SIG_DFL}
    before = {each: signal.signal(each, disposition) for each, disposition in dispositions.items()}
    try:
        process = driver(tmp_path, f"('deaf', {DEAF!r}), ('reel', {SLEEP!r})")
    finally:
        for each, disposition in before.items():
            signal.signal(each, disposition)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        wait_for_output(tmp_path / "logs" / "deaf.log")
        family = descendants(process.pid)
        assert len(family) == 3
        begun = time.monotonic()
        process.send_signal(number)
        assert process.stdout.read() == "down\n"
        assert process.wait() == 0
        assert time.monotonic() - begun < 10
    assert not any(map(is_process_running, family))


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with driver(tmp_path, f"('deaf', {DEAF!r}), ", stop_seconds=8.0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        wait_for_output(tmp_path / "logs" / "deaf.log")
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.send_signal(signal.SIGINT) or process.poll() is not None, what="it ended")
        assert time.monotonic() - begun < 4


def test_a_second_start_on_the_folder_is_refused_with_its_name_and_the_process(tmp_path: Path) -> None:
    sentence = rf'data folder "{re.escape(str(tmp_path))}": Tapeless runs on it already, as process {os.getpid()}'
    with Supervisor(tmp_path), pytest.raises(AlreadyRunning, match=sentence):
        Supervisor(tmp_path).__enter__()
    with Supervisor(tmp_path):
        pass


def test_children_end_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with driver(tmp_path, f"('reel', {SLEEP!r}), ") as process:
        assert process.stdout is not None
        process.stdout.readline()
        family = descendants(process.pid)
        process.kill()
    wait_until(lambda: not any(map(is_process_running, family)), what="all had ended")


def test_what_a_killed_supervisor_left_running_is_ended_by_the_next(tmp_path: Path) -> None:
    with driver(tmp_path, f"('deaf', {DEAF!r}), ") as process:
        assert process.stdout is not None
        process.stdout.readline()
        wait_for_output(tmp_path / "logs" / "deaf.log")
        leftover = read_process_record(tmp_path / "run" / "deaf.json")
        process.kill()
    assert leftover is not None
    assert is_process_running(leftover)
    with Supervisor(tmp_path, stop_seconds=1.0):
        assert not is_process_running(leftover)


def test_a_process_that_only_has_the_pid_of_a_leftover_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    now = identify_process(bystander.pid)
    assert now is not None
    (tmp_path / "run").mkdir()
    write_process_record(tmp_path / "run" / "reel.json", ProcessIdentity(now.pid, now.boot, now.started_seconds - 1))
    with Supervisor(tmp_path):
        assert is_process_running(now)
    bystander.kill()
    bystander.wait()


def test_a_long_log_is_kept_once_and_begun_anew_while_its_writer_goes_on(supervisor: Supervisor) -> None:
    log = supervisor.log("reel")
    supervisor.start(python(supervisor, "reel", "import sys\nfor line in sys.stdin: pass\n" + SLEEP))
    with open(log, "ab") as writer:
        writer.write(b"x" * (MAX_LOG_BYTES + 1))
        writer.flush()
        supervisor.supervise()
        writer.write(b"later\n")
    assert log.read_bytes() == b"later\n"
    assert log.with_name("reel.log.1").stat().st_size == MAX_LOG_BYTES + 1


def test_a_killed_database_and_a_killed_broker_are_started_again_with_their_data(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "data" / "postgres")
    valkey = EmbeddedValkey(tmp_path / "data" / "valkey")
    with Supervisor(tmp_path / "data", backoff=QUICK) as supervisor:
        supervisor.start(postgres.child(supervisor.log("postgres")))
        supervisor.start(valkey.child(supervisor.log("valkey")))
        postgres.create_database("reels")
        for name in ("postgres", "valkey"):
            pid = state_of(supervisor, name).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            restarted(supervisor, name, state_of(supervisor, name).restarts or 1)
        assert postgres.is_ready()
        assert valkey.is_ready()
        postgres.create_database("copy", template="reels")
        family = family_of(supervisor)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    assert not any(map(is_process_running, family))


def test_data_folder_and_logs_are_their_owners_alone_even_where_they_were_there_before(tmp_path: Path) -> None:
    data, before = tmp_path / "data", os.umask(0)
    try:
        (data / "logs").mkdir(parents=True)
        (data / "logs" / "old").touch()
        with Supervisor(data, QUICK) as supervisor:
            supervisor.start(python(supervisor, "child", f"open({str(data / 'made')!r}, 'w'); print('x')"))
            wait_for_output(supervisor.log("child"))
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.rglob("*"))}
        assert os.umask(0) == 0, "the umask is the caller's again"
    finally:
        os.umask(before)
    assert {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
