"""Fork server: loads the modules of all our processes once, and forks each process from itself.

Run as a program by `workers.processes.forked`: `python -m workers.processes.fork_server DESCRIPTOR MODULE`. The
processes of a system import mostly the same modules: with an interpreter for each, a start took 17.5 s of CPU and the
system at rest 1,490 MB; forked, 6.0 s and 680 MB (proportional set sizes, two cores).

It has one thread and no connection, so nothing of it can be shared by mistake: a process that forks while it has
threads can copy a lock that no thread releases, and one with connections would send on the sockets of its parent.

A request is one line of JSON with two descriptors: the log, and a pipe for the answers, eight bytes each, which are the
pid and, at the end of the process, its exit code. End of file without an exit code means that the fork server is dead,
and its children with it.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass

from setproctitle import setproctitle

from workers.processes.file_rights import FileRights, limit_rights
from workers.processes.forked import ANSWER
from workers.processes.nice import lower_priority
from workers.processes.pdeathsig import end_with_parent

MAX_REQUEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """A module to run in a process of its own; `death_signal` is sent to it when the fork server dies."""

    module: str
    arguments: list[str]
    env: dict[str, str]
    death_signal: int
    is_background: bool
    rights: str


def serve(control: socket.socket) -> tuple[ForkRequest, int]:
    """Fork a process for each request until the other side closes; return only in these processes, with the log."""
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    sources: list[socket.socket | int] = [control, wake_reader]
    answers: dict[int, int] = {}
    while True:
        readable, _, _ = select.select(sources, [], [])
        if wake_reader in readable:
            os.read(wake_reader, 512)
            _report_exits(answers)
        if control in readable:
            request, log, answer = _receive(control)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (wake_reader, wake_writer, answer, *answers.values()):
                    os.close(descriptor)
                control.close()
                return request, log
            os.close(log)
            answers[pid] = answer
            _answer(answer, pid)


def _receive(control: socket.socket) -> tuple[ForkRequest, int, int]:
    """Read one request; exit at the end of file, when the supervisor is gone."""
    line, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 2)
    while line and not line.endswith(b"\n"):
        line += control.recv(MAX_REQUEST_BYTES)
    if not line:
        raise SystemExit(0)
    log, answer = descriptors
    return ForkRequest(**json.loads(line)), log, answer


def _report_exits(answers: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            answer = answers.pop(ended[0])
            _answer(answer, os.waitstatus_to_exitcode(ended[1]))
            os.close(answer)


def _answer(descriptor: int, number: int) -> None:
    with suppress(BrokenPipeError):  # the supervisor is gone
        os.write(descriptor, ANSWER.pack(number))


def become(request: ForkRequest, log: int, server_pid: int) -> None:
    """Become the requested process: session, rights, priority, output, environment and arguments of its own."""
    os.setsid()
    end_with_parent(request.death_signal, server_pid)
    limit_rights(FileRights(request.rights))
    if request.is_background:
        lower_priority()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.orig_argv = [sys.executable, "-P", "-m", request.module, *request.arguments]
    sys.argv = sys.orig_argv[3:]
    setproctitle(" ".join(sys.orig_argv))  # before the environment changes, whose memory it takes for a long title
    os.environ.clear()
    os.environ.update(request.env)
    gc.enable()
    runpy.run_module(request.module, run_name="__main__", alter_sys=True)


def main(arguments: list[str]) -> None:
    """Load the module and all that it imports, then fork."""
    descriptor, module = arguments
    server_pid = os.getpid()
    gc.disable()
    importlib.import_module(module)
    # Not collected, their objects stay in pages that all processes share.
    gc.collect()
    gc.freeze()
    request, log = serve(socket.socket(fileno=int(descriptor)))
    become(request, log, server_pid)


if __name__ == "__main__":
    main(sys.argv[1:])
