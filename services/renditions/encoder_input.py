"""Encoder input: the open files of a plan, with the frames of sequences in batches.

Files stay open until they were checked again: a file that changed while it was read makes no rendition.
"""

from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from media.renditions.encoder_settings import EncoderSettings
from media.sandbox.safe_open import OpenFolders, SourceFile, require_unchanged
from media.sandbox.supervisor import close_files
from services.renditions.plan import TranscodePlan
from services.renditions.source_hashing import SourceHashing

ENCODER_BATCH_FRAMES = 48


class EncoderInput:
    """Opens the files of one plan for the encoder, and closes them."""

    def __init__(self, plan: TranscodePlan, recipe: EncoderSettings, output: int) -> None:
        self._plan, self._recipe = plan, recipe
        self._output = output
        self._folders = OpenFolders()
        self._opened: list[tuple[SourceFile, int]] = []
        self._frames: list[tuple[SourceFile, int]] = []
        """Frames of batches that the encoder may still be reading."""
        self.hashing = SourceHashing()
        self.request: dict[str, Any] = {"number": 1, "recipe": asdict(recipe), "timecode": plan.timecode}
        """What the encoder is asked for."""

    def __enter__(self) -> Self:
        self._folders.__enter__()
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_files([descriptor for _, descriptor in [*self._opened, *self._frames]])
        self._opened, self._frames = [], []
        self._folders.__exit__(kind, error, trace)

    @property
    def files(self) -> list[int]:
        """Descriptors that accompany the request: the output, then pictures, then sound."""
        return [self._output, *(descriptor for _, descriptor in self._opened)]

    @property
    def name(self) -> str:
        """Name of the source, for messages."""
        return (self._plan.picture or self._plan.sounds[0]).name

    def batch(self, number: int) -> tuple[dict[str, Any], list[int]]:
        """Open a batch of frames; the encoder requests it while it reads the previous one."""
        picture = self._plan.picture
        assert picture is not None
        self._hash_frames(self._frames[:-ENCODER_BATCH_FRAMES])
        close_files([descriptor for _, descriptor in self._frames[:-ENCODER_BATCH_FRAMES]])
        self._frames = self._frames[-ENCODER_BATCH_FRAMES:]
        places = range(number * ENCODER_BATCH_FRAMES, min(len(picture.sources), (number + 1) * ENCODER_BATCH_FRAMES))
        files = []
        for place in places:
            source = picture.sources[place]
            descriptor = self._folders.open_source(source)
            self._frames.append((source, descriptor))
            files.append(descriptor)
        return {"number": 1, "numbers": [picture.numbers[place] for place in places]}, files

    def follow(self, done: int, total: int) -> None:
        """Hash the files up to where the encoder is: it reads the same pages, so that the disk reads them once."""
        self.hashing.advance(self._opened, done, total)

    def finish(self) -> None:
        """Hash the rest. SourceChangedError if a file changed since it was opened."""
        self.hashing.advance(self._opened, 1, 1)
        self._hash_frames(self._frames)
        require_all_unchanged(self._opened)

    def _hash_frames(self, frames: Sequence[tuple[SourceFile, int]]) -> None:
        """Hash frames that the encoder has read just now."""
        for source, descriptor in frames:
            self.hashing.hash_whole(source, descriptor)
        require_all_unchanged(frames)

    def _open(self) -> None:
        picture, sounds = self._plan.picture, [list(one.sources) for one in self._plan.sounds]
        if picture is not None and picture.frames is not None:
            self.request["sequence"] = self._sequence()
        elif picture is not None:
            self.request["parts"] = len(picture.sources)
            self._open_all(picture.sources)
            sounds.insert(0, list(picture.sources))
        if self._recipe.audio == "none":
            sounds = []
        self.request["sounds"] = [len(one) for one in sounds]
        for sources in sounds:
            self._open_all(sources)

    def _open_all(self, sources: Sequence[SourceFile]) -> None:
        for source in sources:
            self._opened.append((source, self._folders.open_source(source)))

    def _sequence(self) -> dict[str, Any]:
        picture = self._plan.picture
        assert picture is not None
        assert picture.frames is not None
        return {
            "first": picture.frames.first,
            "frame_step": picture.frames.step or 1,
            "count": picture.frame_count,
            "there": len(picture.sources),
            "rate": str(picture.rate),
            "batches": -(-len(picture.sources) // ENCODER_BATCH_FRAMES),
            "timecode": self._plan.timecode,
        }


def require_all_unchanged(opened: Sequence[tuple[SourceFile, int]]) -> None:
    """Raise SourceChangedError if one of these open files differs from its row."""
    for source, descriptor in opened:
        require_unchanged(source, descriptor)
