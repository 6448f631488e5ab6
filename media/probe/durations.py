"""Durations: counted where a header has none, where FFmpeg estimates it, and where its clock may jump."""

import os
from dataclasses import dataclass, field
from fractions import Fraction

import av

from media.probe.clock_references import ReferenceReader
from media.probe.clocks import SourceClock, has_jumping_clock
from media.sandbox.ffmpeg_open import FFMPEG_TIME_BASE, RAW_PICTURE_FORMATS, open_container

RAW_FORMATS = RAW_PICTURE_FORMATS | {*("aac", "ac3", "eac3", "dts", "mp3", "mlp", "truehd", "amr", "loas", "mjpeg")}
"""Streams without a container: without an index FFmpeg computes their length from the bit rate of the first packets."""
MP3_INDEXES = (b"Xing", b"Info", b"VBRI")
MP3_INDEX_BYTES = 64 << 10
MAX_MP3_TAG_BYTES = 4 << 10
"""Behind the sound, where its index still counts; an MP3 with larger ones is counted itself."""
MAX_COUNTED_BYTES, MAX_COUNTED_PACKETS = 16 << 20, 50_000
"""Counting took 43 microseconds a packet (60 s of AAC, 187 kB: 0.12 s)."""
REFERENCED_FORMATS = {"mpegts": True, "mpeg": False}
"""Formats that repeat their clock, and whether each is a transport stream."""
CLUSTER_START = b"\x1f\x43\xb6\x75"
CLUSTER_TIME = 0xE7
MAX_TAIL_BYTES = 8 << 20
"""Searched for the last cluster of a Matroska recording; those of browsers have some hundred kilobytes."""


@dataclass(slots=True)
class MediaDuration:
    """The duration of a file in milliseconds, and those of its streams where they were counted."""

    milliseconds: int | None
    is_estimated: bool = False
    by_stream: dict[int, int] = field(default_factory=dict)
    clock_jumps: int = 0
    looked_at_bytes: int = 0
    """Of a file that is too large to be searched whole for jumps."""


def read_duration(container: av.container.InputContainer, descriptor: int) -> MediaDuration:
    """Return the duration of an open file: counted if it is small, else as its header or an estimate has it."""
    said, size = _said_milliseconds(container), os.fstat(descriptor).st_size
    is_raw = container.format.name in RAW_FORMATS and not _has_mp3_index(container, descriptor)
    if said is not None and not is_raw and not has_jumping_clock(container):
        return MediaDuration(said)
    if size <= MAX_COUNTED_BYTES:
        counted, jumps = _count_milliseconds(descriptor)
        if counted:
            return MediaDuration(max(counted.values()), by_stream=counted, clock_jumps=jumps)
    if (is_transport := REFERENCED_FORMATS.get(container.format.name)) is not None:
        return _scan_duration(ReferenceReader(descriptor, is_transport), said, size)
    if said is None and "matroska" in container.format.name:
        said = _last_cluster_milliseconds(descriptor, size)
        return MediaDuration(said, is_estimated=said is not None)
    return MediaDuration(said, is_estimated=said is not None and is_raw)


def _scan_duration(reader: ReferenceReader, said: int | None, size: int) -> MediaDuration:
    """Return the duration without the jumps of the clock, if there are any; else the one that the file says."""
    scan = reader.scan(size)
    if not scan.jumps and said is not None:
        return MediaDuration(said)
    looked_at = scan.looked_at_bytes if scan.looked_at_bytes < size else 0
    milliseconds = scan.milliseconds or said
    return MediaDuration(milliseconds, milliseconds is not None, clock_jumps=scan.jumps, looked_at_bytes=looked_at)


def _has_mp3_index(container: av.container.InputContainer, descriptor: int) -> bool:
    """Whether an MP3 has an index of the whole file; that of joined files is of the first."""
    head = os.pread(descriptor, MP3_INDEX_BYTES, 0) if container.format.name == "mp3" else b""
    place = min((found for magic in MP3_INDEXES if (found := head.find(magic)) >= 0), default=-1)
    if place < 0 or head[place : place + 4] == b"VBRI" or head[place + 7] & 3 != 3:  # frames and bytes are said
        return place >= 0
    said = int.from_bytes(head[place + 12 : place + 16], "big")
    return container.size <= place + said + MAX_MP3_TAG_BYTES


def _count_milliseconds(descriptor: int) -> tuple[dict[int, int], int]:
    """Return the length of each stream, from the times and lengths of its packets, and how often its clock jumps; none
    if there are too many.

    The file position, which the descriptor shares with a container that is open over it, is restored.
    """
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        with open_container(descriptor) as container:
            counts = _count_packets(container)
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)
    lengths = {index: round(count.seconds * 1000) for index, count in counts.items() if count.seconds}
    return lengths, max((count.jumps for count in counts.values() if isinstance(count, _JumpingCount)), default=0)


def _count_packets(container: av.container.InputContainer) -> dict[int, "_StreamCount"]:
    counts: dict[int, _StreamCount] = {}
    kind: type[_StreamCount] = _SummedCount if container.format.name in RAW_FORMATS else _SpanCount
    if has_jumping_clock(container):
        kind = _JumpingCount
    try:
        for number, packet in enumerate(container.demux()):
            if number > MAX_COUNTED_PACKETS:
                return {}
            if packet.time_base and packet.size:
                counts.setdefault(packet.stream_index, kind()).add(packet)
    except (av.error.InvalidDataError, av.error.EOFError):
        pass  # what follows a damage does not count
    return counts


class _SummedCount:
    """Length of a stream whose packets have no times: the sum of theirs."""

    def __init__(self) -> None:
        self.seconds = Fraction(0)

    def add(self, packet: "av.Packet[av.stream.Stream]") -> None:
        self.seconds += (packet.duration or 0) * Fraction(packet.time_base)


class _SpanCount:
    """Length of a stream from its first time to its last one."""

    def __init__(self) -> None:
        self._start: Fraction | None = None
        self._end = Fraction(0)

    @property
    def seconds(self) -> Fraction:
        return Fraction(0) if self._start is None else self._end - self._start

    def add(self, packet: "av.Packet[av.stream.Stream]") -> None:
        base = Fraction(packet.time_base)
        begun = self._end if packet.pts is None else packet.pts * base
        self._start = begun if self._start is None else min(begun, self._start)
        self._end = max(begun + (packet.duration or 0) * base, self._end)


class _JumpingCount:
    """Length of a stream whose clock may jump, without the jumps."""

    def __init__(self) -> None:
        self._clock = SourceClock(may_jump=True)
        self._start: Fraction | None = None

    @property
    def seconds(self) -> Fraction:
        return Fraction(0) if self._start is None else self._clock.end - self._start

    @property
    def jumps(self) -> int:
        return self._clock.jumps

    def add(self, packet: "av.Packet[av.stream.Stream]") -> None:
        base = Fraction(packet.time_base)
        time = packet.dts if packet.dts is not None else packet.pts
        at = self._clock.at(None if time is None else time * base, (packet.duration or 0) * base)
        self._start = at if self._start is None else self._start


_StreamCount = _SummedCount | _SpanCount | _JumpingCount


def _last_cluster_milliseconds(descriptor: int, size: int) -> int | None:
    """Return the time of the last cluster of a Matroska file in milliseconds, which is their unit unless said
    otherwise; None if there is none near its end."""
    tail = os.pread(descriptor, MAX_TAIL_BYTES, max(0, size - MAX_TAIL_BYTES))
    place = tail.rfind(CLUSTER_START)
    found = tail.find(bytes([CLUSTER_TIME]), place + 4, place + 40) if place >= 0 else -1
    if found < 0 or not 0x81 <= tail[found + 1] <= 0x88:
        return None
    return int.from_bytes(tail[found + 2 : found + 2 + (tail[found + 1] & 0x0F)], "big") or None


def _said_milliseconds(container: av.container.InputContainer) -> int | None:
    if container.duration is not None and container.duration > 0:
        return _rounded(container.duration * 1000, FFMPEG_TIME_BASE)
    return max((one for stream in container.streams if (one := stream_milliseconds(stream))), default=None)


def stream_milliseconds(stream: av.stream.Stream) -> int | None:
    """Return the duration of a stream as its header says it."""
    duration, base = stream.duration, stream.time_base
    if not duration or duration < 0 or not base:
        return None
    return _rounded(duration * base.numerator * 1000, base.denominator)


def _rounded(numerator: int, denominator: int) -> int:
    """Divide and round to an integer: Fraction took a tenth of the time of reading a small clip."""
    return (2 * numerator + denominator) // (2 * denominator)
