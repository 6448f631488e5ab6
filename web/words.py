"""Numbers in the words of people: sizes, durations, rates, and how long to wait."""

from datetime import UTC, datetime
from fractions import Fraction

from services.core.text import pluralize
from services.renditions.playback import PlaybackWait
from services.viewing.assets import MediaFacts, ShownFormat

DONE_WORDS = {
    "split": "Split off. The files that stayed are grouped again.",
    "merged": "Merged. It can be undone here.",
    "undone": "Undone. The files are grouped by the rules again.",
    "transcode": "A copy to watch is being made. It appears here when it is ready.",
    "rebuild": "Headers, previews and renditions are being made again.",
    "reindexed": "Indexed again.",
    "related": "Related.",
    "unrelated": "The relation was removed.",
    "collected": "Added to the collection.",
    "uncollected": "Taken out of the collection.",
    "approved": "Approved.",
    "voted": "Your vote was recorded.",
    "tagged": "The tags were added.",
    "to-share": "This collection holds what you chose. Share it below.",
    "made": "Made.",
    "renamed": "Saved.",
    "moved": "Moved.",
    "deleted": "Deleted.",
    "scan": "A scan was requested; it begins within seconds.",
    "paused": "Paused. Nothing is read from its folder, and nothing is marked missing.",
    "resumed": "It is watched again, beginning with a scan.",
    "confirmed": "Confirmed. The catalog follows the disk within seconds.",
    "removed": "The storage was removed. Nothing was deleted from disk.",
    "regroup": "The profile was set. The files are being grouped again.",
    "revoked": "The token ended; what used it is signed out.",
    "same-profile": "It has this profile already; nothing was changed.",
}
"""What a page says after an action, by the word in its address."""
USER_TYPES = {
    "STANDARD": "works with assets",
    "POWER": "power user",
    "BROWSE_ONLY": "only looks",
    "BROWSE_API_ONLY": "only looks, by programs",
}
USER_STATES = {"ACTIVE": "active", "INACTIVE": "inactive", "BLOCKED": "blocked"}
FILE_STATES = {
    "OPEN": "empty",
    "GROWING": "being written",
    "AWAITED": "awaited",
    "CLOSED": "",
    "FAILED": "unreadable",
    "MISSING": "missing",
    "REDISCOVERED": "came back",
    "DELETED": "deleted",
}
SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def format_size(size: int) -> str:
    """Format a size in bytes with decimal units: 1 kB is 1,000 bytes, as disks are sold."""
    amount, unit = float(size), 0
    while amount >= 999.5 and unit < len(SIZE_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {SIZE_UNITS[unit]}" if unit < 2 or amount >= 99.5 else f"{amount:.1f} {SIZE_UNITS[unit]}"


def format_utc(moment: datetime) -> str:
    """Format a time in UTC."""
    return f"{moment.astimezone(UTC):%d %b %Y, %H:%M} UTC"


def describe_duration(milliseconds: int) -> str:
    """Describe a duration: `1 hour 2 minutes`, `2 minutes 5 seconds`, `0.4 seconds`."""
    if milliseconds < 9_950:
        text = f"{milliseconds / 1000:.1f}".removesuffix(".0")
        return f"{text} second" if text == "1" else f"{text} seconds"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _join_counts((hours, "hour"), (minutes, "minute"))
    return _join_counts((minutes, "minute"), (seconds, "second"))


def _join_counts(*counts: tuple[int, str]) -> str:
    return " ".join(pluralize(number, noun) for number, noun in counts if number)


def describe_rate(rate: str) -> str | None:
    """Describe a frame rate as people say it: `23.98 frames a second`; None for what is no rate."""
    try:
        number = float(Fraction(rate))
    except (ValueError, ZeroDivisionError):
        return None
    return f"{number:.2f}".rstrip("0").rstrip(".") + " frames a second"


def describe_media(media: MediaFacts) -> list[str]:
    """Describe duration, size of the picture and rate, as far as they are known."""
    words = [describe_duration(media.duration_ms)] if media.duration_ms else []
    if media.width and media.height:
        words.append(f"{media.width} × {media.height}")
    rate = describe_rate(media.frame_rate) if media.frame_rate else None
    return [*words, rate] if rate else words


def describe_shown_format(one: ShownFormat) -> str:
    """Describe a format in one line: media, files and size."""
    return " · ".join([*describe_media(one.media), pluralize(one.count, "file"), format_size(one.size)])


def describe_age(moment: datetime) -> str:
    """Say how long ago a time was, in its largest unit."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return pluralize(seconds // size, noun)
    return pluralize(seconds, "second")


def describe_wait(wait: PlaybackWait) -> str:
    """Say how long it takes until a clip can be watched."""
    if wait.seconds is not None:
        return f"It can be watched in about {describe_duration(round_up(wait.seconds) * 1000)}."
    if wait.ahead:
        return f"{pluralize(wait.ahead, 'other clip')} {'is' if wait.ahead == 1 else 'are'} made ready before it."
    return "This has just begun; how long it takes is known in a moment."


def round_up(seconds: int) -> int:
    """Round up to 5 seconds, beyond two minutes to minutes: an estimate is not more precise."""
    step = 5 if seconds <= 120 else 60
    return max(step, -(-seconds // step) * step)
