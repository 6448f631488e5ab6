"""Rotation of pictures from a camera held sideways, as flagged in the file."""

from typing import TYPE_CHECKING

from media.pictures.scaling import PICTURE_TIME_BASE, TRANSPOSE_DIRECTIONS

if TYPE_CHECKING:
    import av


class Rotation:
    """Rotates consecutive pictures of one size."""

    def __init__(self, degrees: int) -> None:
        self.keeps_orientation = abs(degrees) == 180
        self._steps: list[tuple[str, str | None]] = (
            [("hflip", None), ("vflip", None)]
            if self.keeps_orientation
            else [("transpose", TRANSPOSE_DIRECTIONS[degrees])]
        )
        self._graph: av.filter.Graph | None = None
        self._count = 0

    def turned(self, picture: "av.VideoFrame") -> "av.VideoFrame":
        """Return the picture upright."""
        if self._graph is None:
            self._graph = self._build(picture)
        picture.pts, picture.time_base = self._count, PICTURE_TIME_BASE
        self._count += 1
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _build(self, first: "av.VideoFrame") -> "av.filter.Graph":
        import av  # noqa: PLC0415

        graph = av.filter.Graph()
        end = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=PICTURE_TIME_BASE)
        for name, arguments in [*self._steps, ("buffersink", None)]:
            step = graph.add(name, arguments)
            end.link_to(step)
            end = step
        graph.configure()
        return graph


def find_rotation(picture: "av.VideoFrame") -> Rotation | None:
    """Return the rotation that makes a picture upright; None if it is already."""
    degrees = -round(picture.rotation)
    return Rotation(degrees) if degrees in TRANSPOSE_DIRECTIONS or abs(degrees) == 180 else None
