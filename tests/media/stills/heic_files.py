"""HEIC files, written box by box around pictures of libx265: pi-heif only reads them."""

import io
import struct
from fractions import Fraction

import av
from PIL import Image

TILE = 64


def box(kind: bytes, *content: bytes) -> bytes:
    """A box of an ISO file."""
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def encode_tiles(colors: list[tuple[int, int, int]]) -> tuple[bytes, list[bytes]]:
    """The decoder's configuration, and a key picture for each colour."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=1, options={"x265-params": "keyint=1:log-level=none"})
        stream.width, stream.height, stream.pix_fmt = TILE, TILE, "yuv420p"
        for number, color in enumerate(colors):
            frame = av.VideoFrame.from_image(Image.new("RGB", (TILE, TILE), color))
            frame.pts, frame.time_base = number, Fraction(1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content = target.getvalue()
    place = content.index(b"hvcC") - 4
    (size,) = struct.unpack_from(">I", content, place)
    with av.open(io.BytesIO(content)) as container:
        tiles = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    return content[place : place + size], tiles


def heic(colors: list[list[tuple[int, int, int]]], turned: int = 0) -> bytes:
    """A picture assembled from rows of tiles; `turned` is its counter-clockwise rotation in quarters."""
    rows, columns = len(colors), len(colors[0])
    flat = [color for row in colors for color in row]
    palette = sorted(set(flat))
    configuration, pictures = encode_tiles(palette)
    tiles = [pictures[palette.index(color)] for color in flat]
    count, grid_id = len(tiles), len(tiles) + 1
    width, height = columns * TILE, rows * TILE
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    infos = [full(b"infe", struct.pack(">HH", item, 0), b"hvc1\0", version=2) for item in range(1, count + 1)]
    infos.append(full(b"infe", struct.pack(">HH", grid_id, 0), b"grid\0", version=2))
    properties = [
        configuration,
        full(b"ispe", struct.pack(">II", TILE, TILE)),
        full(b"ispe", struct.pack(">II", width, height)),
        box(b"irot", bytes([turned])),
    ]
    uses = b"".join(struct.pack(">HBBB", item, 2, 0x81, 0x02) for item in range(1, count + 1))
    uses += struct.pack(">HBBB", grid_id, 2, 0x03, 0x84)
    references = box(
        b"dimg", struct.pack(">HH", grid_id, count), *(struct.pack(">H", at) for at in range(1, count + 1))
    )

    def assemble(start: int) -> bytes:
        places = b""
        at = start
        for item, data in enumerate([*tiles, grid], 1):
            places += struct.pack(">HHHII", item, 0, 1, at, len(data))
            at += len(data)
        return box(b"ftyp", b"heic", b"\0\0\0\0", b"mif1heic") + full(
            b"meta",
            full(b"hdlr", b"\0\0\0\0pict" + bytes(13)),
            full(b"pitm", struct.pack(">H", grid_id)),
            full(b"iloc", struct.pack(">BBH", 0x44, 0x00, count + 1), places),
            full(b"iinf", struct.pack(">H", count + 1), *infos),
            full(b"iref", references),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", struct.pack(">I", count + 1), uses)),
        )

    head = assemble(0)
    return assemble(len(head) + 8) + box(b"mdat", *tiles, grid)
