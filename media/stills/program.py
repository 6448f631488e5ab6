"""Read still pictures in the sandbox, their headers and their previews: `python -m media.stills.program`.

All libraries are loaded before the process is confined: Pillow, pi-heif, imagecodecs, tifffile and rawpy with numpy,
and no FFmpeg. Requests are those of `media.probe.headers` and `media.pictures.previews`, with the kind of reading.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from typing import Any

from PIL import Image

from media.pictures.preview_set import MAX_TILES, POSTER_WIDTH, PreviewSet
from media.pictures.thumbnails import flatten_to_srgb, load_pillow, make_upright, shrink_picture
from media.sandbox.families import SIGNATURE_BYTES, MediaFamily, find_family, is_tga
from media.sandbox.protocol import UnreadableError, handle_items, serve_requests
from media.sidecars.bounded_xml import load_codecs
from media.stills.facts import StillFacts, describe_still
from media.stills.jxl_reader import is_jxl, open_jxl
from media.stills.picture import StillPicture, explain_decoder_errors
from media.stills.pillow_reader import load_pillow_plugins, open_with_pillow
from media.stills.raw_reader import open_raw, raw_container
from media.stills.tiff_reader import load_tiff_codecs


@contextmanager
def open_still(descriptor: int, cannot: str) -> Iterator[StillPicture]:
    """Open a picture over an open file, with every error of its decoder as a sentence that begins with `cannot`."""
    head = os.pread(descriptor, SIGNATURE_BYTES, 0)
    if find_family(head, "") is not MediaFamily.STILLS and not is_tga(head):
        raise UnreadableError("holds nothing that can be read as a picture, or breaks off in its header")
    with explain_decoder_errors(cannot), os.fdopen(os.dup(descriptor), "rb") as file:
        if is_jxl(head):
            yield open_jxl(file)
        elif (container := raw_container(file, head)) is not None:
            yield open_raw(file, container)
        else:
            yield open_with_pillow(file, head)


def read_still_headers(asked: Mapping[str, Any], files: list[int]) -> dict[str, Any]:
    """Return the facts of each file of an item. UnreadableError if none of them can be read."""
    read: list[StillFacts] = []
    for descriptor in files:
        try:
            with open_still(descriptor, "cannot be read") as still:
                read.append(describe_still(still))
        except UnreadableError as error:
            read.append({"error": str(error)})
    if all("error" in facts for facts in read):
        raise UnreadableError(read[0]["error"])
    return {"files": read}


def render_still_previews(asked: Mapping[str, Any], files: list[int]) -> dict[str, Any]:
    """Return the pictures of an item: of a sequence if the request has frame numbers, else of its one file."""
    if not asked.get("numbers"):
        with open_still(files[0], "cannot be shown") as still:
            return {"pictures": _render_animation(still) if still.frames else _render_still(still)}
    previews = PreviewSet(has_strip=len(files) > 1)
    rate, whole = Fraction(asked["rate"]), max(1, asked["milliseconds"])
    reason = None
    for number, descriptor in zip(asked["numbers"], files, strict=True):
        at = round((number - asked["first"]) / rate / asked["step"] * 1000)
        try:
            with open_still(descriptor, "cannot be shown") as still:
                poster = _thumbnail(still, POSTER_WIDTH)
                previews.add(at, partial(shrink_picture, poster), Fraction(at, whole))
        except UnreadableError as error:
            reason = reason or error
    if reason is not None and previews.is_empty:
        raise reason
    return {"pictures": previews.render()}


def _render_still(still: StillPicture) -> list[dict[str, Any]]:
    previews = PreviewSet()
    previews.add(0, partial(_thumbnail, still))
    return previews.render()


def _render_animation(still: StillPicture) -> list[dict[str, Any]]:
    """Render an animation: up to 60 of its pictures."""
    assert still.frames is not None
    count = min(MAX_TILES, still.frame_count)
    places = {place * still.frame_count // count for place in range(count)}
    previews = PreviewSet(has_strip=count > 1)
    for number, (at, _, picture) in enumerate(still.frames()):
        if number in places:
            previews.add(at, partial(_show, still, picture.copy()), Fraction(number, still.frame_count))
    return previews.render()


def _thumbnail(still: StillPicture, widest: int) -> Image.Image:
    return _show(still, still.decode(widest), widest)


def _show(still: StillPicture, picture: Image.Image, widest: int) -> Image.Image:
    """Return a decoded picture scaled down, in sRGB, opaque and upright."""
    if picture.mode in ("1", "P", "PA"):  # scaled as they are, they would lose lines and colours
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    shown = flatten_to_srgb(shrink_picture(picture, widest), still.profile)
    return shown if still.is_upright else make_upright(shown, still.orientation)


READINGS = {"HEADERS": read_still_headers, "PICTURES": render_still_previews}
"""By the kind of reading, as the queue names it."""


def read_stills(asked: Mapping[str, Any], files: list[int]) -> Mapping[str, Any]:
    """Answer a request."""
    return READINGS[asked["reading"]](asked, files)


def main() -> None:
    """Serve requests, with all libraries loaded first: a sandboxed process cannot open its own."""
    load_pillow()
    load_pillow_plugins()
    load_tiff_codecs()
    load_codecs()
    serve_requests(handle_items(read_stills))


if __name__ == "__main__":
    main()
