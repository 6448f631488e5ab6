"""Paths are bytes: a name need not be UTF-8, and NFC and NFD twins are two files on disk."""

import re

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def display_text(path: bytes) -> str:
    """The path for people, PostgreSQL and JSON; never an identity.

    Undecodable bytes show as `\\xNN`, and so do control characters: a name must not steer the terminal that shows it.
    """
    text = path.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def clean_text(text: str) -> str:
    """A text that came out of a path, where a lone surrogate stands for a byte: PostgreSQL and JSON refuse those."""
    return text if text.isprintable() else display_text(text.encode("utf-8", "surrogateescape"))


def join_path(folder: bytes, name: bytes) -> bytes:
    """A path below the root; the root folder itself is the empty path."""
    return folder + b"/" + name if folder else name


def parent_of(path: bytes) -> bytes:
    """The folder that holds `path`; the empty path is its own parent."""
    return path.rpartition(b"/")[0]


def name_of(path: bytes) -> bytes:
    """The last part of `path`."""
    return path.rpartition(b"/")[2]


def ancestors_of(path: bytes) -> list[bytes]:
    """Every folder on the way from the root to `path`, both included, the root (empty path) first."""
    parts = path.split(b"/") if path else []
    return [b"/".join(parts[:depth]) for depth in range(len(parts) + 1)]
