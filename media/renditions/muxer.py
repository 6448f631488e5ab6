"""Muxer of renditions: writes into the single open file that the sandboxed process was given.

FFmpeg writes through Python here because `+faststart` moves the index to the front at the end: for that FFmpeg opens
the file a second time by name, which the sandbox denies. It gets the same descriptor with an own file position instead.
"""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, SupportsInt

import av

from media.pictures.scaling import UprightFilter, WhiteBackground, guess_colorspace, has_alpha, orientation_of_frame
from media.renditions.encoder_settings import EncoderSettings, fit_size
from media.renditions.threads import limit_encoder_threads
from media.sound.converter import AUDIO_SAMPLE_RATE

MUX_BUFFER_BYTES = 1 << 20
KEYFRAME_INTERVAL_SECONDS = 2
AAC_BIT_RATES = {"mono": 96_000, "stereo": 160_000, "5.1": 384_000}
BT709 = 1
"""The H.273 code of BT.709, for primaries, transfer and matrix alike."""
COLOR_UNSPECIFIED = 2


class DescriptorFile:
    """An open file with its own position, independent of other users of the same descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._place = 0

    def write(self, data: bytes) -> int:
        """Write all of `data`."""
        left = memoryview(data)
        while left:
            written = os.pwrite(self._descriptor, left, self._place)
            self._place += written
            left = left[written:]
        return len(data)

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes."""
        data = os.pread(self._descriptor, size, self._place)
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position and return it."""
        if whence == os.SEEK_CUR:
            offset += self._place
        elif whence == os.SEEK_END:
            offset += os.fstat(self._descriptor).st_size
        self._place = offset
        return offset

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def close(self) -> None:
        """Do nothing: the descriptor belongs to the caller."""


class RenditionMuxer:
    """A rendition being written, with a video track, an audio track, or both."""

    def __init__(self, descriptor: int, recipe: EncoderSettings) -> None:
        self._recipe, self._writing = recipe, recipe.writing
        self._container = av.open(
            DescriptorFile(descriptor),
            "w",
            format=self._writing.container,
            container_options=dict(self._writing.container_options),
            buffer_size=MUX_BUFFER_BYTES,
            io_open=lambda _name, _flags, _options: DescriptorFile(descriptor),
        )
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._grey_reformatter = av.video.reformatter.VideoReformatter()
        self._video: av.VideoStream | None = None
        self._audio: av.AudioStream | None = None
        self._last_pts = -1
        self._picture_ticks = 1
        self._upright: UprightFilter | None = None
        self._size = (0, 0)
        self._background: WhiteBackground | None = None

    def add_pictures(
        self, first: av.VideoFrame, rate: Fraction, time_base: Fraction, aspect: Fraction, source_codec: str
    ) -> None:
        """Add the video track for pictures like `first`, of the source's codec and pixel aspect ratio."""
        options = {**self._writing.options, **(self._writing.large_options if self._recipe.is_large else {})}
        video = self._container.add_stream(self._writing.encoder, rate=rate, options=options)
        assert isinstance(video, av.VideoStream)
        wide, high = max(1, round(first.width * aspect)), first.height
        self._upright = UprightFilter(orientation_of_frame(first))
        turns = self._upright.swaps_sides
        video.width, video.height = fit_size(*((high, wide) if turns else (wide, high)), self._recipe)
        self._size = (video.height, video.width) if turns else (video.width, video.height)
        self._background = WhiteBackground() if has_alpha(first, source_codec) else None
        video.pix_fmt = self._writing.pixel_format
        codec = video.codec_context
        limit_encoder_threads(codec)
        codec.time_base = time_base
        self._picture_ticks = max(1, round(1 / rate / time_base))
        codec.gop_size = max(1, round(rate * KEYFRAME_INTERVAL_SECONDS))
        codec.colorspace, codec.color_range = BT709, 1
        codec.color_primaries = _color_code(first.color_primaries)
        codec.color_trc = _color_code(first.color_trc)
        if self._writing.tag is not None:
            codec.codec_tag = self._writing.tag
        self._video = video

    def add_sound(self) -> None:
        """Add the audio track."""
        audio = self._container.add_stream(
            self._writing.audio_encoder, rate=AUDIO_SAMPLE_RATE, layout=self._recipe.audio
        )
        assert isinstance(audio, av.AudioStream)
        if self._writing.audio_encoder == "aac":
            audio.bit_rate = AAC_BIT_RATES[self._recipe.audio]
        self._audio = audio

    def shaped(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Convert a picture to the size and color of the track."""
        assert self._video is not None
        assert self._upright is not None
        if picture.format.name.startswith("grayf"):
            # swscale (FFmpeg 8.1) writes the full range of a grey float into the range of video, and clips it.
            picture = self._grey_reformatter.reformat(picture, format="gray")
        made = self._reformatter.reformat(
            picture,
            width=self._size[0],
            height=self._size[1],
            format=self._writing.pixel_format if self._background is None else WhiteBackground.pixel_format,
            src_colorspace=guess_colorspace(picture),
            dst_colorspace=av.video.reformatter.Colorspace.ITU709,
            dst_color_range=av.video.reformatter.ColorRange.MPEG,
        )
        if self._background is not None:
            made = self._reformatter.reformat(self._background.apply(made), format=self._writing.pixel_format)
        made = self._upright.apply(made)
        made.pict_type = av.video.frame.PictureType.NONE  # let the encoder choose keyframes
        return made

    def write_picture(self, picture: av.VideoFrame, pts: int) -> None:
        """Encode a converted picture; one that is not later than the previous is shown a tick after it."""
        assert self._video is not None
        self._last_pts = max(pts, self._last_pts + 1)
        picture.pts, picture.time_base = self._last_pts, self._video.codec_context.time_base
        self._mux_pictures(self._video.encode(picture))

    def write_sound(self, sounds: Iterator[av.AudioFrame]) -> None:
        """Encode pieces of sound."""
        assert self._audio is not None
        for sound in sounds:
            self._container.mux(self._audio.encode(sound))

    def finish(self) -> None:
        """Flush the encoders and write the index."""
        if self._video is not None:
            self._mux_pictures(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()

    def _mux_pictures(self, packets: Sequence[Any]) -> None:
        """Write packets with the length of a picture: else the last one would have none, since none follows."""
        for packet in packets:
            packet.duration = self._picture_ticks
            self._container.mux(packet)


def _color_code(number: SupportsInt | None) -> int:
    """Return a color code of the source; unspecified becomes BT.709, as players assume."""
    value = int(number) if number is not None else COLOR_UNSPECIFIED
    return BT709 if value == COLOR_UNSPECIFIED else value
