"""Intermediate results of the passes: units, which become formats, and hosts, which become assets.

A unit is one structure under one key (a single, a sequence, a pair of eyes). A host is a unit chosen as an original,
with the renditions and sidecars attached to it. Both are mutable and stay inside the package: `build_asset_plan` turns
hosts into plans.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from grouping.model.items import Single, path_in_folder
from grouping.model.plan import AssetPlan, ComponentPlan, FileSetMember, FileSetPlan, FormatPlan
from grouping.model.tokens import NAME_SEPARATORS

KINDS_OUTERMOST_FIRST = (
    "multi_camera",
    "stereoscopic",
    "separate_tracks",
    "captioned_video",
    "image_sequence",
    "single",
)
STRUCTURAL_KINDS = frozenset(KINDS_OUTERMOST_FIRST[:3]) | {"image_sequence"}

VIDEO_COMPONENT = ComponentPlan("VIDEO", "video")
AUDIO_COMPONENT = ComponentPlan("AUDIO", "audio")
IMAGE_COMPONENT = ComponentPlan("IMAGE", "image")
FRAMES_COMPONENT = ComponentPlan("VIDEO", "frames")
OTHER_COMPONENT = ComponentPlan("OTHER", "other")
SIDECAR_COMPONENT = ComponentPlan("NON_MEDIA", "sidecar")
TEXT_COMPONENT = ComponentPlan("TEXT", "captions")

COMPONENT_BY_CLASS = {
    "video": VIDEO_COMPONENT,
    "audio": AUDIO_COMPONENT,
    "image": IMAGE_COMPONENT,
    "caption": TEXT_COMPONENT,
    "sidecar": SIDECAR_COMPONENT,
}
KIND_BY_CLASS = {"video": "single", "audio": "audio", "image": "image", "document": "document"}


class UnitPart(NamedTuple):
    """Future file set."""

    label: str
    members: tuple[FileSetMember, ...]
    component: ComponentPlan


@dataclass(slots=True, eq=False)
class Unit:
    """Future format: one structure under one key."""

    folder: bytes
    """Folder of its key; for eyes in view folders, the folder above."""
    stem: bytes
    """Key: the name without number, eye, camera and track tokens, with rendition tokens."""
    extension: bytes
    kind: str
    parts: list[UnitPart]
    first: bytes
    """Smallest path at its creation, which decides ties."""
    rule: str
    aliases: list[bytes] = field(default_factory=list)
    """Further paths without extension by which other files may refer to it."""

    @property
    def key_path(self) -> bytes:
        """Folder and key as one path."""
        return path_in_folder(self.folder, self.stem)

    @property
    def is_structural(self) -> bool:
        """Return whether its kind consists of several files."""
        return self.kind in STRUCTURAL_KINDS

    def widen(self, kind: str, rule: str, parts: Iterable[UnitPart]) -> None:
        """Add parts; the kind becomes the outermost of both."""
        self.parts.extend(parts)
        if self.kind not in KINDS_OUTERMOST_FIRST or KINDS_OUTERMOST_FIRST.index(kind) < KINDS_OUTERMOST_FIRST.index(
            self.kind
        ):
            self.kind, self.rule = kind, rule


@dataclass(slots=True, eq=False)
class Host:
    """Future asset."""

    original: Unit
    rule: str
    transcodes: list[Unit] = field(default_factory=list)
    versions: list[Unit] = field(default_factory=list)
    """Further originals, if the profile joins versions into one asset."""
    sidecars: list[Single] = field(default_factory=list)
    title: bytes | None = None
    """Title, if it differs from the original's key."""


def single_unit(single: Single, rule: str = "single file") -> Unit:
    """Return a single file as a unit."""
    path = single.path
    slash, dot = path.rfind(b"/"), path.rfind(b".")
    if dot <= slash + 1:
        dot = len(path)
    media_class = single.described.media_class
    return Unit(
        path[:slash] if slash > 0 else b"",
        path[slash + 1 : dot],
        path[dot + 1 :].lower(),
        KIND_BY_CLASS.get(media_class, "other"),
        [UnitPart("", (single,), COMPONENT_BY_CLASS.get(media_class, OTHER_COMPONENT))],
        path,
        rule,
    )


def join_around_token(before: bytes, after: bytes) -> bytes:
    """Return a stem without the token between these two parts."""
    before = before.rstrip(NAME_SEPARATORS)
    return before + after if before else after.lstrip(NAME_SEPARATORS)


def decode_name(name: bytes) -> str:
    """Decode a name, with each byte that is not UTF-8 as a lone surrogate."""
    return name.decode("ascii") if name.isascii() else name.decode("utf-8", "surrogateescape")


def title_from_stem(stem: bytes, folder: bytes, first: bytes) -> str:
    """Return a non-empty title: the key, else the folder's name, else the first file's name."""
    stem = stem.rstrip(NAME_SEPARATORS) or stem
    return decode_name(stem or folder[folder.rfind(b"/") + 1 :] or first[first.rfind(b"/") + 1 :])


def single_file_asset(single: Single, rule: str) -> AssetPlan:
    """Return the asset of one file that no rule joined."""
    media_class = single.described.media_class
    kind = KIND_BY_CLASS.get(media_class, "other")
    path = single.path
    slash, dot = path.rfind(b"/"), path.rfind(b".")
    stem = path[slash + 1 : dot] if dot > slash + 1 else path[slash + 1 :]
    title = decode_name(stem.rstrip(NAME_SEPARATORS) or stem or path)
    file_set = FileSetPlan("", (single,), _COMPONENTS.get(media_class, _OTHER))
    return AssetPlan(title, path, (FormatPlan("original", kind, kind, rule, (file_set,)),), rule)


_COMPONENTS = {media_class: (component,) for media_class, component in COMPONENT_BY_CLASS.items()}
_OTHER = (OTHER_COMPONENT,)


def build_asset_plan(host: Host) -> AssetPlan:
    """Return the plan of a host."""
    title = host.original.stem if host.title is None else host.title
    original = _format("original", host.original)
    formats = [original]
    formats.extend(_format("original", unit) for unit in host.versions)
    transcodes = [_format("transcode", unit) for unit in host.transcodes]
    formats.extend(sorted(transcodes, key=_first_of))
    if host.sidecars:
        members = tuple(sorted(host.sidecars, key=attrgetter("path")))
        file_set = FileSetPlan("", members, (SIDECAR_COMPONENT,))
        formats.append(FormatPlan("sidecar", "other", "sidecars", "sidecar", (file_set,)))
    first = _first_of(original)
    return AssetPlan(title_from_stem(title, host.original.folder, first), first, tuple(formats), host.rule)


def _format(role: str, unit: Unit) -> FormatPlan:
    taken: dict[str, int] = {}
    file_sets = []
    for part in sorted(unit.parts, key=_part_order):
        seen = taken[part.label] = taken.get(part.label, 0) + 1
        label = part.label if seen == 1 else f"{part.label}#{seen}"
        file_sets.append(FileSetPlan(label, part.members, (part.component,)))
    name = unit.extension.decode("ascii", "replace") if role == "transcode" else unit.kind
    return FormatPlan(role, unit.kind, name or unit.kind, unit.rule, tuple(file_sets))


_TYPE_ORDER = {"VIDEO": 0, "IMAGE": 0, "AUDIO": 1, "TEXT": 2}


def _part_order(part: UnitPart) -> tuple[int, str, bytes]:
    return (_TYPE_ORDER.get(part.component.type, 3), part.label, part.members[0].first_path)


def _first_of(plan: FormatPlan) -> bytes:
    return min(member.first_path for part in plan.file_sets for member in part.members)
