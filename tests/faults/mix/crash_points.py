"""Named points at which a process of the system can be made to crash, stop, or lose what it was just told.

The product knows nothing of this: `install` runs in every Python process of a system under test, from a
`sitecustomize.py` on its path (`write_hook`), and wraps functions of the libraries that every effect goes through.
While nothing is armed, a point costs one `stat` of a file that is not there.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

POINTS = {
    "commit": ("psycopg", "Connection", "commit"),
    "wake-up": ("kombu.messaging", "Producer", "publish"),
    "bulk write": ("search.postgres.engine", "PostgresEngine", "write"),
    "rename": ("os", None, "replace"),
}
"""The module, class and function of each point."""
DEEDS = ("kill before", "kill after", "stop before", "conflict", "lose the answer")
"""`conflict` fails a commit with a serialization failure, `lose the answer` cuts the connection after a commit."""
PROCESSES = {
    "worker-ingest": "ingest@",
    "worker-index": "index@",
    "worker-media": "media@",
    "beat": "ConditionalScheduler",
    "api": "workers.main api",
    "watch": "workers.main watch",
}
"""How each child of `tapeless up` is recognised by its command."""


@dataclass(frozen=True, slots=True)
class Armed:
    """What is to happen the next times that one kind of process comes to a point."""

    process: str
    point: str
    deed: str
    skips: int = 0
    times: int = 1


def write_hook(folder: Path, root: Path) -> Path:
    """Write the module that Python imports first in every process with `folder` on its path; return what arms it."""
    folder.mkdir(parents=True)
    armed = folder / "armed.json"
    hook = f"import sys\nsys.path.append({str(root)!r})\nfrom tests.faults.mix.crash_points import install\n"
    (folder / "sitecustomize.py").write_text(f"{hook}install({str(armed)!r})\n")
    return armed


@contextlib.contextmanager
def arm(armed: Path, what: Armed) -> Iterator[None]:
    """Arm one point until the block ends."""
    draft = armed.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(what)))
    draft.rename(armed)
    try:
        yield
    finally:
        armed.unlink(missing_ok=True)


def take_fired(armed: Path) -> list[int]:
    """The processes in which what was armed has happened so far, and forget them."""
    found = sorted(armed.parent.glob("fired-*"))
    for each in found:
        each.unlink()
    return [int(each.name.split("-")[1]) for each in found]


class Trap:
    """The points of this process."""

    def __init__(self, armed: str) -> None:
        self.armed = armed
        self.seen = 0
        self.key: tuple[int, int] | None = None

    @property
    def command(self) -> str:
        """The command of this process; the fork server's own until it became another."""
        return " ".join(sys.orig_argv)

    def find(self, point: str) -> str | None:
        """The deed that is due at this point now, or None."""
        try:
            found = os.stat(self.armed)
            with open(self.armed) as file:
                what = Armed(**json.load(file))
        except (OSError, ValueError):
            return None
        if what.point != point or PROCESSES[what.process] not in self.command:
            return None
        if self.key != (found.st_ino, found.st_mtime_ns):
            self.key, self.seen = (found.st_ino, found.st_mtime_ns), 0
        self.seen += 1
        if not what.skips < self.seen <= what.skips + what.times:
            return None
        mark = os.open(f"{os.path.dirname(self.armed)}/fired-{os.getpid()}-{self.seen}", os.O_CREAT | os.O_WRONLY)
        os.close(mark)
        return what.deed

    def wrap(self, point: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with this point before and after it."""

        @wraps(function)
        def at_point(*args: Any, **options: Any) -> Any:
            deed = self.find(point)
            if deed is None:
                return function(*args, **options)
            if deed in ("kill before", "stop before"):
                os.kill(os.getpid(), signal.SIGSTOP if deed == "stop before" else signal.SIGKILL)
            if deed == "conflict":
                args[0].rollback()
                raise sys.modules["psycopg.errors"].SerializationFailure("made up by the fault harness")
            answer = function(*args, **options)
            if deed == "kill after":
                os.kill(os.getpid(), signal.SIGKILL)
            if deed == "lose the answer":
                args[0].close()
                raise sys.modules["psycopg"].OperationalError("connection lost: made up by the fault harness")
            return answer

        return at_point


class PointFinder(MetaPathFinder):
    """Wraps the function of a point when its module is imported."""

    def __init__(self, trap: Trap) -> None:
        self.trap = trap
        self.wanted = {module: (point, owner, name) for point, (module, owner, name) in POINTS.items()}

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Take part in the import of a module with a point, once."""
        if fullname not in self.wanted:
            return None
        point, owner, name = self.wanted.pop(fullname)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = WrappingLoader(spec.loader, self.trap, point, owner, name)
        return spec


class WrappingLoader(Loader):
    """Loads a module as usual, then wraps one function in it."""

    def __init__(self, usual: Any, trap: Trap, point: str, owner: str | None, name: str) -> None:
        self.usual, self.trap, self.point, self.owner, self.name = usual, trap, point, owner, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self.usual, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.usual.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.usual.exec_module(module)
        holder = getattr(module, self.owner) if self.owner else module
        setattr(holder, self.name, self.trap.wrap(self.point, getattr(holder, self.name)))


def install(armed: str) -> None:
    """Set up the points of this process."""
    trap = Trap(armed)
    os.replace = trap.wrap("rename", os.replace)
    sys.meta_path.insert(0, PointFinder(trap))
