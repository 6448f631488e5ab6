"""A generated production: cards that arrive file by file, renders that grow, captions that come late, and people who
rename, move, replace and delete."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.faults.mix.steps import Planned
from tests.services.media_clips import bytes_of

PLACES = ("day1", "day1/reel", "day2")
MEDIA = ("mp4", "wav", "png")


def clips(name: str) -> list[str]:
    return [f"{name}_{number}.mov" for number in range(1, 4)]


PRODUCTIONS: dict[str, Callable[[str], list[str]]] = {
    "clips": clips,
    "card": lambda name: [f"{name}/M4ROOT/CLIP/C000{number}{end}" for number in (1, 2) for end in (".MP4", "M01.XML")],
    "render": lambda name: [*(f"{name}.{number}.exr" for number in range(1001, 1009)), f"{name}.mp4"],
    "stereo": lambda name: [f"{name}_L.mov", f"{name}_R.mov"],
    "tracks": lambda name: [f"{name}_V1.mov", f"{name}_A1.wav", f"{name}_A2.wav"],
    "cameras": lambda name: [f"{name}_camA.mov", f"{name}_camB.mov"],
    "delivery": lambda name: [f"{name}.mov", f"{name}_h264.mp4", f"{name}.en.srt", f"Subs/{name}.de.srt"],
    "caption first": lambda name: [f"{name}.en.srt", f"{name}.mov"],
    "notes": lambda name: [f"{name}.txt", ".DS_Store"],
}
"""Files of one production in the order of their arrival."""


class DiskPlan:
    """Plans steps below one folder, and remembers which files are expected to be there."""

    def __init__(self, rng: random.Random, folder: str) -> None:
        self.rng = rng
        self.folder = folder
        self.files: list[str] = []
        self.written = 0
        self.arriving: list[Iterator[str]] = []

    def plan(self, count: int, media: int) -> list[Planned]:
        """Return so many steps, of which `media` write real media files."""
        planned = [self._next() for _ in range(count - media)]
        for number in range(media):
            name = f"{self.folder}/day1/real{number}.{MEDIA[number % len(MEDIA)]}"
            planned.insert(self.rng.randrange(len(planned) // 2), ("media", {"path": name}))
        return planned

    def _next(self) -> Planned:
        if len(self.arriving) < 3:
            self._begin()
        if len(self.files) < 5 or self.rng.random() < 0.7:
            source = self.rng.choice(self.arriving)
            path = next(source, None)
            if path is not None:
                return self._write(path)
            self.arriving.remove(source)
        return self._change() if self.files else self._next()

    def _begin(self) -> None:
        kind = self.rng.choice(sorted(PRODUCTIONS))
        name = f"{kind.split()[0]}{len(self.files):02}{self.rng.randrange(100):02}"
        place = f"{self.folder}/{self.rng.choice(PLACES)}"
        self.arriving.append(iter([f"{place}/{path}" for path in PRODUCTIONS[kind](name)]))

    def _write(self, path: str) -> Planned:
        self.files.append(path)
        self.written += 1
        return "write", {"path": path, "number": self.written}

    def _change(self) -> Planned:
        return self.rng.choice(
            (
                self._rename,
                self._move,
                self._move,
                self._replace,
                self._append,
                self._delete,
                self._link,
                self._transfer,
            )
        )()

    def _pick(self) -> str:
        return self.rng.choice(self.files)

    def _rename(self) -> Planned:
        before = self._pick()
        folder, _, name = before.rpartition("/")
        after = f"{folder}/renamed{self.rng.randrange(1000)}_{name}"
        self.files[self.files.index(before)] = after
        return "rename", {"path": before, "to": after}

    def _move(self) -> Planned:
        before = self._pick()
        after = f"{self.folder}/{self.rng.choice(PLACES)}/{before.rpartition('/')[2]}"
        self.files[self.files.index(before)] = after
        return "rename", {"path": before, "to": after}

    def _replace(self) -> Planned:
        self.written += 1
        return "replace", {"path": self._pick(), "number": self.written}

    def _append(self) -> Planned:
        self.written += 1
        return "append", {"path": self._pick(), "number": self.written}

    def _delete(self) -> Planned:
        path = self._pick()
        self.files.remove(path)
        return "delete", {"path": path}

    def _link(self) -> Planned:
        before = self._pick()
        folder, _, name = before.rpartition("/")
        after = f"{folder}/link{self.rng.randrange(1000)}_{name}"
        self.files.append(after)
        return "link", {"path": before, "to": after}

    def _transfer(self) -> Planned:
        """A transfer under an ignored name, which is renamed when it is complete."""
        path = f"{self.folder}/{self.rng.choice(PLACES)}/transfer{self.written:03}.mov"
        return "transfer", self._write(path)[1]


def _content(path: str, number: int) -> str:
    return f"{path} {number}" + "." * (number % 17)


def _write(root: Path, path: str, number: int) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(_content(path, number))


def _media(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(bytes_of(path.rpartition(".")[2]))


def _rename(root: Path, path: str, to: str) -> None:
    if (root / path).is_file():
        (root / to).parent.mkdir(parents=True, exist_ok=True)
        (root / path).rename(root / to)


def _replace(root: Path, path: str, number: int) -> None:
    """As programs save: under another name, which then takes the place of the file."""
    if (root / path).is_file():
        draft = root / f"{path}.{number}.tmp"
        draft.write_text(_content(path, number))
        draft.replace(root / path)


def _append(root: Path, path: str, number: int) -> None:
    if (root / path).is_file():
        with open(root / path, "a") as file:
            file.write(f" more {number}")


def _link(root: Path, path: str, to: str) -> None:
    with suppress(FileExistsError):
        os.link(root / path, root / to)


def _transfer(root: Path, path: str, number: int) -> None:
    _write(root, path + ".part", number)
    _rename(root, path + ".part", path)


ACTIONS: dict[str, Callable[..., None]] = {
    "write": _write,
    "media": _media,
    "rename": _rename,
    "replace": _replace,
    "append": _append,
    "delete": lambda root, path: (root / path).unlink(),
    "link": _link,
    "transfer": _transfer,
    "remove folder": lambda root, path: shutil.rmtree(root / path, ignore_errors=True),
}


def perform_on_disk(root: Path, action: str, args: dict[str, Any]) -> None:
    """Do one step; what an earlier step or a fault took away is left out."""
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        ACTIONS[action](root, **args)
