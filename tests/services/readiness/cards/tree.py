"""Trees of files in memory, faults that damage them, and sums over them.

Payloads are not media: a few thousand deterministic bytes behind the first bytes that a file of this kind has.
"""

import base64
import hashlib
import os
import shutil
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

Tree = dict[str, bytes | None]
"""Contents by path relative to the root. None is an empty folder."""

Maker = Callable[[], Tree]
Change = Callable[[Tree], Tree]
Writer = Callable[[Path], None]
Answer = Literal["proven", "refuted", "not provable"]

MODIFIED = 1705320000
"""Every file was modified 2024-01-15T12:00:00Z."""

MAGIC = {
    ".MXF": bytes.fromhex("060e2b34020501010d01020101020400"),
    ".MP4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    ".LRV": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    ".MOV": b"\0\0\0\x14ftypqt  \0\0\2\0qt  ",
    ".MTS": b"\0\0\0\0\x47\x40\0\x10",
    ".BMP": b"BM",
    ".JPG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    ".THM": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    ".R3D": b"\0\0\1\0RED2",
    ".EXR": b"\x76\x2f\x31\x01\2\0\0\0",
    ".DPX": b"SDPX",
    ".WAV": b"RIFF\0\0\0\0WAVE",
}

CAMERA = ("--level", "complete")
"""No camera states sums, so an index alone is asked whether all is there."""

AGAINST = ("--against", "{other}")
"""The second copy is written by `Fixture.other`; `{other}` stands for its path."""

READ = ("--read",)
FRAMES = ("--level", "complete", "--frames")


@dataclass(frozen=True)
class Fixture:
    """What is written, what is asked, and what has to be answered."""

    name: str
    structure: str
    write: Writer
    expected: Answer
    why: str
    args: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    other: Writer | None = None


def made(make: Maker, *changes: Change) -> Writer:
    """A function that writes what `make` returns, after `changes`, into a folder."""

    def write(root: Path) -> None:
        tree = make()
        for change in changes:
            tree = change(tree)
        save(tree, root)

    return write


def save(tree: Tree, root: Path) -> None:
    """Write `tree` into `root`, which is emptied before."""
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    for name, content in sorted(tree.items()):
        path = root / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (MODIFIED, MODIFIED))


def under(folder: str, tree: Tree) -> Tree:
    """The same tree one folder deeper."""
    return {f"{folder}/{name}": content for name, content in tree.items()}


def payload(name: str, size: int = 3000) -> bytes:
    """Bytes that depend on nothing but the name, with the first bytes of such a file."""
    blocks = (hashlib.sha256(f"{name}:{number}".encode()).digest() for number in range(size // 32 + 1))
    content = MAGIC.get(PurePosixPath(name).suffix.upper(), b"") + b"".join(blocks)
    return content[:size]


def files(names: Iterable[str], size: int = 3000) -> Tree:
    """A payload for each of `names`."""
    return {name: payload(name, size) for name in names}


def text(value: str) -> bytes:
    """A text without its first line feed, as UTF-8."""
    return value.removeprefix("\n").encode()


def remove(*names: str) -> Change:
    """Without these files, or without all whose path starts so where a name ends in `*`."""

    def change(tree: Tree) -> Tree:
        gone = {
            path for path in tree for name in names if path == name or (name[-1] == "*" and path.startswith(name[:-1]))
        }
        assert gone
        return {path: content for path, content in tree.items() if path not in gone}

    return change


def cut(name: str, size: int) -> Change:
    """Only the first bytes of a file, as after a copy that stopped."""

    def change(tree: Tree) -> Tree:
        assert size < len(content_of(tree, name))
        return tree | {name: content_of(tree, name)[:size]}

    return change


def first_lines(name: str, count: int) -> Change:
    """Only the first lines of a file."""
    return lambda tree: tree | {name: b"".join(content_of(tree, name).splitlines(keepends=True)[:count])}


def flip(name: str, at: int = -100) -> Change:
    """One bit is another."""

    def change(tree: Tree) -> Tree:
        content = bytearray(content_of(tree, name))
        content[at] ^= 0x10
        return tree | {name: bytes(content)}

    return change


def swap(first: str, second: str) -> Change:
    """Two files under each other's names."""
    return lambda tree: tree | {first: content_of(tree, second), second: content_of(tree, first)}


def rename(old: str, new: str) -> Change:
    """A file under another name."""

    def change(tree: Tree) -> Tree:
        assert old in tree
        assert new not in tree
        return {new if path == old else path: content for path, content in tree.items()}

    return change


def put(name: str, content: bytes | None) -> Change:
    """One file more, or another content."""
    return lambda tree: tree | {name: content}


def replace(name: str, old: str, new: str) -> Change:
    """Another text within a file."""

    def change(tree: Tree) -> Tree:
        content = content_of(tree, name)
        assert old.encode() in content
        return tree | {name: content.replace(old.encode(), new.encode(), 1)}

    return change


def junk(*folders: str) -> Change:
    """What desktops leave behind: in the root and in `folders`."""

    def change(tree: Tree) -> Tree:
        added: Tree = {".DS_Store": b"\0\0\0\1Bud1", "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}
        for folder in folders:
            added |= {f"{folder}/.DS_Store": b"\0\0\0\1Bud1", f"{folder}/._clip.mov": bytes.fromhex("0005160700020000")}
        return tree | added

    return change


def content_of(tree: Tree, name: str) -> bytes:
    """The bytes of a file."""
    content = tree[name]
    assert content is not None
    return content


def sum_of(algorithm: str, content: bytes) -> str:
    """A sum as lists write it."""
    if algorithm == "xxh64":
        return f"{xxh64(content):016x}"
    if algorithm == "c4":
        return c4(content)
    return hashlib.new(algorithm, content).hexdigest()


def sha1_base64(content: bytes) -> str:
    """A sum as packing lists write it."""
    return base64.b64encode(hashlib.sha1(content).digest()).decode()


def c4(content: bytes) -> str:
    """SMPTE ST 2114: SHA-512 in base 58, 90 characters."""
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    value = int.from_bytes(hashlib.sha512(content).digest(), "big")
    result = ""
    while value:
        value, digit = divmod(value, 58)
        result = digits[digit] + result
    return "c4" + result.rjust(88, "1")


def xxh64(content: bytes, seed: int = 0) -> int:
    """XXH64 by the specification of the xxHash family."""
    p1, p2, p3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
    p4, p5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
    mask = 0xFFFFFFFFFFFFFFFF

    def rotate(value: int, bits: int) -> int:
        return (value << bits | value >> 64 - bits) & mask

    def step(lane: int, value: int) -> int:
        return rotate((lane + value * p2) & mask, 31) * p1 & mask

    at = 0
    if len(content) >= 32:
        lanes = [(seed + p1 + p2) & mask, (seed + p2) & mask, seed, (seed - p1) & mask]
        while at + 32 <= len(content):
            lanes = [
                step(lane, value) for lane, value in zip(lanes, struct.unpack_from("<4Q", content, at), strict=True)
            ]
            at += 32
        result = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & mask
        for lane in lanes:
            result = ((result ^ step(0, lane)) * p1 + p4) & mask
    else:
        result = (seed + p5) & mask
    result = (result + len(content)) & mask
    while at + 8 <= len(content):
        result = (rotate(result ^ step(0, struct.unpack_from("<Q", content, at)[0]), 27) * p1 + p4) & mask
        at += 8
    if at + 4 <= len(content):
        result = (rotate(result ^ struct.unpack_from("<I", content, at)[0] * p1 & mask, 23) * p2 + p3) & mask
        at += 4
    for byte in content[at:]:
        result = rotate(result ^ byte * p5 & mask, 11) * p1 & mask
    for bits, prime in ((33, p2), (29, p3), (32, 1)):
        result = (result ^ result >> bits) * prime & mask
    return result
