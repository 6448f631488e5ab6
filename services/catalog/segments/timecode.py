"""Format milliseconds for people and caption files."""


def format_clock_time(milliseconds: int, point: str = ".") -> str:
    """Format as `00:01:02.500`; SubRip uses a comma as `point`. Hours have at least two digits."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"
