"""Frames of an image sequence at its frame rate: one file per frame; a missing frame repeats the previous one."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import av

from media.pictures.scaling import pixel_aspect_ratio, prepare_still_decoder
from media.renditions.encoder_settings import EncoderSettings
from media.renditions.muxer import RenditionMuxer
from media.renditions.timecode_burn_in import BurnIn
from media.sandbox.ffmpeg_open import open_container
from media.sandbox.protocol import UnreadableError

MAX_UNREADABLE_NAMED = 20
"""Limit of unreadable frames listed by number; the others are only counted."""


@dataclass(slots=True)
class FrameBatch:
    """Requested frames, and their open files once received."""

    number: int
    numbers: Sequence[int] = ()
    files: Sequence[int] = ()


@dataclass(slots=True)
class SequenceFrameSource:
    """Frames of a sequence (`first`, `frame_step`, `count` and `rate` in `asked`), received in batches."""

    asked: Mapping[str, Any]
    recipe: EncoderSettings
    output: RenditionMuxer
    clock: Fraction = Fraction(0)
    done: int = 0
    _missing: int = 0
    _unreadable: list[int] = field(default_factory=list)
    _next: int = 0
    """Position in the rendition without a picture yet."""
    _burn: BurnIn | None = None
    _last: av.VideoFrame | None = None
    _aspect: Fraction = Fraction(1)

    @property
    def total(self) -> int:
        """Number of positions in the rendition."""
        return int(self.asked["count"])

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.asked["rate"])

    def steps(self) -> Iterator[FrameBatch | Callable[[], None]]:
        """Yield for each picture the function that writes it; before some of them, a batch that the caller fills."""
        for number in range(self.asked["batches"]):
            batch = FrameBatch(number)
            yield batch
            for frame, descriptor in zip(batch.numbers, batch.files, strict=True):
                index = (frame - self.asked["first"]) // self.asked["frame_step"]
                picture = self._read(descriptor)
                if picture is None:
                    self._unreadable.append(frame)
                    continue
                if self._last is None:
                    self.output.add_pictures(picture, self.rate, 1 / self.rate, self._aspect)
                    self._burn = BurnIn(self.recipe.burn, self.rate, self.asked["timecode"])
                yield partial(self._write_until, index, picture)
        if self._last is None:
            raise UnreadableError("shows no picture that can be decoded")
        yield partial(self._write_until, self.total, self._last)

    def _write_until(self, index: int, picture: av.VideoFrame) -> None:
        """Repeat the previous picture up to a position in the rendition, then write its picture."""
        is_end = index == self.total
        shaped = picture if is_end else self.output.shaped(picture)
        held = shaped if self._last is None else self._last
        while self._next < index:
            self._write(held)
        if not is_end:
            self._last = shaped
            self._write(shaped)

    def _write(self, shaped: av.VideoFrame) -> None:
        assert self._burn is not None
        frame = self.asked["first"] + self._next * self.asked["frame_step"]
        self.output.write_picture(self._burn.burn_into(shaped, frame, self._next), self._next)
        self._next += 1
        self.done = self._next
        self.clock = self._next / self.rate

    def notes(self) -> dict[str, Any]:
        """Return the numbers of missing and unreadable frames."""
        return {
            "missing": self.total - self.asked["there"],
            "unreadable": len(self._unreadable),
            "unreadable_frames": self._unreadable[:MAX_UNREADABLE_NAMED],
        }

    def _read(self, descriptor: int) -> av.VideoFrame | None:
        try:
            with open_container(descriptor) as container:
                stream = container.streams.video[0]
                prepare_still_decoder(stream)
                self._aspect = pixel_aspect_ratio(stream)
                return next(container.decode(stream), None)
        except (UnreadableError, IndexError, av.error.InvalidDataError, av.error.EOFError):
            return None
        finally:
            os.close(descriptor)
