"""Batch reader: reads many items with one sandboxed child, replacing the child when a file crashes it.

Items are sent in packets of some dozen open files, the next packet while the last is being read. If the child dies, the
first item without an answer is the cause; it is reported, and the rest goes to another child.
"""

import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from media.sandbox.families import SIGNATURE_BYTES, MediaFamily, find_family
from media.sandbox.safe_open import OpenFolders, SourceChangedError, SourceClosedError, SourceFile, require_unchanged
from media.sandbox.supervisor import ChildDiedError, ConfinedChild, close_files

PACKET_FILES = 48
PACKETS_AHEAD = 2
MAX_SIGNATURES_READ = 3
MAX_CHILD_DEATHS = 5
"""Limit of deaths per run: on a storage that does not respond every file hangs, and each costs the full timeout."""


class ReadEnd(StrEnum):
    """Outcome of reading an item."""

    READ = "read"
    UNREADABLE = "unreadable"
    """The file is invalid or may not be read; reading it again would give the same result."""
    CHANGED = "changed"
    """The file differs from its row: the watcher will notice."""
    LIMIT = "limit"
    """It exceeded a resource limit."""
    DIED = "died"
    """Its reader crashed, hung or was killed."""
    ERROR = "error"
    """Another error, possibly of the disk."""
    SKIPPED = "skipped"
    """Not read: too many readers died before it, which suggests a fault of the machine."""


@dataclass(frozen=True, slots=True)
class ReadItem:
    """An item to read: its files, and the program's parameters."""

    key: Any
    sources: Sequence[SourceFile]
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of its first file, for messages."""
        return self.sources[0].name


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """Result of one item."""

    item: ReadItem
    end: ReadEnd
    result: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    """A sentence that names the file, if it was not read."""
    has_decoder: bool = True
    """Whether what is in an unreadable file could be decoded at all."""

    @property
    def bare_reason(self) -> str:
        """The reason without the file's name."""
        return self.reason.partition(": ")[2]


@dataclass(slots=True)
class _Packet:
    """Items sent together, and their open files."""

    number: int
    items: list[ReadItem] = field(default_factory=list)
    files: list[list[int]] = field(default_factory=list)

    @property
    def all_files(self) -> list[int]:
        return [descriptor for files in self.files for descriptor in files]

    def request(self) -> dict[str, Any]:
        items = [
            {"key": place, "files": len(files), "asked": item.asked}
            for place, (item, files) in enumerate(zip(self.items, self.files, strict=True))
        ]
        return {"number": self.number, "items": items}


class SandboxReader:
    """Reads with a child, and starts another one if it dies."""

    def __init__(self, child: ConfinedChild) -> None:
        self._child = child
        self._number = 0

    def read(self, items: Iterable[ReadItem]) -> list[ReadOutcome]:
        """Read all items. Returns their outcomes in no particular order."""
        waiting, deaths = deque(items), 0
        outcomes: list[ReadOutcome] = []
        while waiting:
            if deaths >= MAX_CHILD_DEATHS:
                return outcomes + [ReadOutcome(item, ReadEnd.SKIPPED) for item in waiting]
            sent: deque[_Packet] = deque()
            answered: dict[int, int] = {}
            try:
                with OpenFolders() as folders:
                    self._run(waiting, sent, folders, outcomes, answered)
            except ChildDiedError as died:
                deaths += 1
                under_way, *others = [packet.items[answered.get(packet.number, 0) :] for packet in sent]
                if under_way:  # else it died between two packets, which is no item's fault
                    first = under_way.pop(0)
                    outcomes.append(ReadOutcome(first, ReadEnd.DIED, reason=f"{first.name}: its reader {died}"))
                waiting.extendleft(reversed([item for items in (under_way, *others) for item in items]))
            finally:
                for packet in sent:
                    close_files(packet.all_files)
        return outcomes

    def _run(
        self,
        waiting: deque[ReadItem],
        sent: deque[_Packet],
        folders: OpenFolders,
        outcomes: list[ReadOutcome],
        answered: dict[int, int],
    ) -> None:
        while waiting or sent:
            while waiting and len(sent) < PACKETS_AHEAD:
                packet = self._pack(waiting, folders, outcomes)
                if packet.items:
                    sent.append(packet)
                    self._child.send(packet.request(), packet.all_files)
            if sent:
                self._collect(sent[0], outcomes, answered)
                close_files(sent.popleft().all_files)

    def _pack(self, waiting: deque[ReadItem], folders: OpenFolders, outcomes: list[ReadOutcome]) -> _Packet:
        """Open the files of the next items; items with a file that cannot be opened get their outcome at once."""
        self._number += 1
        packet = _Packet(self._number)
        room = PACKET_FILES
        while waiting and (len(waiting[0].sources) <= room or not packet.items):
            item, files = waiting.popleft(), []
            room -= len(item.sources)
            try:
                for source in item.sources:
                    files.append(folders.open_source(source))
            except SourceChangedError as changed:
                close_files(files)
                end = ReadEnd.UNREADABLE if isinstance(changed, SourceClosedError) else ReadEnd.CHANGED
                outcomes.append(ReadOutcome(item, end, reason=str(changed)))
                continue
            packet.items.append(item)
            packet.files.append(files)
        return packet

    def _collect(self, packet: _Packet, outcomes: list[ReadOutcome], answered: dict[int, int]) -> None:
        while not (said := self._child.receive() or {}).get("done"):
            place = said["key"]
            answered[packet.number] = place + 1
            outcomes.append(_to_read_outcome(packet.items[place], packet.files[place], said))


def _to_read_outcome(item: ReadItem, files: Sequence[int], said: Mapping[str, Any]) -> ReadOutcome:
    """Convert an answer to an outcome, after checking the files again: if a file changed meanwhile, the answer is
    void."""
    try:
        for source, descriptor in zip(item.sources, files, strict=True):
            require_unchanged(source, descriptor)
    except SourceChangedError as changed:
        return ReadOutcome(item, ReadEnd.CHANGED, reason=str(changed))
    if "error" not in said:
        return ReadOutcome(item, ReadEnd.READ, said["result"])
    end = {"unreadable": ReadEnd.UNREADABLE, "limit": ReadEnd.LIMIT}.get(said["kind"], ReadEnd.ERROR)
    return ReadOutcome(item, end, reason=f"{item.name}: {said['error']}", has_decoder=said.get("has_decoder", True))


class FamilyReader:
    """Reads each item with the program of its family, which its first bytes tell."""

    def __init__(self, children: Mapping[MediaFamily, ConfinedChild]) -> None:
        self._readers = {family: SandboxReader(child) for family, child in children.items()}

    def read(self, items: Iterable[ReadItem]) -> list[ReadOutcome]:
        """Read all items. Returns their outcomes in no particular order."""
        by_family: dict[MediaFamily, list[ReadItem]] = {family: [] for family in self._readers}
        with OpenFolders() as folders:
            for item in items:
                by_family[self._family_of(item, folders)].append(item)
        return [outcome for family, some in by_family.items() for outcome in self._readers[family].read(some)]

    def _family_of(self, item: ReadItem, folders: OpenFolders) -> MediaFamily:
        """Return the family of the first file that shows one: of a sequence, one frame may be damaged."""
        if MediaFamily.STILLS in self._readers:
            for source in item.sources[:MAX_SIGNATURES_READ]:
                try:
                    descriptor = folders.open_source(source)
                except SourceChangedError:
                    continue  # reported by the reader
                try:
                    head = os.pread(descriptor, SIGNATURE_BYTES, 0)
                except OSError:
                    continue
                finally:
                    os.close(descriptor)
                if find_family(head, source.name) is MediaFamily.STILLS:
                    return MediaFamily.STILLS
                if head.strip(b"\0"):
                    break
        return MediaFamily.VIDEO
