"""Lookup of the host that a caption, sound or sidecar names: the longest host stem or whole name it begins with.

Names are looked up in one table by their cuts at the dots, longest first. A folder of a hundred thousand captions costs
one lookup each, and a hostile name costs no more than its tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grouping.model.items import Single, path_in_folder
from grouping.model.names import ASCII_DIGITS, MAX_FRAME_DIGITS, NON_DIGITS, fold_name
from grouping.model.plan import FrameSequence
from grouping.model.profile import Profile
from grouping.model.units import Host, Unit
from grouping.rules.renditions import base_folder, has_rendition_word, strip_rendition_tokens

MAX_NAME_CUTS = 16
"""Limit of tokens after a host's stem; real names have far fewer."""

MAX_TAKEOUT_CHARACTERS = 46
"""Google Takeout cuts a picture's name to this length in the name of its JSON."""

STILL_KINDS = frozenset({"image", "live_photo"})
"""Formats that no caption or sound belongs to."""

_BY_WHOLE_NAME = frozenset({"document", "other"})

DirectoryEntry = tuple[tuple[int, int, bytes], Host, Unit]
"""Sort key that decides ties, and the host and unit that a name refers to."""


class HostDirectory:
    """Hosts by the names that refer to them."""

    __slots__ = ("_frames", "_homes", "_names", "_profile", "_stills", "_wanted")

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._names: dict[bytes, DirectoryEntry] = {}
        self._stills: dict[bytes, DirectoryEntry] = {}
        self._wanted: set[bytes] = set()
        self._frames: dict[bytes, list[tuple[FrameSequence, Host, Unit]]] = {}
        eyes = (eye for pair in profile.eye_tokens for eye in pair)
        self._homes = (*profile.rendition_dirs, *profile.caption_dirs, *eyes)

    def above(self, folder: bytes) -> bytes:
        """Return the folder that a rendition, caption or view folder belongs to, or the folder itself."""
        return base_folder(folder, self._homes)

    def fold(self, name: bytes) -> bytes:
        """Return a name in the spelling by which the directory is asked; a part of a folded path is folded."""
        return fold_name(name, self._profile)

    def add_wanted(self, names: Iterable[bytes]) -> None:
        """Register folded names that will be looked up; only these are kept."""
        self._wanted.update(names)

    def is_wanted(self, single: Single) -> bool:
        """Return whether this file will be looked up, by its whole name or, for media, by its stem."""
        if not self._wanted:
            return False
        path = self.fold(single.path)
        if path in self._wanted or takeout_key(path) in self._wanted:
            return True
        return single.described.media_class not in _BY_WHOLE_NAME and strip_extension(path) in self._wanted

    def enter(self, host: Host) -> None:
        """Add a host and its renditions."""
        self._enter_unit(host, host.original, 0)
        for unit in host.versions:
            self._enter_unit(host, unit, 0)
        for unit in host.transcodes:
            self._enter_unit(host, unit, 1)
        if host.title is not None and host.title != host.original.stem:
            folder = base_folder(host.original.folder, self._profile.rendition_dirs)
            self._note(self.fold(path_in_folder(folder, host.title)), (3, 0, host.original.first), host, host.original)

    def enter_document(self, host: Host) -> None:
        """Add a document or other file by its whole name alone: `deal.csv` need not be a sidecar of a PDF."""
        first = host.original.first
        self._note(self.fold(first), (0, _structure_order(host.original), first), host, host.original)

    def _enter_unit(self, host: Host, unit: Unit, is_rendition: int) -> None:
        order = (is_rendition, _structure_order(unit), unit.first)
        for key in (unit.key_path, *unit.aliases):
            self._note(self.fold(key), order, host, unit)
        for part in unit.parts:
            for member in part.members:
                if isinstance(member, Single):
                    path = self.fold(member.path)
                    self._note(path, order, host, unit)
                    self._note(takeout_key(path), order, host, unit)
                    self._note(strip_extension(path), (2, *order[1:]), host, unit)
                else:
                    self._enter_frames(member, host, unit)

    def _enter_frames(self, sequence: FrameSequence, host: Host, unit: Unit) -> None:
        head = self.fold(path_in_folder(sequence.folder, sequence.prefix))
        suffix = self.fold(sequence.suffix)
        # By whole name and by stem, with a NUL in the number's place: one entry serves all frames.
        for behind in (suffix, suffix[: suffix.rfind(b".")]):
            self._frames.setdefault(head + b"\0" + behind, []).append((sequence, host, unit))

    def _note(self, name: bytes, order: tuple[int, int, bytes], host: Host, unit: Unit) -> None:
        if name not in self._wanted:
            return
        for table in (self._names, self._stills) if unit.kind in STILL_KINDS else (self._names,):
            known = table.get(name)
            if known is None or order < known[0]:
                table[name] = (order, host, unit)

    def find(self, path: bytes, folders: Iterable[bytes]) -> tuple[Host, Unit, int] | None:
        """Return the host that a folded path (without its own extension) names, and how many words follow its stem."""
        for name, words in candidate_names(path, folders, self._profile):
            found = self.at(name)
            if found is not None:
                return (*found, words)
        return None

    def at(self, name: bytes) -> tuple[Host, Unit] | None:
        """Return the host of exactly this folded name: a stem, a whole name, or a frame of a sequence."""
        known = self._names.get(name)
        if known is not None:
            return known[1], known[2]
        return self._frame_at(name) if self._frames else None

    def still_at(self, name: bytes) -> tuple[Host, Unit] | None:
        """Return the photograph of exactly this folded name, even if a movie has it too."""
        known = self._stills.get(name)
        return None if known is None else known[1:]

    def _frame_at(self, name: bytes) -> tuple[Host, Unit] | None:
        dot = name.rfind(b".") if name.rfind(b".") > name.rfind(b"/") else len(name)
        for end in (dot, len(name)):
            head = name[:end].rstrip(NON_DIGITS)
            prefix = head.rstrip(ASCII_DIGITS)
            digits = head[len(prefix) :]
            if not 0 < len(digits) <= MAX_FRAME_DIGITS:
                continue
            for sequence, host, unit in self._frames.get(prefix + b"\0" + name[len(head) :], ()):
                if int(digits) in sequence.frames:
                    return host, unit
        return None


def _structure_order(unit: Unit) -> int:
    if unit.is_structural:
        return 0
    return {"image": 2, "audio": 3}.get(unit.kind, 1 if unit.kind not in ("document", "other") else 4)


def candidate_names(
    path: bytes, folders: Iterable[bytes], profile: Profile | None = None
) -> Iterator[tuple[bytes, int]]:
    """Yield the names by which a path (without its own extension) is looked up, and how many words each leaves out.

    With a profile, cuts without their rendition tokens follow: what is named after a rendition belongs to the original
    where that rendition is not there.
    """
    name = path[path.rfind(b"/") + 1 :]
    cuts = list(dotted_prefixes(name))
    for words, cut in enumerate(cuts):
        for folder in folders:
            yield path_in_folder(folder, cut), words
    if profile is None or not has_rendition_word(name, profile):
        return
    for words, cut in enumerate(cuts):
        stem, tokens = strip_rendition_tokens(cut, profile)
        if tokens:
            for folder in folders:
                yield path_in_folder(folder, stem), words


def takeout_key(path: bytes) -> bytes:
    """Return the key under which a JSON finds a picture by the cut name, b"" if the name is too short to be cut."""
    start = path.rfind(b"/") + 1
    if len(path) - start <= MAX_TAKEOUT_CHARACTERS:
        return b""
    name = path[start:].decode("utf-8", "surrogateescape")
    return path[:start] + name[:MAX_TAKEOUT_CHARACTERS].encode("utf-8", "surrogateescape") + b"\0"


def dotted_prefixes(name: bytes) -> Iterator[bytes]:
    """Yield a name and its prefixes before each of its dots, longest first."""
    yield name
    end = len(name)
    for _ in range(MAX_NAME_CUTS):
        end = name.rfind(b".", 0, end)
        if end <= 0:
            return
        yield name[:end]


def strip_extension(path: bytes) -> bytes:
    """Return a path without its last extension."""
    dot = path.rfind(b".")
    return path[:dot] if dot > path.rfind(b"/") + 1 else path
