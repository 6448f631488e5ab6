"""Paths are bytes: a name need not be UTF-8, and NFC and NFD twins are two files on disk."""

import re

MAX_ERROR_LENGTH = 2_000
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that change the direction of the text after them: "gpj.exe" behind one reads "exe.jpg"."""


def display_path(path: bytes) -> str:
    """Return the path as text for people, PostgreSQL and JSON; never an identity.

    Undecodable bytes and control characters become `\\xNN`, and marks of direction `\\uNNNN`: a name must not steer the
    terminal that shows it, nor read as another name.
    """
    text = path.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else escape_controls(text)


def escape_controls(text: str) -> str:
    """Return a text with its control characters and marks of direction escaped."""
    return escape_directions(_CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text))


def escape_directions(text: str) -> str:
    """Return a text with its marks of direction escaped."""
    return _DIRECTIONS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escape_surrogates(text: str) -> str:
    """Return a text derived from a path, with lone surrogates escaped: PostgreSQL and JSON refuse those."""
    return text if text.isprintable() else display_path(text.encode("utf-8", "surrogateescape"))


def storable_text(text: str) -> str:
    """Return a reason that can be stored: names of files may hold what PostgreSQL refuses."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")[:MAX_ERROR_LENGTH]


def join_path(folder: bytes, name: bytes) -> bytes:
    """Join a folder below the root and a name; the root folder itself is the empty path."""
    return folder + b"/" + name if folder else name


def is_path_inside(path: bytes, folder: bytes) -> bool:
    """Return whether `path` is `folder` or below it; both are absolute, or both below a root, which is empty then."""
    return not folder or path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def parent_path(path: bytes) -> bytes:
    """Return the folder that contains `path`; the empty path is its own parent."""
    return path.rpartition(b"/")[0]


def base_name(path: bytes) -> bytes:
    """Return the last part of `path`."""
    return path.rpartition(b"/")[2]


def ancestor_paths(path: bytes) -> list[bytes]:
    """Return every folder from the root (the empty path) to `path`, both included."""
    parts = path.split(b"/") if path else []
    return [b"/".join(parts[:depth]) for depth in range(len(parts) + 1)]
