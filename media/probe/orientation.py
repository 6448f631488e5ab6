"""Orientation of pictures: how stored rows are turned and mirrored to be seen upright.

The eight orientations are those of EXIF; a display matrix, as in MP4, MOV and MKV, becomes one of them.
"""

from enum import IntEnum


class Orientation(IntEnum):
    """What makes a picture upright, by the number of EXIF."""

    UPRIGHT = 1
    MIRROR = 2
    HALF_TURN = 3
    FLIP = 4
    TRANSPOSE = 5
    CLOCKWISE = 6
    TRANSVERSE = 7
    COUNTERCLOCKWISE = 8

    @property
    def swaps_sides(self) -> bool:
        """Whether the upright picture is as wide as the stored one is high."""
        return self >= Orientation.TRANSPOSE

    @property
    def degrees(self) -> int:
        """Clockwise rotation that makes it upright, beside a mirroring."""
        return _DEGREES[self]

    @property
    def is_mirrored(self) -> bool:
        """Whether it is stored as seen in a mirror."""
        return self in (Orientation.MIRROR, Orientation.FLIP, Orientation.TRANSPOSE, Orientation.TRANSVERSE)


_DEGREES = dict(zip(Orientation, (0, 0, 180, 180, 270, 90, 90, 270), strict=True))
"""As ExifTool names them: a mirrored picture is mirrored horizontally first, then rotated."""
_BY_STRAIGHT_SIGNS = {(1, 1): 1, (-1, 1): 2, (-1, -1): 3, (1, -1): 4}
_BY_TURNED_SIGNS = {(1, 1): 5, (1, -1): 6, (-1, -1): 7, (-1, 1): 8}


def parse_orientation(value: object) -> Orientation:
    """Return the orientation of an EXIF value; UPRIGHT for an invalid one."""
    return Orientation(value) if isinstance(value, int) and 1 <= value <= 8 else Orientation.UPRIGHT


def orientation_of_matrix(a: int, b: int, c: int, d: int) -> Orientation:
    """Return the orientation of a display matrix, by its dominant terms: (x, y) is shown at (ax + cy, bx + dy)."""

    def signs(one: int, other: int) -> tuple[int, int]:
        return (-1 if one < 0 else 1, -1 if other < 0 else 1)

    is_straight = abs(a) + abs(d) >= abs(b) + abs(c)
    return Orientation(_BY_STRAIGHT_SIGNS[signs(a, d)] if is_straight else _BY_TURNED_SIGNS[signs(b, c)])
