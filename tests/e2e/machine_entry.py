"""Enter the namespaces of a simulated machine, then become a module: `machine_entry PID MODULE ARGUMENTS`."""

import ctypes
import os
import runpy
import sys

NAMESPACES = ("net", "uts", "mnt")


def enter(pid: int, folder: str) -> None:
    """Join the network, host name and mounts of the process that keeps a machine."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptors = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in NAMESPACES]
    for descriptor in descriptors:
        if libc.setns(descriptor, 0):
            raise OSError(ctypes.get_errno(), "setns")
    os.chdir(folder)


if __name__ == "__main__":
    pid, folder, *words = sys.argv[1:]
    enter(int(pid), folder)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
