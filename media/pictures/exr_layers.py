"""EXR frames that FFmpeg does not show, by OpenEXR where it is installed (`pip install "tapeless[film]"`): colours in a
layer or in a further part, luminance and chroma, and compressions without a decoder in FFmpeg.

Frames are handed over as bytes, and the library is loaded before the process is confined.
"""

import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media.sandbox.exr_windows import EXR_MAGIC

try:
    import OpenEXR
except ImportError:
    OpenEXR = None

Samples = NDArray[np.float32]
FIRST_LAYERS = ("", "rgba", "rgb", "beauty", "combined", "c", "color")
"""Layers that hold what a person wants to see, in this order; then the first that has colours."""
REC709_LUMA = (0.2126, 0.7152, 0.0722)
"""Weights of luminance and chroma of frames that say no chromaticities."""


def read_exr_layer(descriptor: int) -> Image.Image | None:
    """Return the colours of a frame, with the curve of sRGB and square pixels; None without colours or OpenEXR."""
    if OpenEXR is None or os.pread(descriptor, 4, 0) != EXR_MAGIC:
        return None
    content = io.BytesIO(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    try:
        parts = OpenEXR.File(content, separate_channels=True, num_threads=0).parts
    except (
        RuntimeError,
        TypeError,
        ValueError,
    ):  # as the library reports damage, and kinds of parts that it does not know
        return None
    found = [(rank, part, colors) for part in parts for rank, colors in _list_layers(part.channels)]
    if not found:
        return None
    _, part, colors = min(found, key=lambda one: one[0])
    return _show(colors, part.header)


def _list_layers(channels: Mapping[str, Any]) -> Sequence[tuple[int, Sequence[Samples]]]:
    """Return the layers that have colours, with their rank."""
    found: list[tuple[int, Sequence[Samples]]] = []
    for name in channels:
        layer, dot, channel = name.rpartition(".")
        rank = FIRST_LAYERS.index(layer.lower()) if layer.lower() in FIRST_LAYERS else len(FIRST_LAYERS)
        own = {one: channels.get(f"{layer}{dot}{one}") for one in ("R", "G", "B", "RY", "BY")}
        if channel == "R" and own["G"] is not None and own["B"] is not None:
            found.append((rank, [_samples(own[one]) for one in ("R", "G", "B")]))
        elif channel == "Y":
            luma = _samples(channels[name])
            has_chroma = own["RY"] is not None and own["BY"] is not None
            found.append((rank, _from_chroma(luma, own["RY"], own["BY"]) if has_chroma else [luma] * 3))
    return found


def _samples(channel: Any) -> Samples:
    return np.nan_to_num(np.asarray(channel.pixels, dtype=np.float32), posinf=1.0, neginf=0.0)


def _from_chroma(luma: Samples, red: Any, blue: Any) -> Sequence[Samples]:
    """Return the colours of luminance and chroma, of which the latter has every second line and column."""
    height, width = luma.shape

    def whole(channel: Any) -> Samples:
        wide = np.repeat(np.repeat(_samples(channel), channel.ySampling, 0), channel.xSampling, 1)
        return wide[:height, :width]

    reds, blues = (1 + whole(red)) * luma, (1 + whole(blue)) * luma
    greens = (luma - REC709_LUMA[0] * reds - REC709_LUMA[2] * blues) / REC709_LUMA[1]
    return reds, greens, blues


def _show(colors: Sequence[Samples], header: Mapping[str, Any]) -> Image.Image:
    """Return the colours in the display window, over black."""
    light = np.clip(np.stack(colors, axis=-1), 0, 1)
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    data = Image.fromarray((curve * 255 + 0.5).astype(np.uint8), "RGB")
    (left, top), (right, bottom) = (tuple(map(int, corner)) for corner in header["displayWindow"])
    (data_left, data_top), _ = (tuple(map(int, corner)) for corner in header["dataWindow"])
    shown = Image.new("RGB", (right - left + 1, bottom - top + 1))
    shown.paste(data, (data_left - left, data_top - top))
    aspect = float(header.get("pixelAspectRatio", 1.0))
    return shown if aspect == 1 or aspect <= 0 else shown.resize((max(1, round(shown.width * aspect)), shown.height))
