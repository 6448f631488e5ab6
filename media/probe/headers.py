"""Read media headers in the sandbox: `python -m media.probe.headers` receives open files and answers with their
facts."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import av

from media.probe.broadcast_wave import join_date_and_time, read_broadcast_wave
from media.probe.camera_facts import read_clip_tags
from media.probe.color_names import COLOR_MATRICES, COLOR_PRIMARIES, COLOR_RANGES, COLOR_TRANSFERS, FIELD_ORDERS
from media.probe.durations import MediaDuration, read_duration, stream_milliseconds
from media.probe.frame_headers import fraction_text, frame_size, read_frame_head, read_frame_header
from media.probe.header_values import clean_nested, clean_text, load_text_codecs, without_empty
from media.probe.joined_files import count_joined_bytes
from media.probe.track_headers import TrackHeader, read_track_headers
from media.probe.truncation import count_missing_bytes
from media.sandbox.families import JPEG_STREAM_NAMES
from media.sandbox.ffmpeg_open import is_still, load_ffmpeg, open_container, pick_frame_rate
from media.sandbox.protocol import UnreadableError, handle_items, serve_requests
from media.sound.layouts import keep_layout

HeaderFacts = dict[str, Any]
MAX_TAGS = 64
CONTAINERS_BY_BRAND = {"qt": "mov", "m4a": "m4a", "m4b": "m4b", "3gp": "3gp", "3g2": "3g2"}
JPEG_START = b"\xff\xd8"
UNKNOWN_LANGUAGES = ("und", "unknown", "")


def read_headers(asked: Mapping[str, Any], files: list[int]) -> HeaderFacts:
    """Return the facts of each file of an item. UnreadableError if none of them can be read."""
    read: list[HeaderFacts] = []
    for name, descriptor in zip(asked["names"], files, strict=True):
        try:
            read.append(read_header(descriptor, name))
        except UnreadableError as error:
            read.append({"error": str(error)})
    if all("error" in facts for facts in read):
        raise UnreadableError(read[0]["error"])
    return {"files": read}


def read_header(descriptor: int, name: str = "") -> HeaderFacts:
    """Return the facts of an open file; `name` decides between containers that share a demuxer."""
    head = read_frame_head(descriptor)
    beside = read_frame_header(head)
    try:
        return _read_container(descriptor, name, head, beside)
    except MemoryError:  # FFmpeg reads a film frame as a whole, which may be larger than the memory of a reader
        size = frame_size(head, beside)
        if not size:
            raise
        codec = "exr" if "display_window" in beside else "dpx"
        return {
            "container": codec,
            **_clean_facts(beside),
            "streams": [{"index": 0, "type": "IMAGE", "codec": codec} | size],
        }


def _clean_facts(facts: HeaderFacts) -> HeaderFacts:
    return {fact: clean_nested(value) for fact, value in facts.items()}


def _read_container(descriptor: int, name: str, head: bytes, beside: HeaderFacts) -> HeaderFacts:
    with open_container(descriptor, _demuxer_of(head, name)) as container:
        still = is_still(container)
        streams = [facts for stream in container.streams if (facts := _stream_facts(stream, still)) is not None]
        if not streams:
            raise UnreadableError("holds neither picture nor sound nor text")
        _add_track_headers(streams, read_track_headers(descriptor, container.format.name))
        if still and not streams[0].get("width"):
            streams[0] |= frame_size(head, beside)
        duration = MediaDuration(None) if still else read_duration(container, descriptor)
        for facts in streams:
            if facts["index"] in duration.by_stream:
                facts["duration_milliseconds"] = duration.by_stream[facts["index"]]
        tags = join_date_and_time(_tags(container.metadata))
        facts = {
            "container": _container_name(container, name),
            "duration_milliseconds": duration.milliseconds,
            "duration_is_estimated": duration.is_estimated or None,
            "clock_jumps": duration.clock_jumps or None,
            "clock_looked_at_bytes": duration.looked_at_bytes or None,
            "missing_bytes": count_missing_bytes(descriptor, head, container.format.name, container.size) or None,
            "joined_bytes": count_joined_bytes(descriptor, head, container.format.name, container.size) or None,
            "bit_rate": container.bit_rate or None,
            "timecode_start": _first_tag("timecode", container),
            "reel": _first_tag("reel_name", container),
            "tags": tags,
            **read_clip_tags(tags),
            **read_broadcast_wave(descriptor, tags, streams[0].get("sample_rate")),
            **_clean_facts(beside),
        }
    return without_empty(facts) | {"streams": streams}


def _demuxer_of(head: bytes, name: str) -> str | None:
    """Return the demuxer of a stream of JPEG pictures, whose beginning is that of one picture."""
    return "mjpeg" if head.startswith(JPEG_START) and name.lower().endswith(JPEG_STREAM_NAMES) else None


def _add_track_headers(streams: Sequence[HeaderFacts], tracks: Sequence[TrackHeader]) -> None:
    """Add what only the container says: code and size of pictures without a decoder, and their orientation."""
    for facts in streams:
        if facts["type"] == "VIDEO" and facts["index"] < len(tracks):
            track = tracks[facts["index"]]
            if "codec" not in facts:
                facts.update(without_empty({"codec": track.code.lower()}) | track.size)
            if track.orientation.degrees:
                facts["rotation"] = track.orientation.degrees
            if track.orientation.is_mirrored:
                facts["mirrored"] = True
            if track.orientation.swaps_sides and "width" in facts:
                facts["width"], facts["height"] = facts["height"], facts["width"]


def _container_name(container: av.container.InputContainer, name: str) -> str:
    """Return one name of the demuxer's list, by the file's brand or its name."""
    names = container.format.name.removesuffix("_pipe").split(",")
    if "mov" in names:
        brand = container.metadata.get("major_brand", "qt").strip().lower()
        return next((found for start, found in CONTAINERS_BY_BRAND.items() if brand.startswith(start)), "mp4")
    extension = name.rpartition(".")[2].lower()
    return extension if extension in names else names[0]


def _first_tag(key: str, container: av.container.InputContainer) -> str | None:
    """Return a tag of the container or of the first stream that has it: QuickTime stores timecode in its own track."""
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        if metadata.get(key):
            return clean_text(metadata[key])
    return None


def _tags(metadata: Mapping[str, str]) -> HeaderFacts:
    found = {clean_text(name): clean_text(value) for name, value in list(metadata.items())[:MAX_TAGS]}
    return {name: value for name, value in found.items() if name and value}


def _stream_facts(stream: av.stream.Stream, still: bool) -> HeaderFacts | None:
    """Return the facts of a video, audio or subtitle stream; None for others (timecode, attachments)."""
    more = _facts_of_kind(stream, still)
    codec = stream.codec_context
    if more is None:
        return None
    facts = {
        "index": stream.index,
        "codec": codec.codec.canonical_name if codec is not None else None,
        "profile": stream.profile if codec is not None else None,
        "language": clean_text(stream.language or "") if stream.language not in UNKNOWN_LANGUAGES else None,
        "title": clean_text(stream.metadata.get("title", "")),
        "duration_milliseconds": None if still else stream_milliseconds(stream),
    }
    return without_empty(facts | more)


def _facts_of_kind(stream: av.stream.Stream, still: bool) -> HeaderFacts | None:
    if isinstance(stream, av.VideoStream):
        return _picture_facts(stream, stream.codec_context, still)
    if isinstance(stream, av.AudioStream):
        return _sound_facts(stream.codec_context)
    if isinstance(stream, av.subtitles.stream.SubtitleStream):
        return {"type": "TEXT", "forced": bool(stream.disposition & type(stream.disposition).forced) or None}
    return None


def _picture_facts(stream: av.VideoStream, codec: av.VideoCodecContext | None, still: bool) -> HeaderFacts:
    is_picture = still or bool(stream.disposition & type(stream.disposition).attached_pic)
    facts: HeaderFacts = {"type": "IMAGE" if is_picture else "VIDEO"}
    if not is_picture:
        rate = pick_frame_rate(stream)
        facts |= {"frame_rate": fraction_text(rate) if rate else None, "frame_count": stream.frames or None}
    if codec is None:
        return facts
    colour = {
        "primaries": COLOR_PRIMARIES.get(codec.color_primaries),
        "transfer": COLOR_TRANSFERS.get(codec.color_trc),
        "matrix": COLOR_MATRICES.get(codec.colorspace)
        if codec.colorspace or codec.color_primaries in COLOR_PRIMARIES
        else None,
        "range": COLOR_RANGES.get(codec.color_range),
    }
    facts |= {
        "width": codec.width or None,
        "height": codec.height or None,
        "pixel_format": codec.pix_fmt,
        "bits_per_component": _component_bits(codec),
        "color": without_empty(colour),
        "pixel_aspect": _aspect(codec.sample_aspect_ratio),
    }
    if not is_picture:
        facts |= {
            "scan": FIELD_ORDERS.get(codec.field_order),
            "bit_rate": codec.bit_rate or None,
        }
    return facts


def _component_bits(codec: av.VideoCodecContext) -> int | None:
    form = codec.format
    return max((component.bits for component in form.components), default=None) if form is not None else None


def _aspect(ratio: Fraction | None) -> str | None:
    return str(ratio) if ratio and ratio != 1 else None


def _sound_facts(codec: av.AudioCodecContext | None) -> HeaderFacts:
    if codec is None:
        return {"type": "AUDIO"}
    layout = keep_layout(codec)
    return {
        "type": "AUDIO",
        "sample_rate": codec.sample_rate or None,
        "channels": layout.nb_channels or None,
        "channel_layout": _layout_name(layout),
        "sample_format": codec.format.name if codec.format is not None else None,
        "bit_rate": codec.bit_rate or None,
    }


def _layout_name(layout: av.AudioLayout) -> str | None:
    """Return the layout name. WAV files often lack one; for one and two channels it is unambiguous."""
    return {1: "mono", 2: "stereo"}.get(layout.nb_channels) if layout.name.endswith("channels") else layout.name


def main() -> None:
    """Serve requests. FFmpeg and codecs are loaded first: a sandboxed process cannot open its own libraries."""
    load_ffmpeg()
    load_text_codecs()
    serve_requests(handle_items(read_headers))


if __name__ == "__main__":
    main()
