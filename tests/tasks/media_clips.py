"""Small real media files for tests, created once."""

from functools import cache
from pathlib import Path

from media.demo import clip, frame, sound, still
from media.drawing import Scene, ball
from media.writing import H264

SCENE = Scene(ball(30), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120))


@cache
def bytes_of(kind: str) -> bytes:
    """A clip of two seconds with sound, a sound of two seconds, a still, or a film frame."""
    makers = {"mp4": lambda: clip(H264, SCENE, 440), "wav": lambda: sound(440), "png": lambda: still(SCENE)}
    return makers.get(kind, lambda: frame(SCENE, 1001))()


def put(root: Path, *names: str) -> None:
    """Write real media under these names, by their extensions."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes_of(path.suffix[1:]))
