"""Numbers of a file system as PostgreSQL's signed 64-bit integers: any value that `lstat` returns has one."""

MIN_BIGINT, MAX_BIGINT = -(2**63), 2**63 - 1
UNSIGNED_RANGE = 2**64


def to_signed_bigint(number: int) -> int:
    """Convert unsigned 64-bit inodes and devices: the upper half becomes negative, so that all stay distinct."""
    return number - UNSIGNED_RANGE if number > MAX_BIGINT else number


def clamp_bigint(number: int) -> int:
    """Return the nearest number that fits: nanoseconds since 1970 do so from 1678 to 2262."""
    # Asked for each file of a scan: a comparison costs a fifth of `min` and `max`.
    return number if MIN_BIGINT <= number <= MAX_BIGINT else min(max(number, MIN_BIGINT), MAX_BIGINT)


def is_clamped(number: int) -> bool:
    """Whether a stored number may stand for one beyond it."""
    return number in (MIN_BIGINT, MAX_BIGINT)
