"""Words for messages and history: numbers with nouns, labels of structures, positions in a clip."""

STRUCTURE_LABELS = {
    "image_sequence": "image sequence",
    "multi_camera": "multi-camera take",
    "stereoscopic": "stereoscopic pair",
    "separate_tracks": "picture and sound in separate files",
    "captioned_video": "video with captions",
    "single": "single video",
    "live_photo": "live photo",
    "audio": "sound",
    "image": "picture",
    "document": "document",
    "other": "file",
}

FORMULA_PREFIXES = frozenset("=+-@＝＋－＠")
"""Prefixes that spreadsheets evaluate (OWASP, CSV injection)."""
UNCOUNTABLE_STRUCTURES = frozenset({"separate_tracks", "audio"})
"""Structures with labels that take no article: not "a sound" or "a picture and sound"."""


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 file`, `48 files`, `2 indexes`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def label_structure(structure: str) -> str:
    """Return the label of a structure."""
    return STRUCTURE_LABELS.get(structure, structure)


def label_structure_with_article(structure: str) -> str:
    """Return the label of a structure with its indefinite article."""
    words = label_structure(structure)
    if structure in UNCOUNTABLE_STRUCTURES:
        return words
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def format_clock_time(milliseconds: int, point: str = ".") -> str:
    """Format as `00:01:02.500`; SubRip uses a comma as `point`. Hours have at least two digits."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"


def escape_csv_cell(text: str) -> str:
    """Escape a cell that a spreadsheet would evaluate, with a leading apostrophe."""
    beginning = text.lstrip()[:1]
    return f"'{text}" if beginning in FORMULA_PREFIXES or text[:1] in {"\t", "\r", "\n"} else text
