"""Process sandbox: resource limits and a seccomp filter, applied before an untrusted file is parsed.

Media parsers are the largest attack surface of Tapeless, and they run on any file in a watched folder. Therefore they
run in a separate process that can only read the descriptors it was given and answer on standard output:

1. Resource limits end it if a file makes it compute, allocate or write without end. It leaves no core dump.
2. It cannot regain privileges (`no_new_privs`), and it dies with its parent.
3. A seccomp filter, which needs no root, denies system calls that open, rename, remove or relabel files (also those
   handed over), create sockets, or start, signal or inspect processes. Threads are allowed. Network access is
   impossible, not merely unused.

Where the kernel has no seccomp the rest still applies, and the process reports what is missing.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
CALL_NUMBER_OFFSET, ARCHITECTURE_OFFSET, FIRST_ARGUMENT_OFFSET, SECOND_ARGUMENT_OFFSET = 0, 4, 16, 24
X32_BIT = 0x40000000
"""x86-64 has a second table of the same calls behind this bit; none of our code uses it."""
CLONE_THREAD = 0x10000  # linux/sched.h
EPERM, ENOSYS = 1, 38

SPARE_ADDRESS_BYTES = 2 << 30
"""Margin for address space, which is reserved far beyond use (stacks and arenas of threads)."""

DENIED_SYSCALLS: dict[str, tuple[int, int]] = {
    "open": (2, -1),
    "openat": (257, 56),
    "openat2": (437, 437),
    "open_by_handle_at": (304, 265),
    "creat": (85, -1),
    "truncate": (76, 45),
    "rename": (82, -1),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, -1),
    "unlinkat": (263, 35),
    "rmdir": (84, -1),
    "mkdir": (83, -1),
    "mkdirat": (258, 34),
    "link": (86, -1),
    "linkat": (265, 37),
    "symlink": (88, -1),
    "symlinkat": (266, 36),
    "mknod": (133, -1),
    "mknodat": (259, 33),
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "fchown": (93, 55),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "execve": (59, 221),
    "execveat": (322, 281),
    "vfork": (58, -1),
    "fork": (57, -1),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
"""Denied system calls by name with their numbers on x86-64 and ARM64 (-1: does not exist)."""

CLONE, CLONE3, TGKILL, PRLIMIT = (56, 220), (435, 435), (234, 131), (302, 261)
"""Calls denied depending on their arguments, with the same columns: `clone` creates threads, `tgkill` is used by
`abort`, and `prlimit` renews the processor time for each file."""

FCNTL, IOCTL = (72, 25), (16, 29)
DENIED_FCNTLS = (8, 15)
"""F_SETOWN and F_SETOWN_EX of linux/fcntl.h: they select the process to signal when a pipe or socket has input."""
DENIED_IOCTLS = (0x8901, 0x8902, 0x40086602, 0x401C5820)
"""The same for sockets (FIOSETOWN, SIOCSPGRP), and the flags of a file (FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR)."""

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH of linux/audit.h, and the column in the tables above."""

BpfInstruction = tuple[int, int, int, int]
"""One BPF instruction: code, jump if true, jump if false, value."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits for reading one file; beyond them the process is ended and the file is at fault."""

    wall_seconds: float = 60.0
    """Limit until the next answer: waiting for a disk, or a hang, uses no processor time."""
    cpu_seconds: int = 20
    memory_bytes: int = 768 << 20
    """Limit of private memory; Python and FFmpeg take 30 MB before they read anything."""
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
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    grant_cpu_time(limits)
    if sys.platform != "linux":
        return ["no new privileges", "no files", "no network"]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    libc.prctl(PR_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before PDEATHSIG was set
        raise SystemExit(128 + signal.SIGKILL)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return ["no new privileges", "no files", "no network"]
    return [] if _filter_calls(libc) else ["no files", "no network"]


def grant_cpu_time(limits: ResourceLimits) -> None:
    """Grant fresh processor time for the next file; RLIMIT_CPU counts from the start of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.cpu_seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds if hard < 0 else min(seconds, hard), hard))


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Install the filter for this thread and everything that it starts; False if the kernel has no seccomp."""
    if platform.machine() not in ARCHITECTURES:
        return False
    architecture, column = ARCHITECTURES[platform.machine()]
    program = b"".join(struct.pack("=HBBI", *step) for step in _instructions(architecture, column))
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of steps, padding to the pointer, the pointer.
    wrapped = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(buffer))
    wrapper = ctypes.create_string_buffer(wrapped, len(wrapped))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(wrapper), 0, 0) == 0)


def _instructions(architecture: int, column: int) -> Iterator[BpfInstruction]:
    """Build the filter: a foreign system call table kills the process, a denied call fails with EPERM."""
    numbers = sorted({row[column] for row in DENIED_SYSCALLS.values() if row[column] >= 0})
    yield BPF_LOAD, 0, 0, ARCHITECTURE_OFFSET
    yield BPF_JUMP_EQUAL, 1, 0, architecture
    yield BPF_RETURN, 0, 0, SECCOMP_KILL
    yield BPF_LOAD, 0, 0, CALL_NUMBER_OFFSET
    yield BPF_JUMP_AT_LEAST, 0, 1, X32_BIT
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | EPERM
    # The flags of clone3 are in memory, which a filter cannot read; on ENOSYS the C library falls back to `clone`.
    yield BPF_JUMP_EQUAL, 0, 1, CLONE3[column]
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | ENOSYS
    yield from _allow_only(CLONE[column], BPF_JUMP_ANY_BIT, CLONE_THREAD)
    yield from _allow_only(TGKILL[column], BPF_JUMP_EQUAL, os.getpid())
    yield from _allow_only(PRLIMIT[column], BPF_JUMP_EQUAL, 0)
    yield from _deny_values(FCNTL[column], DENIED_FCNTLS)
    yield from _deny_values(IOCTL[column], DENIED_IOCTLS)
    for place, number in enumerate(numbers):
        yield BPF_JUMP_EQUAL, len(numbers) - place, 0, number
    yield BPF_RETURN, 0, 0, SECCOMP_ALLOW
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | EPERM


def _allow_only(number: int, test: int, value: int) -> Iterator[BpfInstruction]:
    """Allow a call only if its first argument passes a test (lower half: both architectures are little-endian)."""
    yield BPF_JUMP_EQUAL, 0, 4, number
    yield BPF_LOAD, 0, 0, FIRST_ARGUMENT_OFFSET
    yield test, 0, 1, value
    yield BPF_RETURN, 0, 0, SECCOMP_ALLOW
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | EPERM


def _deny_values(number: int, values: Sequence[int]) -> Iterator[BpfInstruction]:
    """Deny a call if its second argument is one of these values."""
    yield BPF_JUMP_EQUAL, 0, len(values) + 3, number
    yield BPF_LOAD, 0, 0, SECOND_ARGUMENT_OFFSET
    for place, value in enumerate(values):
        yield BPF_JUMP_EQUAL, len(values) - place, 0, value
    yield BPF_RETURN, 0, 0, SECCOMP_ALLOW
    yield BPF_RETURN, 0, 0, SECCOMP_ERRNO | EPERM
