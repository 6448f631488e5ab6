"""Result of grouping: assets of formats of file sets, and the files that still wait for their host.

Plain values without identity: ingest compares them with the stored rows, the dry run prints them. Every input path is
in exactly one place of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grouping.model.frames import EMPTY_FRAMES, Frames
from grouping.model.items import Single, member_paths, path_in_folder, smallest_path

FORMAT_KINDS = (
    "image_sequence",
    "multi_camera",
    "stereoscopic",
    "separate_tracks",
    "captioned_video",
    "single",
    "live_photo",
    "transcode",
    "audio",
    "image",
    "document",
    "other",
)


@dataclass(frozen=True, slots=True)
class FrameSequence:
    """Frames of one numbered set in one folder, written with one padding."""

    folder: bytes
    prefix: bytes
    suffix: bytes
    padding: int
    """Digits that leading zeros fill; 0 without padding."""
    frames: Frames
    empty_frames: Frames = EMPTY_FRAMES
    """Frames with zero-byte files; they are not members."""

    @property
    def key(self) -> bytes:
        """Key of the bucket that the set comes from."""
        return self.prefix + b"\0" + self.suffix

    @property
    def first_path(self) -> bytes:
        """Bytewise smallest member."""
        return smallest_path(self.folder, self.prefix, self.suffix, self.padding, self.frames)

    @property
    def count(self) -> int:
        """Number of files in the set."""
        return self.frames.count

    @property
    def template(self) -> bytes:
        """Set as artists write it: `plates/plate.####.exr`, one # per digit, a single # without padding."""
        return path_in_folder(self.folder, self.prefix + b"#" * max(self.padding, 1) + self.suffix)

    def paths(self) -> Iterator[bytes]:
        """Iterate over the members' paths, by frame."""
        return member_paths(self.folder, self.prefix, self.suffix, self.padding, self.frames)


FileSetMember = Single | FrameSequence


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """Stream in a file set that can be seen, heard or read."""

    type: str
    """VIDEO AUDIO IMAGE TEXT NON_MEDIA OTHER; a sequence's frames are VIDEO, a still is IMAGE."""
    name: str
    language: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileSetPlan:
    """Files of one role in a format: a sequence, an eye, a camera, a track, a caption."""

    label: str
    """Distinguishes it from other sets of its format; "" for the only or main one."""
    members: tuple[FileSetMember, ...]
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
    """Structure, for a transcode too."""
    name: str
    rule: str
    """Rule that produced it, in a few words for users."""
    file_sets: tuple[FileSetPlan, ...]

    def paths(self) -> Iterator[bytes]:
        """Every file of the format."""
        for file_set in self.file_sets:
            yield from file_set.paths()


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """Asset: what users call "the clip"."""

    title: str
    key: bytes
    """Smallest path of its original format; unique, because no file is in two places."""
    formats: tuple[FormatPlan, ...]
    """Original first, then transcodes by smallest path, then optionally one format of sidecars."""
    rule: str

    def paths(self) -> Iterator[bytes]:
        """Every file of the asset."""
        for plan in self.formats:
            yield from plan.paths()

    @property
    def main_path(self) -> bytes:
        """First file of its original's main file set: of the picture, whichever file sorts first."""
        return self.formats[0].file_sets[0].members[0].first_path

    @property
    def first_path(self) -> bytes:
        """Smallest path of all its files, which orders it among others."""
        if len(self.formats) == 1:
            return self.key
        return min(member.first_path for plan in self.formats for part in plan.file_sets for member in part.members)


@dataclass(frozen=True, slots=True)
class Orphan:
    """Caption or sidecar without its host, and the asset it becomes when the wait ends."""

    path: bytes
    waits_for: str
    asset: AssetPlan


@dataclass(frozen=True, slots=True)
class GroupingResult:
    """Result for one island, both parts by smallest path."""

    assets: tuple[AssetPlan, ...]
    orphans: tuple[Orphan, ...] = ()

    def settled(self) -> tuple[AssetPlan, ...]:
        """Return all assets, including every orphan as its own asset."""
        if not self.orphans:
            return self.assets
        return tuple(sorted([*self.assets, *(orphan.asset for orphan in self.orphans)], key=first_path_of))


@dataclass(frozen=True, slots=True)
class TreeGrouping:
    """Result for a whole tree: assets of all islands including orphans, and ignored paths."""

    assets: tuple[AssetPlan, ...]
    ignored: tuple[bytes, ...]


def first_path_of(asset: AssetPlan) -> bytes:
    """Return the sort key of an asset."""
    return asset.first_path
