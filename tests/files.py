"""Putting files on a disk, as people and programs do."""

from pathlib import Path


def write(root: Path, *names: str, content: str | None = None) -> None:
    """Write files below `root`, each with its own name as content unless another is given."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name if content is None else content)


def drop(elsewhere: Path, root: Path, *names: str) -> None:
    """Write files beside the root and rename them into place, finished, as a transfer does."""
    for name in names:
        made = elsewhere / "being written"
        made.write_text(name)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made.rename(path)
