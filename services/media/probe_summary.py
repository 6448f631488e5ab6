"""Summaries of file sets from the headers of their files, and warnings about them; pure functions.

Values are for people and programs: times in milliseconds, rates as fractions such as `24000/1001`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from services.catalog.assets.sources import MAX_SOURCES_PER_SET, ReadableFileSet
from services.core.text import pluralize

ProbeFacts = dict[str, Any]
FRAME_INVARIANTS = ("width", "height", "pixel_format", "codec")
"""Keys that are equal in all frames of a valid sequence."""
DURATION_TOLERANCE_MS = 100
"""Tolerated difference in length of related sounds: encoders fill up their last block."""
ERROR_KEYS = ("error", "picture_error", "not_shown")
"""Keys of the component GENERAL for what cannot be read or shown; `not_shown` is whole and has no decoder here."""
NOTE_KEYS = ("notes", "checksum_notes", "caption_notes")
"""Keys for lists of sentences: of the reading, of checksum lists, and of captions that were imported."""
PICTURE_TYPES = ("VIDEO", "IMAGE")


@dataclass(frozen=True, slots=True)
class ProbeSummary:
    """Facts about a file set as a whole and about each stream, and notes that users should see."""

    general: ProbeFacts
    streams: Sequence[ProbeFacts] = ()
    notes: Sequence[str] = field(default=())

    @property
    def has_media(self) -> bool:
        """Return whether there is picture or sound."""
        return any(stream["type"] != "TEXT" for stream in self.streams)


def summarize_set(read: ReadableFileSet, files: Sequence[Mapping[str, Any]]) -> ProbeSummary:
    """Summarize a file set from the facts of its files, in the order of `read.sources`."""
    if read.frames is not None and read.numbers:
        return _summarize_sequence(read, files)
    first = next(facts for facts in files if "error" not in facts)
    general = {name: value for name, value in first.items() if name != "streams"}
    notes = list(_list_losses(read, files))
    if len(files) > 1:
        general["files_read"] = len(files)
        # Of a set with unread files the duration is unknown, and that of its first file would be a wrong one.
        general.pop("duration_milliseconds", None)
        durations = [facts.get("duration_milliseconds") for facts in files]
        if all(durations) and len(files) < MAX_SOURCES_PER_SET:
            general["duration_milliseconds"] = sum(durations)
        notes += _list_unread_files(read, files)
    return ProbeSummary(general, first["streams"], notes)


def _summarize_sequence(read: ReadableFileSet, files: Sequence[Mapping[str, Any]]) -> ProbeSummary:
    """Summarize a sequence. Frames have no duration: the storage's profile defines the frame rate."""
    first = next(facts for facts in files if "error" not in facts)
    duration = round(read.frame_count / read.rate * 1000)
    rate = f"{read.rate.numerator}/{read.rate.denominator}"
    timing = {"frame_rate": rate, "frame_count": read.frame_count, "duration_milliseconds": duration}
    general = {name: value for name, value in first.items() if name != "streams"}
    general["duration_milliseconds"] = duration
    streams = [{**stream, "type": "VIDEO", **timing} for stream in first["streams"][:1]]
    notes = [*_list_unread_files(read, files), *_list_differing_frames(read, files)]
    said = first.get("file_frame_rate")
    if said is not None and abs(Fraction(said) - read.rate) > Fraction(1, 100):
        notes.append(f"its frames say {said} frames a second; the storage plays sequences with {rate}")
    return ProbeSummary(general, streams, notes)


def _list_losses(read: ReadableFileSet, files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Report files that break off, and clocks that jump."""
    for source, facts in zip(read.sources, files, strict=True):
        if jumps := facts.get("clock_jumps"):
            looked_at = facts.get("clock_looked_at_bytes")
            where = f" in the {looked_at >> 20:,} MB of it that were looked at" if looked_at else ""
            yield f"{source.name}: its clock jumps {pluralize(jumps, 'time')}{where}; its duration is without the jumps"
        if facts.get("is_animated"):
            yield f"{source.name}: is animated, and shown by its first picture"
        if missing := facts.get("missing_bytes"):
            yield f"{source.name}: breaks off: {pluralize(missing, 'byte')} of what its header promises are missing"
        if joined := facts.get("joined_bytes"):
            yield (
                f"{source.name}: another file was joined to it, whose {pluralize(joined, 'byte')} may not be shown;"
                " its duration is that of the first"
            )


def _list_unread_files(read: ReadableFileSet, files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for source, facts in zip(read.sources, files, strict=True):
        if "error" in facts:
            yield f"{source.name} {facts['error']}"


def _list_differing_frames(read: ReadableFileSet, files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Report frames that differ from the first frame."""
    pictures = [
        (source.name, facts["streams"][0])
        for source, facts in zip(read.sources, files, strict=True)
        if facts.get("streams")
    ]
    for name, picture in pictures[1:]:
        first_name, first = pictures[0]
        differing = [key for key in FRAME_INVARIANTS if picture.get(key) != first.get(key)]
        if differing:
            unlike = ", ".join(f"{key} {picture.get(key)} instead of {first.get(key)}" for key in differing)
            yield f"{name} is not like {first_name}: {unlike}"


@dataclass(frozen=True, slots=True)
class FormatPart:
    """File set of a format, for the comparison of lengths."""

    name: str
    label: str
    general: ProbeFacts
    streams: Sequence[ProbeFacts]

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


def list_format_warnings(structure: str, parts: Sequence[FormatPart]) -> list[str]:
    """List the warnings of a format: errors and notes of its file sets, and parts of different lengths."""
    found = [f"{part.name}: {part.general[key]}" for part in parts for key in ERROR_KEYS if part.general.get(key)]
    found += [note for part in parts for key in NOTE_KEYS for note in part.general.get(key, ())]
    timed = [(part.milliseconds, part) for part in parts if part.milliseconds]
    if structure in EQUAL_LENGTH_STRUCTURES and len(timed) > 1:
        shortest, longest = (pick(timed, key=lambda one: one[0]) for pick in (min, max))
        if longest[0] - shortest[0] > _duration_tolerance_ms([part for _, part in timed]):
            lengths = f"{_describe_length(*longest)}, but {_describe_length(*shortest)}"
            found.append(f"{EQUAL_LENGTH_STRUCTURES[structure]} are of different lengths: {lengths}")
    return found


EQUAL_LENGTH_STRUCTURES = {
    "separate_tracks": "tracks",
    "stereoscopic": "eyes",
    "multi_camera": "cameras",
}


def _duration_tolerance_ms(parts: Sequence[FormatPart]) -> float:
    """Half a frame if all parts have pictures; sound may be slightly longer."""
    frames = [part.frame_ms for part in parts]
    shown = max((frame for frame in frames if frame), default=DURATION_TOLERANCE_MS)
    return shown / 2 if all(frames) else max(shown, DURATION_TOLERANCE_MS)


def _describe_length(milliseconds: float, part: FormatPart) -> str:
    return f"{part.label or part.name} {milliseconds / 1000:.3f} s"
