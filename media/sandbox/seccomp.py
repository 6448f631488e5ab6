"""Process sandbox: no rights, resource limits and a filter of system calls, before an untrusted file is parsed.

Media parsers are the largest attack surface of Tapeless, and they run on any file in a watched folder. Therefore they
run in a separate process that can only read the descriptors it was given and answer on standard output:

1. It gives up root's user id and all capabilities, also of programs that it might start, and cannot regain any
   (`no_new_privs`). It dies with its parent.
2. Hard limits end it if a file makes it compute, allocate or write without end. It leaves no core dump.
3. Landlock, where the kernel has it, denies every path, port and signal, whichever call asks.
4. A seccomp filter allows the calls of `syscalls.py` alone; every other one fails with EPERM. None opens or changes a
   file, creates a socket, or starts, signals or inspects a process. One can name a file, and is allowed only if the C
   library needs it (`needs_newfstatat`). Threads are allowed; the address space of their stacks limits their number.

Where the kernel has no seccomp the rest still applies, and the process reports what is missing.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from media.sandbox.syscalls import (
    ALLOWED_FCNTLS,
    ALLOWED_IOCTLS,
    ALLOWED_SYSCALLS,
    AT_EMPTY_PATH,
    CLONE,
    CLONE3,
    CLONE_THREAD,
    FCNTL,
    IOCTL,
    MMAP,
    MPROTECT,
    NEWFSTATAT,
    PRLIMIT,
    PROT_EXEC,
    RLIMIT_CPU,
    TGKILL,
)
from models.core.capabilities import NO_CAPABILITIES, limit_later_capabilities, set_capabilities

PR_SET_PARENT_DEATH_SIGNAL, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38  # linux/prctl.h
SECCOMP_MODE_FILTER = 2
SECCOMP_ERRNO, SECCOMP_KILL, SECCOMP_ALLOW = 0x00050000, 0x80000000, 0x7FFF0000  # linux/seccomp.h
BPF_LOAD, BPF_JUMP_EQUAL, BPF_JUMP_AT_LEAST, BPF_JUMP_ANY_BIT, BPF_RETURN = (
    0x20,
    0x15,
    0x35,
    0x45,
    0x06,
)  # linux/bpf_common.h
CALL_NUMBER_OFFSET, ARCHITECTURE_OFFSET, FIRST_ARGUMENT_OFFSET = 0, 4, 16
X32_BIT = 0x40000000
"""x86-64 has a second table of the same calls behind this bit; none of our code uses it."""
EPERM, ENOSYS = 1, 38

SPARE_ADDRESS_BYTES = 2 << 30
"""Margin for address space, which is reserved far beyond use (stacks and arenas of threads)."""
MAX_OPEN_FILES = 512
"""A packet holds up to 250; a program keeps few of its own."""
NOBODY_ID = 65534

LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
"""On both architectures."""
LANDLOCK_RIGHTS = ((0x1FFF, 0, 0), (0x3FFF, 0, 0), (0x7FFF, 0, 0), (0x7FFF, 3, 0), (0xFFFF, 3, 0), (0xFFFF, 3, 3))
"""Rights on files, ports and scopes that versions 1 to 6 of Landlock's interface know (linux/landlock.h): a ruleset
handles all of them and grants none."""

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH of linux/audit.h, and the column in the tables of `syscalls.py`."""

BpfInstruction = tuple[int, int, int, int]
"""One BPF instruction: code, jump if true, jump if false, value."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits for reading one file; beyond them the process is ended and the file is at fault."""

    wall_seconds: float = 60.0
    """Limit until the next answer: waiting for a disk, or a hang, uses no processor time."""
    cpu_seconds: int = 20
    memory_bytes: int = 768 << 20
    """Limit of private memory; Python and FFmpeg take 30 MB before they read anything.

    Enough for H.264, HEVC and ProRes 4444 in 8K, for 150 megapixels of most stills, and for any JPEG, which is decoded
    scaled down.
    """
    written_bytes: int = 0
    """Limit of bytes written to one file; answers go through a pipe and do not count."""
    niceness: int = 0


def confine_process(limits: ResourceLimits, parent_pid: int) -> list[str]:
    """Sandbox this process; returns what this kernel does not enforce. Import everything first: nothing can be opened
    after."""
    os.nice(limits.niceness)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.written_bytes, limits.written_bytes))
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))
    addresses = limits.memory_bytes + SPARE_ADDRESS_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    grant_cpu_time(limits)
    if sys.platform != "linux":
        return ["no rights", "no files", "no network"]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    libc.syscall.argtypes = [ctypes.c_long, *[ctypes.c_void_p] * 3]
    missing = [] if drop_rights() else ["no rights"]
    # A change of the user id clears it, so it is set after that.
    libc.prctl(PR_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before PDEATHSIG was set
        raise SystemExit(128 + signal.SIGKILL)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return [*missing, "no new privileges", "no files", "no network"]
    restrict_paths(libc)
    return missing if _filter_calls(libc, needs_newfstatat(libc)) else [*missing, "no files", "no network"]


def needs_newfstatat(libc: ctypes.CDLL) -> bool:
    """Return whether the C library asks for the size of an open file by a call that also takes paths, as glibc 2.33 to
    2.38 does. A filter cannot read the path, and Landlock knows no such right.

    It is tried in a thread, whose filter ends with it.
    """
    found: list[bool] = []

    def try_without() -> None:
        if platform.machine() not in ARCHITECTURES or not _install(
            libc, _deny(NEWFSTATAT[ARCHITECTURES[platform.machine()][1]])
        ):
            found.append(True)
            return
        try:
            os.fstat(0)
            found.append(False)
        except PermissionError:
            found.append(True)

    thread = threading.Thread(target=try_without)
    thread.start()
    thread.join()
    return found[0]


def _deny(number: int) -> Iterator[BpfInstruction]:
    yield BPF_LOAD, 0, 0, CALL_NUMBER_OFFSET
    yield BPF_JUMP_EQUAL, 0, 1, number
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | EPERM
    yield BPF_RETURN, 0, 0, SECCOMP_ALLOW


def drop_rights() -> bool:
    """Become an unprivileged user if this is root, and give up all capabilities; return whether that succeeded."""
    limit_later_capabilities(NO_CAPABILITIES)
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY_ID, NOBODY_ID, NOBODY_ID)
            os.setresuid(NOBODY_ID, NOBODY_ID, NOBODY_ID)
        except OSError:
            # In a user namespace with this user alone; what follows still takes the capabilities away.
            pass
    return set_capabilities(NO_CAPABILITIES, NO_CAPABILITIES) and os.geteuid() != 0


def restrict_paths(libc: ctypes.CDLL) -> None:
    """Deny all paths, ports and signals by Landlock, as far as the kernel's version knows them; none without it.

    The filter of system calls denies the same; this holds if a call that names files were ever allowed.
    """
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, None, 1)
    if version < 1:
        return
    rights = LANDLOCK_RIGHTS[min(version, len(LANDLOCK_RIGHTS)) - 1]
    asked = ctypes.create_string_buffer(struct.pack("=QQQ", *rights))
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.addressof(asked), size, 0)
    if ruleset >= 0:
        libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, None, None)
        os.close(ruleset)


def grant_cpu_time(limits: ResourceLimits) -> None:
    """Grant fresh processor time for the next file; RLIMIT_CPU counts from the start of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.cpu_seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds if hard < 0 else min(seconds, hard), hard))


def _filter_calls(libc: ctypes.CDLL, has_newfstatat: bool) -> bool:
    """Install the filter for this thread and everything that it starts; False if the kernel has no seccomp."""
    if platform.machine() not in ARCHITECTURES:
        return False
    architecture, column = ARCHITECTURES[platform.machine()]
    return _install(libc, _instructions(architecture, column, has_newfstatat))


def _install(libc: ctypes.CDLL, steps: Iterator[BpfInstruction]) -> bool:
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of steps, padding to the pointer, the pointer.
    wrapped = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(buffer))
    wrapper = ctypes.create_string_buffer(wrapped, len(wrapped))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(wrapper), 0, 0) == 0)


def _instructions(architecture: int, column: int, has_newfstatat: bool) -> Iterator[BpfInstruction]:
    """Build the filter: a foreign system call table kills the process; what is not allowed fails with EPERM."""
    numbers = sorted({row[column] for row in ALLOWED_SYSCALLS.values() if row[column] >= 0})
    yield BPF_LOAD, 0, 0, ARCHITECTURE_OFFSET
    yield BPF_JUMP_EQUAL, 1, 0, architecture
    yield BPF_RETURN, 0, 0, SECCOMP_KILL
    yield BPF_LOAD, 0, 0, CALL_NUMBER_OFFSET
    yield BPF_JUMP_AT_LEAST, 0, 1, X32_BIT
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | EPERM
    # The flags of clone3 are in memory, which a filter cannot read; on ENOSYS the C library falls back to `clone`.
    yield BPF_JUMP_EQUAL, 0, 1, CLONE3[column]
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | ENOSYS
    # A thread, never a process.
    yield from _allow_if(CLONE[column], 0, BPF_JUMP_ANY_BIT, [CLONE_THREAD])
    # `abort` signals its own process, and each file gets new processor time.
    yield from _allow_if(TGKILL[column], 0, BPF_JUMP_EQUAL, [os.getpid()])
    yield from _allow_if(PRLIMIT[column], 1, BPF_JUMP_EQUAL, [RLIMIT_CPU], own_process=True)
    yield from _allow_if(FCNTL[column], 1, BPF_JUMP_EQUAL, ALLOWED_FCNTLS)
    yield from _allow_if(IOCTL[column], 1, BPF_JUMP_EQUAL, ALLOWED_IOCTLS)
    if has_newfstatat:
        yield from _allow_if(NEWFSTATAT[column], 3, BPF_JUMP_EQUAL, [AT_EMPTY_PATH])
    for call in (MMAP, MPROTECT):
        yield from _allow_if(call[column], 2, BPF_JUMP_ANY_BIT, [PROT_EXEC], is_denied=True)
    for place, number in enumerate(numbers):
        yield BPF_JUMP_EQUAL, len(numbers) - place, 0, number
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | EPERM
    yield BPF_RETURN, 0, 0, SECCOMP_ALLOW


def _allow_if(
    number: int,
    argument: int,
    test: int,
    values: Sequence[int],
    *,
    is_denied: bool = False,
    own_process: bool = False,
) -> Iterator[BpfInstruction]:
    """Allow a call only if one of its arguments passes a test with one of the values, or (`is_denied`) with none; for
    `own_process` only if its first argument is 0, too. Lower halves of arguments: both architectures are little-endian.
    """
    yes, no = SECCOMP_ALLOW, SECCOMP_ERRNO | EPERM
    steps: list[BpfInstruction] = []
    if own_process:
        steps += [(BPF_LOAD, 0, 0, FIRST_ARGUMENT_OFFSET), (BPF_JUMP_EQUAL, 1, 0, 0), (BPF_RETURN, 0, 0, no)]
    steps.append((BPF_LOAD, 0, 0, FIRST_ARGUMENT_OFFSET + 8 * argument))
    steps += [(test, len(values) - place, 0, value) for place, value in enumerate(values)]
    steps += [(BPF_RETURN, 0, 0, yes if is_denied else no), (BPF_RETURN, 0, 0, no if is_denied else yes)]
    yield BPF_JUMP_EQUAL, 0, len(steps), number
    yield from steps
