"""Clock references of transport and programme streams: whether the clock of a large file jumps, and how often.

Every tenth of a second such a stream repeats its clock (PCR, SCR). A file of up to MAX_SCANNED_BYTES is read whole, and
each reference compared with the one before. Of a larger file as many bytes are read, at even places; where the clock
went back between two places, or by far more than between others, the places between them are read too.
"""

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from media.probe.clocks import JUMP_SECONDS

MAX_SCANNED_BYTES = 256 << 20
"""Took 0.3 s of processor time for MPEG-TS, 0.4 s for MPEG-PS."""
SCAN_READ_BYTES = 1 << 20
PLACE_BYTES = 256 << 10
"""Read at each place of a larger file: at 20 Mbit/s a tenth of a second, in which there is a reference."""
MAX_SEARCHED_PLACES = 512
"""Read beside the even ones, to find a jump between two of them."""
MAX_READS_WITHOUT_CLOCK = 3
"""A place is too short for the clocks of all programmes."""
SUSPECT_TIMES = 3
"""Between two places the clock may advance by this many times what is usual."""

TS_PACKET_SIZES = (188, 192, 204)
TS_SYNC = b"\x47"
TS_SYNC_PACKETS = 5
HAS_ADAPTATION = bytes(bool(value & 0x20) for value in range(256))
HAS_REFERENCE = bytes(bool(value & 0x10) for value in range(256))
MIN_ADAPTATION_BYTES = 7
PACK_CLOCK_BYTES, PACK_HEADER_BYTES = 6, 10
PACK_HEADER = re.compile(rb"\x00\x00\x01\xba([\x20-\x7f].{5})", re.DOTALL)
PACK_LAYOUTS = ((6, 0x4400_0400_0401, 0xC400_0400_0401), (5, 0x21_0001_0001, 0xF1_0001_0001))
"""Of MPEG-2 and MPEG-1: bytes, and the values of the bits between the parts of a clock."""
PACK_CLOCK_PARTS = {6: ((5, 0x7), (21, 0x7FFF), (37, 0x7FFF)), 5: ((7, 0x7), (23, 0x7FFF), (39, 0x7FFF))}
"""Where each part ends, in bits, and its mask."""
CLOCK_RATE, CLOCK_TICKS = 90_000, 1 << 33
"""Ticks a second, and the number after which they begin again: 26.5 hours."""
ANY_CLOCK = -1
"""Identifies the one clock of a programme stream."""

ClockReference = tuple[int, int]
"""Which clock, and its ticks."""


@dataclass(slots=True)
class ClockScan:
    """What the clock references of a file say."""

    jumps: int = 0
    ticks: int = 0
    """By which the clock advanced, without the jumps."""
    looked_at_bytes: int = 0

    @property
    def milliseconds(self) -> int:
        """Duration without the jumps."""
        return round(self.ticks * 1000 / CLOCK_RATE)


@dataclass(slots=True)
class _Place:
    """Part of a file that was read: its first and its last reference."""

    start: int
    end: int
    scan: ClockScan
    first: ClockReference
    last: ClockReference


@dataclass(slots=True)
class ReferenceReader:
    """Reads clock references of an open file: of transport streams, or of programme streams."""

    descriptor: int
    is_transport: bool
    max_bytes: int = MAX_SCANNED_BYTES
    place_bytes: int = PLACE_BYTES
    read_bytes: int = SCAN_READ_BYTES
    places_left: int = MAX_SEARCHED_PLACES
    _clock: int | None = field(default=None)
    """The clock that is followed: a transport stream of several programmes has several."""
    _missed: int = 0
    _patience: int = 0
    """Reads without the clock after which another one is followed, as where files were joined."""

    def scan(self, size: int) -> ClockScan:
        """Scan a file of this size."""
        if size <= self.max_bytes:
            whole = self._read(0, size)
            return ClockScan() if whole is None else whole.scan
        count, self._patience = self.max_bytes // self.place_bytes, MAX_READS_WITHOUT_CLOCK
        starts = [number * (size - self.place_bytes) // (count - 1) for number in range(count)]
        read = (self._read(start, start + self.place_bytes) for start in starts)
        return self._join([place for place in read if place is not None])

    def _join(self, places: list[_Place]) -> ClockScan:
        found = ClockScan()
        steps = [_ticks_between(one.last, other.first) for one, other in itertools.pairwise(places)]
        usual = median(step for step in steps if step >= 0) if any(step >= 0 for step in steps) else 0
        limit = max(JUMP_SECONDS * CLOCK_RATE, SUSPECT_TIMES * usual)
        for place in places:
            _add(found, place.scan)
        for step, (one, other) in zip(steps, itertools.pairwise(places), strict=True):
            if 0 <= step <= limit:
                found.ticks += step
            else:
                _add(found, self._search(one, other))
        return found

    def _search(self, one: _Place, other: _Place) -> ClockScan:
        """Find the jumps between two places by halves, until the bytes between are read whole."""
        step, found = _ticks_between(one.last, other.first), ClockScan()
        if 0 <= step <= JUMP_SECONDS * CLOCK_RATE:
            return ClockScan(ticks=step)
        if other.start <= one.end:
            return ClockScan(jumps=1)
        is_near = other.start - one.end <= self.read_bytes
        middle = (one.end + other.start - self.place_bytes) // 2
        span = (one.end, other.start) if is_near else (middle, middle + self.place_bytes)
        between = self._read(*span) if self.places_left else None
        self.places_left -= 1
        if between is None:
            return ClockScan(jumps=1)
        for part in (self._search(one, between), between.scan, self._search(between, other)):
            _add(found, part)
        return found

    def _read(self, start: int, end: int) -> _Place | None:
        """Read a part of the file; None if there is no reference in it."""
        scan = ClockScan(looked_at_bytes=end - start)
        first = last = None
        for reference in self._references(start, end):
            if last is None:
                first = reference
            elif 0 <= (step := _ticks_between(last, reference)) <= JUMP_SECONDS * CLOCK_RATE:
                scan.ticks += step
            else:
                scan.jumps += 1
            last = reference
        return None if first is None or last is None else _Place(start, end, scan, first, last)

    def _references(self, start: int, end: int) -> Iterator[ClockReference]:
        """Yield the references of one clock; another one is followed from where that one is seen no more."""
        rest = b""
        while start < end:
            piece = os.pread(self.descriptor, min(self.read_bytes, end - start), start)
            if not piece:
                return
            start += len(piece)
            data = rest + piece
            found, used = read_transport_clocks(data) if self.is_transport else read_program_clocks(data)
            rest = data[used:]
            clocks = {clock for clock, _ in found}
            self._missed = 0 if self._clock in clocks else self._missed + 1
            if clocks and (self._clock is None or self._missed > self._patience):
                self._clock, self._missed = found[0][0], 0
            yield from (reference for reference in found if reference[0] == self._clock)


def _add(scan: ClockScan, other: ClockScan) -> None:
    scan.jumps += other.jumps
    scan.ticks += other.ticks
    scan.looked_at_bytes += other.looked_at_bytes


def _ticks_between(one: ClockReference, other: ClockReference) -> int:
    """Return by how much the clock advanced; below zero if it went back. Its ticks begin again after 26.5 hours."""
    step = (other[1] - one[1]) % CLOCK_TICKS
    return step if step < CLOCK_TICKS // 2 else step - CLOCK_TICKS


def read_transport_clocks(data: bytes) -> tuple[list[ClockReference], int]:
    """Return the references (PCR) in packets of MPEG-TS, and how many bytes were used up: a packet may go on after
    them. Packets are found again after a damage, and where files were joined."""
    found: list[ClockReference] = []
    place = 0
    while synced := _find_packets(data, place):
        place, size = synced
        heads = data[place : place + (len(data) - place) // size * size : size]
        end = place + (len(heads) - len(heads.lstrip(TS_SYNC))) * size
        for number in _find_marked(data[place + 3 : end : size], data[place + 5 : end : size]):
            packet = place + number * size
            if data[packet + 4] >= MIN_ADAPTATION_BYTES:
                clock = int.from_bytes(data[packet + 1 : packet + 3], "big") & 0x1FFF
                found.append((clock, int.from_bytes(data[packet + 6 : packet + 11], "big") >> 7))
        place = end
        if not heads.strip(TS_SYNC):
            break
    return found, max(place, len(data) - TS_SYNC_PACKETS * max(TS_PACKET_SIZES))


def _find_packets(data: bytes, start: int) -> tuple[int, int] | None:
    """Return where the next packets begin, and their size."""
    place = data.find(TS_SYNC, start)
    while place >= 0:
        for size in TS_PACKET_SIZES:
            heads = data[place : place + TS_SYNC_PACKETS * size : size]
            if heads == TS_SYNC * TS_SYNC_PACKETS:
                return place, size
        place = data.find(TS_SYNC, place + 1)
    return None


def _find_marked(adaptations: bytes, flags: bytes) -> Iterator[int]:
    """Yield the numbers of the packets with a reference: far fewer than there are packets."""
    both = int.from_bytes(adaptations[: len(flags)].translate(HAS_ADAPTATION), "big") & int.from_bytes(
        flags.translate(HAS_REFERENCE), "big"
    )
    marked = both.to_bytes(len(flags), "big")
    place = marked.find(1)
    while place >= 0:
        yield place
        place = marked.find(1, place + 1)


def read_program_clocks(data: bytes) -> tuple[list[ClockReference], int]:
    """Return the references (SCR) in pack headers of MPEG-PS, and how many bytes were used up."""
    found: list[ClockReference] = []
    used = max(0, len(data) - PACK_HEADER_BYTES)
    for pack in PACK_HEADER.finditer(data):
        used = max(used, pack.end())
        head = int.from_bytes(pack[1], "big")
        for size, mark, markers in PACK_LAYOUTS:
            bits = head >> 8 * (PACK_CLOCK_BYTES - size)
            if bits & markers == mark:
                high, middle, low = (bits >> 8 * size - place & mask for place, mask in PACK_CLOCK_PARTS[size])
                found.append((ANY_CLOCK, high << 30 | middle << 15 | low))
    return found, used
