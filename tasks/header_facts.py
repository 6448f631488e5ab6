"""Summaries of file sets from the headers of their files, and warnings about them; pure functions.

Values are for people and programs: times in milliseconds, rates as fractions such as `24000/1001`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tasks.media_sources import SetToRead

Facts = dict[str, Any]
ONE_PICTURE = ("width", "height", "pixel_format", "codec")
"""Keys that are equal in all frames of a valid sequence."""
SLACK_MS = 100
"""Tolerated difference in length of related sounds: encoders fill up their last block."""
ERRORS = ("error", "picture_error")
PICTURE_TYPES = ("VIDEO", "IMAGE")


@dataclass(frozen=True, slots=True)
class SetFacts:
    """Facts about a file set as a whole and about each stream, and notes that users should see."""

    general: Facts
    streams: Sequence[Facts] = ()
    notes: Sequence[str] = field(default=())

    @property
    def has_media(self) -> bool:
        """Return whether there is picture or sound."""
        return any(stream["type"] != "TEXT" for stream in self.streams)


def facts_of_set(read: SetToRead, files: Sequence[Mapping[str, Any]]) -> SetFacts:
    """Summarize a file set from the facts of its files, in the order of `read.sources`."""
    if read.frames is not None and read.numbers:
        return _facts_of_sequence(read, files)
    first = next(facts for facts in files if "error" not in facts)
    general = {name: value for name, value in first.items() if name != "streams"}
    notes = []
    if len(files) > 1:
        general["files_read"] = len(files)
        durations = [facts.get("duration_milliseconds") for facts in files]
        if all(durations):
            general["duration_milliseconds"] = sum(durations)
        notes = list(_unread(read, files))
    return SetFacts(general, first["streams"], notes)


def _facts_of_sequence(read: SetToRead, files: Sequence[Mapping[str, Any]]) -> SetFacts:
    """Summarize a sequence. Frames have no duration: the storage's profile defines the frame rate."""
    first = next(facts for facts in files if "error" not in facts)
    duration = round(read.frame_count / read.rate * 1000)
    rate = f"{read.rate.numerator}/{read.rate.denominator}"
    timing = {"frame_rate": rate, "frame_count": read.frame_count, "duration_milliseconds": duration}
    general = {name: value for name, value in first.items() if name != "streams"}
    general["duration_milliseconds"] = duration
    streams = [{**stream, "type": "VIDEO", **timing} for stream in first["streams"][:1]]
    notes = [*_unread(read, files), *_unlike(read, files)]
    said = first.get("file_frame_rate")
    if said is not None and abs(Fraction(said) - read.rate) > Fraction(1, 100):
        notes.append(f"its frames say {said} frames a second; the storage plays sequences with {rate}")
    return SetFacts(general, streams, notes)


def _unread(read: SetToRead, files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for source, facts in zip(read.sources, files, strict=True):
        if "error" in facts:
            yield f"{source.name} {facts['error']}"


def _unlike(read: SetToRead, files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Report frames that differ from the first frame."""
    pictures = [
        (source.name, facts["streams"][0])
        for source, facts in zip(read.sources, files, strict=True)
        if facts.get("streams")
    ]
    for name, picture in pictures[1:]:
        first_name, first = pictures[0]
        differing = [key for key in ONE_PICTURE if picture.get(key) != first.get(key)]
        if differing:
            unlike = ", ".join(f"{key} {picture.get(key)} instead of {first.get(key)}" for key in differing)
            yield f"{name} is not like {first_name}: {unlike}"


@dataclass(frozen=True, slots=True)
class Part:
    """File set of a format, for the comparison of lengths."""

    name: str
    label: str
    general: Facts
    streams: Sequence[Facts]

    @property
    def milliseconds(self) -> int | None:
        """Duration of the file set, if known."""
        return self.general.get("duration_milliseconds")

    @property
    def frame_ms(self) -> float | None:
        """Duration of one frame of its picture, if it has one."""
        for stream in self.streams:
            if stream.get("frame_rate") and stream["type"] == "VIDEO":
                return 1000 / float(Fraction(stream["frame_rate"]))
        return None


def warnings_of_format(structure: str, parts: Sequence[Part]) -> list[str]:
    """List the warnings of a format: errors and notes of its file sets, and parts of different lengths."""
    found = [f"{part.name}: {part.general[key]}" for part in parts for key in ERRORS if part.general.get(key)]
    found += [note for part in parts for note in part.general.get("notes", ())]
    timed = [part for part in parts if part.milliseconds]
    if structure in UNLIKE_LENGTHS and len(timed) > 1:
        shortest, longest = (pick(timed, key=lambda part: part.milliseconds) for pick in (min, max))
        if longest.milliseconds - shortest.milliseconds > _slack(timed):
            found.append(
                f"{UNLIKE_LENGTHS[structure]} are of different lengths: {_shown(longest)}, but {_shown(shortest)}"
            )
    return found


UNLIKE_LENGTHS = {
    "separate_tracks": "tracks",
    "stereoscopic": "eyes",
    "multi_camera": "cameras",
}


def _slack(parts: Sequence[Part]) -> float:
    """Half a frame if all parts have pictures; sound may be slightly longer."""
    frames = [part.frame_ms for part in parts]
    shown = max((frame for frame in frames if frame), default=SLACK_MS)
    return shown / 2 if all(frames) else max(shown, SLACK_MS)


def _shown(part: Part) -> str:
    return f"{part.label or part.name} {part.milliseconds / 1000:.3f} s"
