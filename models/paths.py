"""Paths are bytes: a name need not be UTF-8, and NFC and NFD twins are two files on disk."""


def display_text(path: bytes) -> str:
    """The path for people, PostgreSQL and JSON: undecodable bytes show as `\\xNN`; never an identity."""
    return path.decode("utf-8", "backslashreplace")


def clean_text(text: str) -> str:
    """A text that came out of a path, where a lone surrogate stands for a byte: PostgreSQL and JSON refuse those."""
    return text if text.isascii() else display_text(text.encode("utf-8", "surrogateescape"))


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
