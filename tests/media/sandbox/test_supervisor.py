"""Sandboxed readers can only read a file and answer; any other action ends only the reader itself."""

import gc
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.sandbox.batch_reader import PACKET_FILES, ReadEnd, ReadItem, ReadOutcome, SandboxReader
from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceFile
from media.sandbox.seccomp import MAX_OPEN_FILES, SPARE_ADDRESS_BYTES, ResourceLimits
from media.sandbox.supervisor import ChildNotStartedError, ConfinedChild
from media.sandbox.syscalls import CLONE3
from tests.media.sandbox.misbehaving_child import ABOUT_OTHERS
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent.parent
LIMITS = ResourceLimits(wall_seconds=1.0, cpu_seconds=1, memory_bytes=256 << 20)
PATIENT = ResourceLimits(wall_seconds=30.0, cpu_seconds=1, memory_bytes=256 << 20)


def source(path: Path) -> SourceFile:
    status = path.stat()
    return SourceFile(os.fsencode(path.parent), os.fsencode(path.name), status.st_size, status.st_mtime_ns)


@pytest.fixture
def file(tmp_path: Path) -> SourceFile:
    path = tmp_path / "clip.mov"
    path.write_text("hello")
    return source(path)


@pytest.fixture
def child() -> Iterator[ConfinedChild]:
    with ConfinedChild("tests.media.sandbox.misbehaving_child", PATIENT) as child:
        yield child


def read(child: ConfinedChild, *items: ReadItem) -> dict[object, ReadOutcome]:
    return {outcome.item.key: outcome for outcome in SandboxReader(child).read(items)}


def test_a_child_reads_what_it_is_handed_and_knows_nothing_of_ours(child: ConfinedChild, file: SourceFile) -> None:
    result = read(child, ReadItem(1, [file]))[1].result
    assert result["read"] == "hello"
    assert set(result["environment"]) <= {"PYTHONPATH", "LANG", "LC_CTYPE", "OPENBLAS_NUM_THREADS"}


@pytest.mark.parametrize(
    "deed", ["write", "connect", "start", "remove", "fork", "chmod", "execute", "look", *ABOUT_OTHERS]
)
def test_a_child_can_open_start_remove_and_reach_nothing(child: ConfinedChild, file: SourceFile, deed: str) -> None:
    outcome = read(child, ReadItem(1, [file], {"deed": deed}))[1]
    assert (outcome.end, "not permitted" in outcome.reason) == (ReadEnd.ERROR, True), outcome


GLIBC = platform.libc_ver()
NEEDS_PATHS = GLIBC[0] == "glibc" and (2, 33) <= tuple(map(int, GLIBC[1].split(".")[:2])) <= (2, 38)


@pytest.mark.parametrize(
    ("deed", "is_denied"),
    [
        ("look_by_descriptor", not NEEDS_PATHS),
        pytest.param(
            "look_by_other_table", True, marks=pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64")
        ),
    ],
)
def test_a_call_by_which_files_are_named_is_left_only_to_libraries_that_need_it(
    child: ConfinedChild, file: SourceFile, deed: str, is_denied: bool
) -> None:
    outcome = read(child, ReadItem(1, [file], {"deed": deed}))[1]
    assert ("not permitted" in outcome.reason) == is_denied, outcome


def test_every_other_system_call_is_denied(child: ConfinedChild, file: SourceFile) -> None:
    """Mounts, namespaces, modules, keys, clocks, other processes: all that the kernel has, now or later."""
    came = read(child, ReadItem(1, [file], {"deed": "try_all"}))[1].result["came"]
    assert came.pop("ENOSYS") == [CLONE3[["x86_64", "aarch64"].index(platform.machine())]]
    assert len(came.pop("EPERM")) > 500
    assert came == {}


def test_a_child_has_no_rights_and_hard_limits(child: ConfinedChild, file: SourceFile) -> None:
    read(child, ReadItem(1, [file]))
    status = dict(line.split(":\t") for line in Path(f"/proc/{child.pid}/status").read_text().splitlines())
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", *(["CapBnd"] if os.geteuid() == 0 else [])):
        assert int(status[name], 16) == 0, name
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    if os.geteuid() == 0:
        assert set(status["Uid"].split() + status["Gid"].split()) == {"65534"}
        assert status["Groups"].split() == []
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    for name, most in (("data size", 256 << 20), ("address space", (256 << 20) + SPARE_ADDRESS_BYTES)):
        assert re.search(rf"Max {name} +{most} +{most} ", limits), limits
    for name, most in (("open files", MAX_OPEN_FILES), ("file size", 0), ("core file size", 0)):
        assert re.search(rf"Max {name} +{most} +{most} ", limits), limits


LANDLOCKED = """
import ctypes, os
from media.sandbox.seccomp import PR_SET_NO_NEW_PRIVS, restrict_paths
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
libc.syscall.argtypes = [ctypes.c_long, *[ctypes.c_void_p] * 3]
has_landlock = libc.syscall(444, None, None, 1) > 0
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
restrict_paths(libc)
try:
    os.close(os.open("/", os.O_RDONLY))
    opened = True
except PermissionError:
    opened = False
print(has_landlock, opened)
"""


def test_landlock_alone_denies_paths_where_the_kernel_has_it() -> None:
    run = subprocess.run([sys.executable, "-c", LANDLOCKED], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.split() in (["True", "False"], ["False", "True"])


@pytest.mark.parametrize(
    ("deed", "limits", "end", "reason"),
    [
        ("hang", LIMITS, ReadEnd.DIED, "clip.mov: its reader took longer than 1 s and was ended"),
        ("crash", PATIENT, ReadEnd.DIED, "clip.mov: its reader crashed (SIGSEGV)"),
        ("abort", PATIENT, ReadEnd.DIED, "clip.mov: its reader crashed (SIGABRT)"),
        ("burn", PATIENT, ReadEnd.DIED, "clip.mov: its reader used more than 1 s of processor time and was ended"),
        ("eat", PATIENT, ReadEnd.LIMIT, "clip.mov: needs more memory than a file may take"),
        ("talk", PATIENT, ReadEnd.DIED, "clip.mov: its reader answered with more than 32 MB and was ended"),
    ],
)
def test_what_ends_its_reader_is_named_and_its_neighbours_are_read(
    file: SourceFile, deed: str, limits: ResourceLimits, end: ReadEnd, reason: str
) -> None:
    with ConfinedChild("tests.media.sandbox.misbehaving_child", limits) as child:
        items = [
            ReadItem(1, [file]),
            ReadItem(2, [file], {"deed": deed}),
            *(ReadItem(key, [file]) for key in range(3, 120)),
        ]
        outcomes = read(child, *items)
    assert (outcomes[2].end, outcomes[2].reason) == (end, reason)
    assert {key for key, outcome in outcomes.items() if outcome.end is not ReadEnd.READ} == {2}
    assert len(outcomes) == 119


def test_a_library_that_prints_does_not_disturb_the_answers(child: ConfinedChild, file: SourceFile) -> None:
    """OpenEXR prints its errors to standard output, which was the channel of answers."""
    outcomes = read(child, ReadItem(1, [file], {"deed": "mutter"}), ReadItem(2, [file]))
    assert outcomes[1].result == {"came": "fine"}
    assert outcomes[2].result["read"] == "hello"


def test_a_child_may_have_threads(child: ConfinedChild, file: SourceFile) -> None:
    assert read(child, ReadItem(1, [file], {"deed": "share"}))[1].result == {"came": "here here here here"}


@pytest.mark.parametrize("count", [1, PACKET_FILES, PACKET_FILES + 12])
def test_a_child_that_dies_when_all_is_answered_is_the_fault_of_no_file(
    child: ConfinedChild, file: SourceFile, count: int
) -> None:
    last = min(count, PACKET_FILES) - 1
    outcomes = read(child, *(ReadItem(key, [file], {"leaves": key == last}) for key in range(count)))
    assert (len(outcomes), {outcome.end for outcome in outcomes.values()}) == (count, {ReadEnd.READ})


def test_a_child_that_is_killed_between_files_is_replaced(child: ConfinedChild, file: SourceFile) -> None:
    assert read(child, ReadItem(1, [file]))[1].end is ReadEnd.READ
    os.kill(child.pid, signal.SIGKILL)
    outcomes = [read(child, ReadItem(1, [file]))[1] for _ in range(2)]
    assert outcomes[-1].end is ReadEnd.READ


def test_a_child_that_is_closed_is_gone(child: ConfinedChild, file: SourceFile) -> None:
    read(child, ReadItem(1, [file]))
    pid = child.pid
    child.close()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), what="the child is gone")


def test_a_program_that_does_not_start_is_no_fault_of_a_file(file: SourceFile) -> None:
    with ConfinedChild("media.no_such_program", PATIENT) as child, pytest.raises(ChildNotStartedError):
        read(child, ReadItem(1, [file]))


def test_no_open_file_is_left_behind(file: SourceFile) -> None:
    gc.collect()  # files of other tests that nothing refers to
    before = os.listdir("/proc/self/fd")
    with ConfinedChild("tests.media.sandbox.misbehaving_child", PATIENT) as child:
        read(child, *(ReadItem(key, [file], {"deed": "crash"} if key % 20 == 0 else {}) for key in range(100)))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def open_one(source: SourceFile) -> None:
    with OpenFolders() as folders:
        os.close(folders.open_source(source))


def test_a_fifo_that_stands_in_a_files_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mov")
    with pytest.raises(SourceChangedError, match="no regular file any more"):
        open_one(SourceFile(os.fsencode(tmp_path), b"clip.mov", 5, 1))


def test_no_link_is_followed_on_the_way_nor_at_its_end(tmp_path: Path, file: SourceFile) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "clip.mov").write_text("hello")
    status = (elsewhere / "clip.mov").stat()
    (tmp_path / "link.mov").symlink_to(elsewhere / "clip.mov")
    (tmp_path / "folder").symlink_to(elsewhere)
    for path in (b"link.mov", b"folder/clip.mov"):
        with pytest.raises(SourceChangedError, match="cannot be opened"):
            open_one(SourceFile(os.fsencode(tmp_path), path, status.st_size, status.st_mtime_ns))


@pytest.mark.parametrize("change", ["grow", "replace", "delete"])
def test_a_file_that_changed_since_it_was_seen_is_left_to_the_watcher(
    tmp_path: Path, file: SourceFile, change: str
) -> None:
    path = tmp_path / "clip.mov"
    if change == "grow":
        path.write_text("hello, again")
    elif change == "replace":
        (tmp_path / "other").write_text("HELLO")
        (tmp_path / "other").rename(path)
    else:
        path.unlink()
    with pytest.raises(SourceChangedError):
        open_one(file)
