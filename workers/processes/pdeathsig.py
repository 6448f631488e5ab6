"""Run a command that ends with the process that started it.

Run as a script: `python -I -S pdeathsig.py SIGNAL PARENT_PID CAPABILITIES COMMAND [ARGUMENT…]`. It asks the kernel for
SIGNAL at the death of its parent and then becomes COMMAND, with the same pid, and with no more than these capabilities
of an unprivileged parent. Two reasons for a separate program:

1. A supervisor that is killed with SIGKILL cannot stop anything any more; the kernel still can.
2. `subprocess`'s `preexec_fn` would do the same between fork and exec, where a process with threads can deadlock
   (Python 3.12 warns about it). A start of this script costs 13 ms.

The kernel means the parent's *thread*: start children from the main thread. Without `prctl` (macOS) the command runs
without this protection, and the next start ends the leftovers.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG_OPTION, PR_CAP_AMBIENT_OPTION, PR_CAP_AMBIENT_LOWER = 1, 47, 3  # linux/prctl.h
CAPABILITY_COUNT = 64


def end_with_parent(death_signal: int, parent_pid: int) -> None:
    """Have the kernel send a signal to this process at the death of its parent; exit where the parent is dead."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG_OPTION, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before the signal was set
        raise SystemExit(128 + signal.SIGTERM)


def limit_inherited_rights(mask: int) -> None:
    """Have programs that this process becomes inherit no capabilities but these."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        for number in range(CAPABILITY_COUNT):
            if not mask >> number & 1:
                libc.prctl(PR_CAP_AMBIENT_OPTION, PR_CAP_AMBIENT_LOWER, number, 0, 0)


def end_with_parent_prefix(death_signal: int, capabilities: int = 0) -> list[str]:
    """Return the words before a command that is to end with this process, and what it inherits of its rights."""
    words = (int(death_signal), os.getpid(), capabilities)
    return [sys.executable, "-I", "-S", __file__, *map(str, words)]


def main(arguments: list[str]) -> None:
    """Set the parent-death signal, then become the command."""
    death_signal, parent_pid, capabilities, *command = arguments
    end_with_parent(int(death_signal), int(parent_pid))
    limit_inherited_rights(int(capabilities))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise SystemExit(f"{command[0]}: cannot be started: {error.strerror}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
