"""Encoder of renditions, in the sandbox: `python -m media.renditions.encoder` receives input files and one output file.

1. The first packet contains the output file, the video files and then the audio files. Each was opened separately,
   because descriptors from one open share their file position.
2. Frames of a sequence arrive in batches; the next one is requested while the current one is encoded. A missing or
   unreadable frame repeats the previous one, and is counted.
3. Progress is reported up to twice a second. Each report renews the time limit, so that only a stall ends the process.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

from media.pictures.thumbnails import load_pillow
from media.probe.default_streams import find_video_stream
from media.probe.header_values import load_text_codecs
from media.probe.headers import read_header
from media.renditions.audio_mix import AudioMix
from media.renditions.encoder_settings import EncoderSettings
from media.renditions.frame_sources import FrameBatch, SequenceFrameSource, VideoFrameSource
from media.renditions.muxer import RenditionMuxer
from media.sandbox.ffmpeg_open import load_ffmpeg, open_container
from media.sandbox.protocol import SandboxRequest, UnreadableError, serve_requests

ENCODER_PROGRESS_SECONDS = 0.5

EncoderMessage = dict[str, Any]
FrameSource = VideoFrameSource | SequenceFrameSource


class RenditionEncoder:
    """Encodes one rendition, from request to result."""

    def __init__(self, request: SandboxRequest) -> None:
        asked = request.values
        self._request = request
        self._recipe = EncoderSettings(**asked["recipe"])
        self._descriptor, *files = request.files
        os.ftruncate(self._descriptor, 0)
        self._output = RenditionMuxer(self._descriptor, self._recipe)
        self._told = 0.0
        count = asked.get("parts", 0)
        self._pictures = self._pictures_of(asked, files[:count])
        audio_files = iter(files[count:])
        sounds = [list(islice(audio_files, number)) for number in asked.get("sounds", ())]
        self._sound = AudioMix(sounds if self._recipe.audio != "none" else (), self._recipe.audio)

    def run(self) -> Iterator[EncoderMessage]:
        """Encode everything; yields progress, and the facts of the rendition at the end."""
        if self._pictures is None and not self._sound:
            raise UnreadableError("shows no picture and holds no sound that can be decoded")
        if self._sound and self._pictures is None:
            self._output.add_sound()
        if self._pictures is not None:
            yield from self._run_pictures(self._pictures)
        yield from self._catch_up(None)
        self._output.finish()
        self._request.renew_cpu_time()
        notes = {} if self._pictures is None else self._pictures.notes()
        yield {"result": {"facts": read_header(self._descriptor, f"a.{self._recipe.writing.extension}"), **notes}}

    def _pictures_of(self, asked: Mapping[str, Any], files: Sequence[int]) -> FrameSource | None:
        if "sequence" in asked:
            return SequenceFrameSource(asked["sequence"], self._recipe, self._output)
        if not files or not any(map(_shows_pictures, files)):
            return None  # sound alone, in a container of pictures
        return VideoFrameSource(files, asked.get("timecode"), self._recipe, self._output)

    def _run_pictures(self, pictures: FrameSource) -> Iterator[EncoderMessage]:
        is_first = True
        for step in pictures.steps():
            if isinstance(step, FrameBatch):
                yield from self._fill(step, self._request.values["sequence"]["batches"])
                continue
            if is_first:
                if self._sound:
                    self._output.add_sound()
                is_first = False
            step()
            yield from self._catch_up(pictures.clock)
            yield from self._tell(pictures.done, pictures.total)

    def _fill(self, batch: FrameBatch, count: int) -> Iterator[EncoderMessage]:
        """Receive the requested batch, and request the next one before this one is encoded."""
        if batch.number == 0:
            yield {"wants": 0}
        values, files = self._request.more()
        del self._request.files[len(self._request.files) - len(files) :]  # closed after reading each frame
        batch.numbers, batch.files = values["numbers"], files
        if batch.number + 1 < count:
            yield {"wants": batch.number + 1}

    def _catch_up(self, until: Fraction | None) -> Iterator[EncoderMessage]:
        """Encode sound up to the picture's time (or to its end), so that both are interleaved in the file."""
        while self._sound and not self._sound.ended and (until is None or self._sound.clock <= until):
            self._output.write_sound(self._sound.step())
            if until is None:
                yield from self._tell(None, None)

    def _tell(self, done: int | None, total: int | None) -> Iterator[EncoderMessage]:
        now = time.monotonic()
        if now - self._told >= ENCODER_PROGRESS_SECONDS:
            self._told = now
            self._request.renew_cpu_time()
            yield {"done": done, "total": total}


def _shows_pictures(descriptor: int) -> bool:
    with open_container(descriptor) as container:
        return find_video_stream(container) is not None


def main() -> None:
    """Serve requests, with all libraries loaded first."""
    load_ffmpeg()
    load_text_codecs()
    load_pillow()
    serve_requests(lambda request: RenditionEncoder(request).run())


if __name__ == "__main__":
    main()
