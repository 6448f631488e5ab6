"""A picture of a terminal for the documentation, as an SVG that asks no other host for a font."""

import re
from collections.abc import Iterable
from io import StringIO

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDTH = 104
FONTS = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)


def draw_terminal(title: str, typed: Iterable[tuple[str, str]]) -> str:
    """Draw commands with their output."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    for command, output in typed:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        for line in output.splitlines():
            console.print(Text(line, overflow="ellipsis", no_wrap=True))
    # A fixed id, so that the same output is the same file.
    return console.export_svg(title=title, code_format=FONTS.sub("", CONSOLE_SVG_FORMAT), unique_id="terminal")
