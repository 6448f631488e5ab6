"""Manual pins, which later groupings leave as they are.

A pinned file names the asset, format and file set it was put into. It is removed before the rules run, so that no rule
moves it. Captions, sounds and sidecars that are not pinned may still attach to it by the usual rules; renditions and
frames may not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grouping.model.items import Single
from grouping.model.units import COMPONENT_BY_CLASS, KIND_BY_CLASS, OTHER_COMPONENT, Host, Unit, UnitPart, single_unit


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


@dataclass(frozen=True, slots=True)
class IslandPins:
    """All pins of an island, by path."""

    by_path: Mapping[bytes, FilePin] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_path)

    def __contains__(self, path: bytes) -> bool:
        return path in self.by_path


NO_PINS = IslandPins()


def extract_pinned(singles: list[Single], pins: IslandPins) -> tuple[list[Host], list[Single]]:
    """Return manually grouped assets as hosts, and the files without a pin."""
    assets: dict[str, dict[tuple[str, str], list[tuple[FilePin, Single]]]] = {}
    left: list[Single] = []
    for single in singles:
        pin = pins.by_path.get(single.path)
        if pin is None:
            left.append(single)
        else:
            assets.setdefault(pin.asset, {}).setdefault((pin.role, pin.format), []).append((pin, single))
    return [_pinned_host(formats) for _, formats in sorted(assets.items())], left


def _pinned_host(formats: dict[tuple[str, str], list[tuple[FilePin, Single]]]) -> Host:
    units: list[tuple[str, Unit]] = []
    sidecars: list[Single] = []
    title: str | None = None
    for (role, _), members in sorted(formats.items()):
        title = title or next((pin.title for pin, _ in members if pin.title), None)
        if role == "sidecar":
            sidecars.extend(single for _, single in members)
        else:
            units.append((role, _pinned_unit(members)))
    if not units:
        units = [("original", single_unit(sidecars.pop(0), "grouped by hand"))]
    originals = [unit for role, unit in units if role != "transcode"] or [units[0][1]]
    transcodes = [unit for _, unit in units if unit not in originals]
    text = None if title is None else title.encode("utf-8", "surrogateescape")
    return Host(originals[0], "grouped by hand", transcodes, originals[1:], sidecars, text)


def _pinned_unit(members: list[tuple[FilePin, Single]]) -> Unit:
    labels: dict[str, list[Single]] = {}
    for pin, single in members:
        labels.setdefault(pin.file_set, []).append(single)
    first = members[0][1]
    unit = single_unit(first, "grouped by hand")
    unit.parts = [
        UnitPart(label, tuple(singles), COMPONENT_BY_CLASS.get(singles[0].described.media_class, OTHER_COMPONENT))
        for label, singles in labels.items()
    ]
    unit.kind = members[0][0].kind or KIND_BY_CLASS.get(first.described.media_class, "other")
    return unit
