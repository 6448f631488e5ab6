"""Paths of files as indexes write them: cards ignore case, a Mac decomposes letters, logs name clips alone."""

import unicodedata
from collections.abc import Iterator, Mapping

from media.evidence.statements import FileFact, FileStatement

MEDIA_CLASSES_OF_CLIPS = frozenset({"video", "audio", "image"})


class StatedPaths:
    """Finds files by the paths that indexes write: cards ignore case, and a Mac decomposes letters."""

    def __init__(self, files: Mapping[str, FileFact]) -> None:
        self._files = files
        self._folded: dict[str, str] | None = None
        self._stems: dict[str, list[str]] | None = None

    def find(self, statement: FileStatement) -> str | None:
        """Return the path of a stated file, or None."""
        for path in (statement.path, *statement.others):
            if path in self._files:
                return path
        if self._folded is None:
            self._folded = {_fold(path): path for path in self._files}
        return next(
            (self._folded[key] for path in (statement.path, *statement.others) if (key := _fold(path)) in self._folded),
            None,
        )

    def find_clip(self, clip: str) -> list[str]:
        """Return the media files of a clip that is named without folder and extension, or with it."""
        if self._stems is None:
            self._stems = {}
            for path, fact in self._files.items():
                if fact.media_class in MEDIA_CLASSES_OF_CLIPS:
                    name = path.rpartition("/")[2]
                    parts = {name, name.rpartition(".")[0], *_clip_names(path)}
                    for part in parts:
                        self._stems.setdefault(_fold(part), []).append(path)
        return self._stems.get(_fold(clip), [])


def _clip_names(path: str) -> Iterator[str]:
    """Yield the clip's name of a part or a frame: `A001_C001_001.R3D`, `A001C001.0001.ari`, and a folder's own."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    bare = stem.rstrip("0123456789")
    if bare != stem and bare:
        yield bare.rstrip("._-")
    above = folder.rpartition("/")[2]
    if above:
        yield above
        yield above.rpartition(".")[0] or above


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold() if not path.isascii() else path.lower()
