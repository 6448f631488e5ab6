"""System calls that a sandboxed reader may make; every other one fails with EPERM.

Numbers are those of x86-64 and ARM64 (-1: the call does not exist there), from the kernel's tables
(arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). A call that is added to the kernel later is
denied until it is listed here.

The list was found by tracing the readers of all kinds of files, and holds what Python and the C library use besides.
None of these calls takes a path, creates a descriptor for anything new, or reaches another process; the exceptions are
the ones with conditions in `seccomp.py`.
"""

ALLOWED_SYSCALLS: dict[str, tuple[int, int]] = {
    # Open files: what was handed over is read, positioned, measured and closed; a rendition is written.
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "close_range": (436, 436),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "dup": (32, 23),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    "fadvise64": (221, 223),
    # Requests and their descriptors come through the socket that is standard input; answers leave by a pipe.
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "poll": (7, -1),
    "ppoll": (271, 73),
    "select": (23, -1),
    "pselect6": (270, 72),
    # Memory, without code that is made at run time (`mmap` and `mprotect` have a condition).
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "membarrier": (324, 283),
    # Threads of this process.
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "arch_prctl": (158, -1),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # Signals to itself.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "pause": (34, -1),
    # Clocks and what the process knows of itself.
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, -1),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getrandom": (318, 278),
}

CLONE, CLONE3, TGKILL, PRLIMIT = (56, 220), (435, 435), (234, 131), (302, 261)
MMAP, MPROTECT = (9, 222), (10, 226)
FCNTL, IOCTL, NEWFSTATAT = (72, 25), (16, 29), (262, 79)
"""Calls that are allowed depending on their arguments, with the same columns."""

CLONE_THREAD = 0x10000  # linux/sched.h
PROT_EXEC = 0x4  # asm-generic/mman-common.h
AT_EMPTY_PATH = 0x1000  # linux/fcntl.h: `fstat` of the C library
RLIMIT_CPU = 0
ALLOWED_FCNTLS = (0, 1, 2, 3, 4, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL and F_DUPFD_CLOEXEC of linux/fcntl.h; not F_SETOWN, which selects the
process to signal, nor locks, leases and seals."""
ALLOWED_IOCTLS = (0x5401, 0x5421, 0x541B, 0x5450, 0x5451)
"""TCGETS (is it a terminal?), FIONBIO, FIONREAD, FIONCLEX and FIOCLEX of asm-generic/ioctls.h."""
