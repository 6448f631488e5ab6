"""Clock references: jumps are found wherever they are in a file, in every layout, and nothing else is taken for one.

The streams are written here, so their clocks and jumps are known.
"""

import tempfile
from collections.abc import Iterable

import pytest

from media.probe.clock_references import ClockScan, ReferenceReader, read_program_clocks

STEP = 0.5
"""Seconds between two references."""
WRAP = (1 << 33) / 90_000


def span(start: float, end: float) -> list[float]:
    return [start + STEP * number for number in range(round((end - start) / STEP) + 1)]


def packet(seconds: float | None, pid: int = 0x100, size: int = 188) -> bytes:
    """A packet of MPEG-TS, with a reference or with data."""
    head = b"\x47" + pid.to_bytes(2, "big")
    if seconds is None:
        body = head + b"\x10" + b"\xaa" * 184
    else:
        ticks = round(seconds * 90_000) % (1 << 33)
        body = head + b"\x30\xb7\x10" + (ticks << 15 | 0x7E00).to_bytes(6, "big") + b"\xff" * 176
    return bytes(size == 192 and 4) + body + bytes(size == 204 and 16)


def transport(times: Iterable[float], filling: int = 8, pid: int = 0x100, size: int = 188) -> bytes:
    fill = packet(None, pid, size) * filling
    return b"".join(packet(time, pid, size) + fill for time in times)


def pack(seconds: float, is_first_version: bool = False) -> bytes:
    """A pack of MPEG-PS, of MPEG-2 or MPEG-1."""
    ticks = round(seconds * 90_000)
    bits = ticks >> 30 << 32 | 1 << 31 | (ticks >> 15 & 0x7FFF) << 16 | 1 << 15 | ticks & 0x7FFF
    clock = (0x2 << 36 | bits << 1 | 1) if is_first_version else (0x1 << 46 | bits << 11 | 1 << 10 | 1)
    return b"\0\0\1\xba" + clock.to_bytes(5 if is_first_version else 6, "big") + b"\x01\x89\xc3\xf8" + bytes(400)


def program(times: Iterable[float], is_first_version: bool = False) -> bytes:
    return b"".join(pack(time, is_first_version) for time in times)


def scan(content: bytes, is_transport: bool = True, **limits: int) -> ClockScan:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return ReferenceReader(file.fileno(), is_transport, **limits).scan(len(content))


STREAMS: dict[str, tuple[bytes, bool, int, float]] = {
    # kind: content, whether it is a transport stream, jumps, seconds
    "even": (transport(span(0, 600)), True, 0, 600),
    "a jump forward": (transport(span(0, 300) + span(5_000, 5_300)), True, 1, 600),
    "back to the beginning": (transport(span(0, 300) + span(0, 300)), True, 1, 600),
    "a step back": (transport(span(0, 4) + span(0, 4)), True, 1, 8),
    "a jump near the beginning": (transport(span(0, 1) + span(90, 290)), True, 1, 201),
    "a jump near the end": (transport(span(0, 200) + span(90, 91)), True, 1, 201),
    "three jumps": (transport(span(0, 50) + span(100, 150) + span(20, 70) + span(500, 550)), True, 3, 200),
    "a clock that reaches its last tick": (transport(span(WRAP - 50, WRAP + 50)), True, 0, 100),
    "packets of Blu-ray": (transport(span(0, 50) + span(500, 550), size=192), True, 1, 100),
    "packets with a checksum": (transport(span(0, 50) + span(500, 550), size=204), True, 1, 100),
    "junk before, and a packet that breaks off": (
        b"G" * 99 + transport(span(0, 50))[:-1_000] + transport(span(0, 50)),
        *(True, 1, 99.5),
    ),
    "another programme after the first": (transport(span(0, 50)) + transport(span(200, 1_200), pid=0x200), True, 1, 0),
    "MPEG-2 packs": (program(span(0, 300) + span(0, 300)), False, 1, 600),
    "MPEG-1 packs": (program(span(0, 300) + span(5_000, 5_300), is_first_version=True), False, 1, 600),
    "no references": (packet(None) * 1_000, True, 0, 0),
    "nothing": (b"", True, 0, 0),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_jumps_are_counted_and_no_time_is_lost(kind: str) -> None:
    content, is_transport, jumps, seconds = STREAMS[kind]
    found = scan(content, is_transport)
    assert found.jumps == jumps
    if seconds:
        assert found.milliseconds == pytest.approx(seconds * 1000, abs=1)


@pytest.mark.parametrize("kind", [kind for kind, (_, _, _, seconds) in STREAMS.items() if seconds])
def test_jumps_are_found_in_a_file_that_is_not_read_whole(kind: str) -> None:
    content, is_transport, jumps, seconds = STREAMS[kind]
    found = scan(content, is_transport, max_bytes=64_000, place_bytes=4_000, read_bytes=20_000)
    assert found.jumps == jumps
    assert found.milliseconds == pytest.approx(seconds * 1000, abs=1)


def test_what_looks_like_a_pack_is_none() -> None:
    assert read_program_clocks(b"\0\0\1\xba" + b"\x44" * 20) == ([], 14)
