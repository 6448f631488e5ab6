"""Small real media files for tests, created once."""

from functools import cache
from pathlib import Path

from media.demo.drawing import Scene, ball_runs
from media.demo.encoding import DEMO_H264
from media.demo.production import render_clip, render_frame, render_still, render_tone

SCENE = Scene(ball_runs(30), (230, 90, 60), sky=(40, 60, 110), floor=(200, 150, 120))


@cache
def bytes_of(kind: str) -> bytes:
    """A clip of two seconds with sound, a sound of two seconds, a still, or a film frame."""
    makers = {
        "mp4": lambda: render_clip(DEMO_H264, SCENE, 440),
        "wav": lambda: render_tone(440),
        "png": lambda: render_still(SCENE),
    }
    return makers.get(kind, lambda: render_frame(SCENE, 1001))()


def put(root: Path, *names: str) -> None:
    """Write real media under these names, by their extensions."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes_of(path.suffix[1:]))
