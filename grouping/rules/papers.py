"""Papers of a card or reel: files about all of its clips. They are sidecars of the bytewise first clip below them."""

from __future__ import annotations

from bisect import bisect_left

from grouping.model.islands import card_root, described_folder, is_paper
from grouping.model.items import Single, folder_of
from grouping.model.units import Host, single_unit
from grouping.rules.attachments import STILL_KINDS

_NO_CLIPS = STILL_KINDS | {"document", "other"}


def split_papers(singles: list[Single]) -> tuple[list[Single], list[Single]]:
    """Return the papers among these files, and the others."""
    papers = [single for single in singles if is_paper(single.path)]
    return (papers, [single for single in singles if not is_paper(single.path)]) if papers else (papers, singles)


def attach_papers(
    papers: list[Single], hosts: list[Host], singles: list[Single]
) -> tuple[list[Single], frozenset[bytes]]:
    """Attach each paper to the first clip of its card or reel; return those without one.

    Args:
        hosts: hosts of the island, to which those singles are added that get a paper.
        singles: videos and sounds that no rule joined.

    Returns: papers without a clip, and the paths of the singles that are hosts now.
    """
    clips = [_Clip(host.original.first, host) for host in hosts if host.original.kind not in _NO_CLIPS]
    clips.extend(_Clip(single.path, single) for single in singles)
    clips.sort(key=lambda clip: clip.path)
    pictures = [clip for clip in clips if not clip.is_sound]
    # A sound counts as a clip only where there is no picture.
    tiers = [(tier, [clip.path for clip in tier]) for tier in (pictures, clips)]
    waiting: list[Single] = []
    made: set[bytes] = set()
    for paper in papers:
        found = next((clip for tier in tiers if (clip := _first_clip(paper.path, *tier)) is not None), None)
        if found is None:
            waiting.append(paper)
            continue
        if isinstance(found.item, Single):
            made.add(found.path)
            found.item = Host(single_unit(found.item), "single file")
            hosts.append(found.item)
        found.item.sidecars.append(paper)
    return waiting, frozenset(made)


class _Clip:
    """Host, or a file that becomes one."""

    __slots__ = ("item", "path")

    def __init__(self, path: bytes, item: Host | Single) -> None:
        self.path, self.item = path, item

    @property
    def is_sound(self) -> bool:
        if isinstance(self.item, Single):
            return self.item.described.media_class == "audio"
        return self.item.original.kind == "audio"


def _first_clip(path: bytes, clips: list[_Clip], paths: list[bytes]) -> _Clip | None:
    """Return the first clip below the folder that a paper describes; on a card also below the folders above it."""
    folder = described_folder(folder_of(path))
    root = card_root(folder)
    while True:
        below = folder + b"/" if folder else b""
        at = bisect_left(paths, below)
        if at < len(paths) and paths[at].startswith(below):
            return clips[at]
        if root is None or len(folder) <= len(root):
            return None
        folder = folder_of(folder)
