"""Rotation of pictures from a camera held sideways, as flagged in the file."""

from typing import TYPE_CHECKING, Any

from media.shaping import TICK, TURNS

if TYPE_CHECKING:
    import av


class Turn:
    """Rotates consecutive pictures of one size."""

    def __init__(self, degrees: int) -> None:
        self.keeps_sides = abs(degrees) == 180
        self._steps = [("hflip", None), ("vflip", None)] if self.keeps_sides else [("transpose", TURNS[degrees])]
        self._graph: Any = None
        self._count = 0

    def turned(self, picture: "av.VideoFrame") -> "av.VideoFrame":
        """Return the picture upright."""
        if self._graph is None:
            self._build(picture)
        picture.pts, picture.time_base = self._count, TICK
        self._count += 1
        self._graph.push(picture)
        return self._graph.pull()

    def _build(self, first: "av.VideoFrame") -> None:
        import av  # noqa: PLC0415

        self._graph = av.filter.Graph()
        end = self._graph.add_buffer(width=first.width, height=first.height, format=first.format.name, time_base=TICK)
        for name, arguments in [*self._steps, ("buffersink", None)]:
            step = self._graph.add(name, arguments)
            end.link_to(step)
            end = step
        self._graph.configure()


def turn_of(picture: "av.VideoFrame") -> Turn | None:
    """Return the rotation that makes a picture upright; None if it is already."""
    degrees = -round(picture.rotation)
    return Turn(degrees) if degrees in TURNS or abs(degrees) == 180 else None
