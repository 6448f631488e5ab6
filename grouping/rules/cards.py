"""Camera cards, recognised by folders: a clip's files are in several folders, with suffixes specific to the card."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from grouping.model.card_table import (
    CARD_LAYOUTS,
    FLAT_CARD,
    FLAT_CARD_CLIPS,
    FLAT_CARD_EXTENSIONS,
    LOOSE_CARD_DIRS,
    XDCAM_DISC,
    CardLayout,
)
from grouping.model.islands import card_root
from grouping.model.items import Single
from grouping.model.units import AUDIO_COMPONENT, VIDEO_COMPONENT, Host, Unit, UnitPart, single_unit

ClipKey = tuple[str, bytes, bytes, bytes]
"""Card, root, place and id."""


@dataclass(slots=True)
class CardClip:
    """Files of one clip, by role."""

    id: bytes
    card: str
    is_certain: bool
    roles: dict[str, list[Single]] = field(default_factory=dict)

    def files(self) -> Iterable[Single]:
        """Return all files of the clip."""
        return (single for mates in self.roles.values() for single in mates)


def extract_card_clips(singles: list[Single]) -> tuple[list[Host], list[Single]]:
    """Return the clips of cards as hosts, and the remaining files."""
    folders = {folder for folder in {single.folder for single in singles} if may_hold_clips(folder)}
    clips: dict[ClipKey, CardClip] = {}
    left: list[Single] = []
    for single in singles:
        if folders and single.folder in folders:
            found = _clip_of(single, clips)
        else:
            found = _flat_clip_of(single, clips) if _may_be_flat(single.path) else None
        if found is None:
            left.append(single)
        else:
            clip, role = found
            clip.roles.setdefault(role, []).append(single)
    if not clips:
        return [], singles
    left = _add_flat_parts(left, clips)
    hosts: list[Host] = []
    for clip in clips.values():
        host = _clip_host(clip)
        if host is None:
            left.extend(clip.files())
        else:
            hosts.append(host)
    return hosts, left


def _may_be_flat(path: bytes) -> bool:
    """Return whether a name could belong to a clip whose card's folders were lost; excludes most names."""
    return path[-7:-6] in (b"S", b"T") or path[-4:].lower() in FLAT_CARD_EXTENSIONS


def _flat_clip_of(single: Single, clips: dict[ClipKey, CardClip]) -> tuple[CardClip, str] | None:
    found = flat_clip_of(single.name)
    if found is None:
        return None
    clip_id, role = found
    key = (FLAT_CARD.name, single.folder, b"", clip_id)
    return clips.setdefault(key, CardClip(clip_id, FLAT_CARD.name, role == "part")), role


def flat_clip_of(name: bytes) -> tuple[bytes, str] | None:
    """Return the clip that a name belongs to in any folder, and its role there."""
    matches = ((row.pattern.fullmatch(name), row.role) for row in FLAT_CARD.rows)
    return next(((match["id"], role) for match, role in matches if match is not None), None)


def _add_flat_parts(singles: list[Single], clips: dict[ClipKey, CardClip]) -> list[Single]:
    """Add to flat clips the file that is named like the clip alone; return the other files."""
    left: list[Single] = []
    for single in singles:
        clip = None
        if single.path[-4:].lower() in FLAT_CARD_CLIPS:
            clip = clips.get((FLAT_CARD.name, single.folder, b"", single.name[:-4]))
        if clip is None:
            left.append(single)
        else:
            clip.roles.setdefault("part", []).append(single)
    return left


def may_hold_clips(folder: bytes) -> bool:
    """Return whether clips of a camera card can be in this folder."""
    return card_root(folder) is not None or folder[folder.rfind(b"/") + 1 :].lower() in LOOSE_CARD_DIRS


def _clip_of(single: Single, clips: dict[ClipKey, CardClip]) -> tuple[CardClip, str] | None:
    folder = single.folder
    root = card_root(folder)
    cards: Iterable[CardLayout] = CARD_LAYOUTS
    top, _, last = folder.rpartition(b"/")
    if root is None:
        if last.lower() not in LOOSE_CARD_DIRS:
            return None
        root, cards = top, (XDCAM_DISC,)
    below = single.path[len(root) + 1 :] if root else single.path
    first = below[: below.find(b"/")].lower()
    own = root[root.rfind(b"/") + 1 :].lower()
    is_certain = len(tuple(cards)) > 1
    for card in cards:
        if is_certain and card.root not in (first, own):
            continue
        for row in card.rows:
            match = row.pattern.fullmatch(below)
            if match is not None:
                groups = match.groupdict()
                clip_id, place = groups["id"], (groups.get("place") or b"").upper()
                key = (card.name, root, place, clip_id.upper())
                return clips.setdefault(key, CardClip(clip_id, card.name, is_certain)), row.role
    return None


def _clip_host(clip: CardClip) -> Host | None:
    """Return a clip's host, or None for sidecars alone or a single file in a folder with a common name."""
    parts = sorted(clip.roles.get("part", ()), key=attrgetter("path"))
    sounds = sorted(clip.roles.get("sound", ()), key=attrgetter("path"))
    renditions = [single_unit(single, clip.card) for single in clip.roles.get("rendition", ())]
    renditions.sort(key=attrgetter("first"))
    if not clip.is_certain and (not parts or len(list(clip.files())) < 2):
        return None
    if parts or sounds:
        original = _original(clip, parts, sounds)
    elif renditions:
        original = renditions.pop(0)
    else:
        return None
    return Host(original, clip.card, renditions, sidecars=clip.roles.get("sidecar", []), title=clip.id)


def _original(clip: CardClip, pictures: list[Single], sounds: list[Single]) -> Unit:
    first = (pictures or sounds)[0]
    extension = first.path[first.path.rfind(b".") + 1 :].lower()
    kind = "separate_tracks" if pictures and sounds else "single" if pictures else "audio"
    parts = [UnitPart("", tuple(pictures), VIDEO_COMPONENT)] if pictures else []
    parts += [UnitPart(f"A{number}", (single,), AUDIO_COMPONENT) for number, single in enumerate(sounds, 1)]
    return Unit(first.folder, clip.id, extension, kind, parts, first.path, clip.card)
