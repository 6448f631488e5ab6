"""Report on a folder: counts of what it holds, and the first paths of each kind that needs a person, as text lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.core.text import label_structure, pluralize

MAX_EXAMPLES = 5
"""Paths shown of each kind; the number counts all."""
MAX_EXAMPLE_CHARACTERS = 60
"""A longer path is shown by its end."""
MAX_WALKED_ENTRIES = 50_000


@dataclass(slots=True)
class PathFindings:
    """Number of paths of one kind, and the first of them with what is said of each."""

    count: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)

    def add(self, path: str, why: str) -> None:
        """Count a path, and keep it if it is one of the first."""
        self.count += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append({"path": path, "why": why})


@dataclass(slots=True)
class FolderReport:
    """What a folder and the folders in it hold."""

    files: int = 0
    """Recorded and on disk, as of the last look."""
    size_bytes: int = 0
    folders: int = 0
    card: str | None = None
    """Layout of the camera card that it is, holds or is a part of."""
    assets: dict[str, int] = field(default_factory=dict)
    """By the structure of their original."""
    missing: PathFindings = field(default_factory=PathFindings)
    missing_frames: PathFindings = field(default_factory=PathFindings)
    waiting: PathFindings = field(default_factory=PathFindings)
    unreadable: PathFindings = field(default_factory=PathFindings)
    """Files and folders that cannot be opened, and folders that cannot be grouped."""
    damaged: PathFindings = field(default_factory=PathFindings)
    """File sets whose header or picture cannot be read."""
    warned: PathFindings = field(default_factory=PathFindings)
    """File sets of which something else cannot be read, shown or verified."""
    ignored: PathFindings = field(default_factory=PathFindings)
    special: PathFindings = field(default_factory=PathFindings)
    """Links, FIFOs and devices, which are never opened."""
    is_complete: bool = True
    """Whether all of its disk was compared."""

    def state(self) -> str:
        """Return one word for programs: the worst of what was found."""
        if self.unreadable.count or self.damaged.count:
            return "failed"
        if self.missing.count or self.missing_frames.count:
            return "missing"
        return "waiting" if self.waiting.count else "folder"

    def lines(self) -> Iterator[str]:
        """Yield what people ask first, then each kind of finding with its first paths."""
        where = f" in {pluralize(self.folders, 'folder')}" if self.folders > 1 else ""
        yield f"is a folder with {pluralize(self.files, 'file')}{where}, {pluralize(self.size_bytes, 'byte')}"
        if self.card:
            yield f"camera card: {self.card}"
        total = sum(self.assets.values())
        kinds = ", ".join(f"{number:,} x {label_structure(kind)}" for kind, number in self.assets.items())
        yield f"{pluralize(total, 'asset')}: {kinds}" if total else "no assets"
        yield from _lines_of("missing", "file", self.missing)
        yield from _lines_of("with missing frames", "sequence", self.missing_frames)
        yield from _lines_of("waiting", "file", self.waiting)
        yield from _lines_of("that cannot be read", "path", self.unreadable)
        if self.unreadable.count:
            yield "give the user that runs Tapeless permission to read, or check the disk"
        yield from _lines_of("with damaged media", "file", self.damaged)
        yield from _lines_of("with a warning", "file", self.warned)
        yield from _lines_of("ignored as junk, hidden or unfinished", "name", self.ignored)
        yield from _lines_of("never opened, as no regular files", "name", self.special)
        if not self.is_complete:
            yield f"only the first {MAX_WALKED_ENTRIES:,} names were compared with the disk; ask about a folder in it"
        elif self.state() == "folder" and not self.warned.count:
            yield "nothing is missing, waiting or unreadable"


def _lines_of(what: str, noun: str, found: PathFindings) -> Iterator[str]:
    if not found.count:
        return
    yield f"{pluralize(found.count, noun)} {what}:"
    for example in found.examples:
        path = example["path"]
        if len(path) > MAX_EXAMPLE_CHARACTERS:
            path = f"…{path[1 - MAX_EXAMPLE_CHARACTERS :]}"
        yield f"  {path}"
        yield f"    {example['why']}"
    if found.count > len(found.examples):
        yield f"  and {found.count - len(found.examples):,} more"
