"""Pins, which a grouping leaves as they are: what a person grouped by hand, and what older rules grouped.

A pinned file names the asset, format and file set it was put into. It is removed before the rules run, so that no rule
moves it. Captions, sounds and sidecars that are not pinned may still attach to it by the usual rules; renditions and
frames may not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grouping.model.frames import Frames
from grouping.model.items import NumberedBucket, Single, sort_runs
from grouping.model.plan import ComponentPlan, FileSetMember, FrameSequence
from grouping.model.units import (
    COMPONENT_BY_CLASS,
    FRAMES_COMPONENT,
    OTHER_COMPONENT,
    Host,
    Unit,
    UnitPart,
    single_unit,
)
from grouping.rules.sequences import EmptyFrameNames, sequence_unit, split_by_padding, with_empty_frames


@dataclass(frozen=True, slots=True)
class FilePin:
    """Manual placement of one file."""

    asset: str
    """Any identifier that distinguishes manual assets, for example an id."""
    format: str
    file_set: str = ""
    """The file set's label."""
    role: str = "original"
    kind: str | None = None
    """Structure of the format; derived from its files if None."""
    title: str | None = None
    name: str | None = None
    """Name of the format; derived from its files if None."""
    rule: str = "grouped by hand"
    component: ComponentPlan | None = None
    """Stream of the file set; derived from its files if None."""


@dataclass(frozen=True, slots=True)
class IslandPins:
    """All pins of an island, by path, and those of whole sequences by folder, bucket key and padding."""

    by_path: Mapping[bytes, FilePin] = field(default_factory=dict)
    by_sequence: Mapping[tuple[bytes, bytes, int], FilePin] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_path or self.by_sequence)

    def __contains__(self, path: bytes) -> bool:
        return path in self.by_path


NO_PINS = IslandPins()


PinnedMember = tuple[FilePin, FileSetMember]


def extract_pinned(
    singles: list[Single], buckets: list[NumberedBucket], pins: IslandPins, empties: EmptyFrameNames
) -> tuple[list[Host], list[Single], list[NumberedBucket]]:
    """Return pinned assets as hosts, and the files and frames without a pin."""
    members: list[PinnedMember] = []
    left: list[Single] = []
    for single in singles:
        pin = pins.by_path.get(single.path)
        if pin is None:
            left.append(single)
        else:
            members.append((pin, single))
    if pins.by_sequence:
        buckets = _extract_sequences(buckets, pins, empties, members)
    assets: dict[str, dict[tuple[str, str], list[PinnedMember]]] = {}
    for pin, member in members:
        assets.setdefault(pin.asset, {}).setdefault((pin.role, pin.format), []).append((pin, member))
    return [_pinned_host(formats) for _, formats in sorted(assets.items())], left, buckets


def _extract_sequences(
    buckets: list[NumberedBucket], pins: IslandPins, empties: EmptyFrameNames, members: list[PinnedMember]
) -> list[NumberedBucket]:
    """Append the pinned sequences to `members`; return the other frames."""
    left: list[NumberedBucket] = []
    for bucket in buckets:
        runs: dict[int, Frames] = {}
        for padding, frames in split_by_padding(bucket.runs):
            pin = pins.by_sequence.get((bucket.folder, bucket.key, padding))
            if pin is None:
                runs[padding] = frames
            else:
                sequence = FrameSequence(bucket.folder, bucket.prefix, bucket.suffix, padding, frames)
                members.append((pin, with_empty_frames(sequence, empties)))
        if runs:
            left.append(NumberedBucket(bucket.folder, bucket.key, sort_runs(runs)))
    return left


def _pinned_host(formats: dict[tuple[str, str], list[PinnedMember]]) -> Host:
    units: list[tuple[str, Unit]] = []
    sidecars: list[Single] = []
    pin = next(pin for members in formats.values() for pin, _ in members)
    title: str | None = None
    for (role, _), members in sorted(formats.items()):
        title = title or next((pin.title for pin, _ in members if pin.title), None)
        if role == "sidecar":
            sidecars.extend(member for _, member in members if isinstance(member, Single))
        else:
            units.append((role, _pinned_unit(members)))
    if not units:
        units = [("original", single_unit(sidecars.pop(0), pin.rule))]
    originals = [unit for role, unit in units if role != "transcode"] or [units[0][1]]
    transcodes = [unit for _, unit in units if unit not in originals]
    text = None if title is None else title.encode("utf-8", "surrogateescape")
    return Host(originals[0], pin.rule, transcodes, originals[1:], sidecars, text)


def _pinned_unit(members: list[PinnedMember]) -> Unit:
    labels: dict[str, list[FileSetMember]] = {}
    components: dict[str, ComponentPlan] = {}
    for pin, member in members:
        labels.setdefault(pin.file_set, []).append(member)
        components.setdefault(pin.file_set, pin.component or component_of(member))
    pin, first = members[0]
    unit = single_unit(first, pin.rule) if isinstance(first, Single) else sequence_unit([first], pin.rule)
    unit.parts = [UnitPart(label, tuple(found), components[label]) for label, found in labels.items()]
    unit.kind = pin.kind or unit.kind
    if pin.name is not None and pin.role == "transcode":
        unit.extension = pin.name.encode("utf-8", "surrogateescape")
    return unit


def component_of(member: FileSetMember) -> ComponentPlan:
    """Return the stream of a file, or of frames."""
    if isinstance(member, Single):
        return COMPONENT_BY_CLASS.get(member.described.media_class, OTHER_COMPONENT)
    return FRAMES_COMPONENT
