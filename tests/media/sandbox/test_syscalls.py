"""The numbers of allowed system calls are those of the kernel's headers, on both architectures."""

import re
from pathlib import Path

import pytest

from media.sandbox import syscalls
from media.sandbox.seccomp import ARCHITECTURES
from media.sandbox.syscalls import ALLOWED_SYSCALLS

HEADERS = {
    "x86_64": (
        "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        "/usr/include/asm/unistd_64.h",
        "/usr/x86_64-linux-gnu/include/asm/unistd_64.h",
    ),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
"""ARM64 has the generic table, whose header is installed with every kernel's."""
CONDITIONAL = ("CLONE", "CLONE3", "TGKILL", "PRLIMIT", "MMAP", "MPROTECT", "FCNTL", "IOCTL", "NEWFSTATAT")
OTHER_NAMES = {"prlimit": "prlimit64"}
"""What the kernel calls these."""


def numbers_of(header: str) -> dict[str, int]:
    """The numbers that a header defines, also by another name in it."""
    text = Path(header).read_text()
    defined = dict(re.findall(r"^#define (__NR\w*) (\w+)$", text, re.MULTILINE))
    return {
        name.removeprefix("__NR_"): int(defined.get(value, value))
        for name, value in defined.items()
        if defined.get(value, value).isdigit()
    }


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_kernel(machine: str) -> None:
    found = [header for header in HEADERS[machine] if Path(header).exists()]
    if not found:
        pytest.skip(f"no kernel headers of {machine}: install linux-libc-dev")
    kernel, column = numbers_of(found[0]), ARCHITECTURES[machine][1]
    ours = {name: row[column] for name, row in ALLOWED_SYSCALLS.items()}
    ours |= {name.lower(): getattr(syscalls, name)[column] for name in CONDITIONAL}
    assert len(kernel) > 300
    assert ours == {name: kernel.get(OTHER_NAMES.get(name, name), -1) for name in ours}


def test_each_number_is_listed_once_and_each_call_exists_somewhere() -> None:
    rows = [*ALLOWED_SYSCALLS.values(), *(getattr(syscalls, name) for name in CONDITIONAL)]
    for column in (0, 1):
        numbers = [row[column] for row in rows if row[column] >= 0]
        assert len(numbers) == len(set(numbers))
    assert all(max(row) >= 0 for row in rows)
