"""Milliseconds as people and caption files write them."""


def clock(milliseconds: int, point: str = ".") -> str:
    """`00:01:02.500`; SubRip has a comma for the point. Hours have two digits, or as many as they need."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"
