"""What grouping answers: assets of formats of file sets, and the files that still wait for their host.

Plain values without identity: the ingester compares them with the stored rows, the dry run prints them. Every path that
was handed in is in exactly one place of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from watch.grouping.frames import NO_FRAMES, Frames
from watch.grouping.items import Single, member_paths, smallest_path, under

KINDS = (
    "image_sequence",
    "multi_camera",
    "stereoscopic",
    "separate_tracks",
    "captioned_video",
    "single",
    "transcode",
    "audio",
    "image",
    "document",
    "other",
)


@dataclass(frozen=True, slots=True)
class Sequence:
    """The frames of one numbered set in one folder, all written with one padding."""

    folder: bytes
    prefix: bytes
    suffix: bytes
    padding: int
    """Digits that leading zeros fill; 0 where the numbers are written as they are."""
    frames: Frames
    empty_frames: Frames = NO_FRAMES
    """Frames whose files are there with zero bytes; they are no members."""

    @property
    def key(self) -> bytes:
        """The key of the bucket that the set comes from."""
        return self.prefix + b"\0" + self.suffix

    @property
    def first_path(self) -> bytes:
        """The bytewise smallest member."""
        return smallest_path(self.folder, self.prefix, self.suffix, self.padding, self.frames)

    @property
    def count(self) -> int:
        """How many files the set has."""
        return self.frames.count

    @property
    def template(self) -> bytes:
        """The set as artists write it: `plates/plate.####.exr`, one # a digit, a lone # without padding."""
        return under(self.folder, self.prefix + b"#" * max(self.padding, 1) + self.suffix)

    def paths(self) -> Iterator[bytes]:
        """Every member's path, by frame."""
        return member_paths(self.folder, self.prefix, self.suffix, self.padding, self.frames)


Member = Single | Sequence


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """One thing in a file set that a person can see, hear or read."""

    type: str
    """VIDEO AUDIO IMAGE TEXT NON_MEDIA OTHER; a sequence's frames are VIDEO, a still is IMAGE."""
    name: str
    language: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileSetPlan:
    """Files of one role in a format: a sequence, an eye, a camera, a track, a caption."""

    label: str
    """What tells it apart from its format's other sets; "" where it is the only or the main one."""
    members: tuple[Member, ...]
    components: tuple[ComponentPlan, ...]

    def paths(self) -> Iterator[bytes]:
        """Every file of the set."""
        for member in self.members:
            if isinstance(member, Single):
                yield member.path
            else:
                yield from member.paths()


@dataclass(frozen=True, slots=True)
class FormatPlan:
    """One representation of an asset."""

    role: str
    """original, transcode or sidecar."""
    kind: str
    """The structure, for a transcode too."""
    name: str
    rule: str
    """The rule that made it, in a few words for people."""
    file_sets: tuple[FileSetPlan, ...]

    def paths(self) -> Iterator[bytes]:
        """Every file of the format."""
        for file_set in self.file_sets:
            yield from file_set.paths()


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """What a person means by "the clip"."""

    title: str
    key: bytes
    """The smallest path of its original format: unique, for no file is in two places."""
    formats: tuple[FormatPlan, ...]
    """The original first, then transcodes by their smallest path, then at most one format of sidecars."""
    rule: str

    def paths(self) -> Iterator[bytes]:
        """Every file of the asset."""
        for plan in self.formats:
            yield from plan.paths()

    @property
    def first_path(self) -> bytes:
        """The smallest path of all its files, which orders it among others."""
        if len(self.formats) == 1:
            return self.key
        return min(member.first_path for plan in self.formats for part in plan.file_sets for member in part.members)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A caption or sidecar whose host is not there, and the asset that it becomes when nobody comes."""

    path: bytes
    waits_for: str
    asset: AssetPlan


@dataclass(frozen=True, slots=True)
class Grouping:
    """The answer for one island, both parts by smallest path."""

    assets: tuple[AssetPlan, ...]
    orphans: tuple[Orphan, ...] = ()

    def settled(self) -> tuple[AssetPlan, ...]:
        """All assets with every orphan overdue."""
        if not self.orphans:
            return self.assets
        return tuple(sorted([*self.assets, *(orphan.asset for orphan in self.orphans)], key=first_path_of))


@dataclass(frozen=True, slots=True)
class Tree:
    """The answer for a whole tree: assets over all islands with orphans overdue, and what was ignored."""

    assets: tuple[AssetPlan, ...]
    ignored: tuple[bytes, ...]


def first_path_of(asset: AssetPlan) -> bytes:
    """Sort key of assets."""
    return asset.first_path
