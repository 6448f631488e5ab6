"""The documentation pages, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent.parent
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SEPARATORS = frozenset({"|", "||", "&&", ";", "&", "(", ")"})
BEFORE = frozenset({"exec", "sudo", "nohup", "until", "while", "do", "done"})
"""Words that may precede a command, or replace it."""
IN_A_SHELL = frozenset({"mkdir", "chmod", "openssl", "echo", "grep", "sleep"})
"""Standard programs: a shell runs a line with one of them unchanged."""
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command as typed, and the page that contains it."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> Iterator[Command]:
    """Yield every command in the documentation."""
    for page in pages():
        name = page.relative_to(ROOT).as_posix()
        for line in typed_lines(page.read_text(encoding="utf-8")):
            yield from (Command(name, words) for words in simple_commands(line))


def is_run(command: Command) -> bool:
    """Whether tests/docs/test_commands_run.py runs the command."""
    return PurePosixPath(command.words[0]).name in {"tapeless", "curl", *IN_A_SHELL}


def typed_lines(text: str) -> Iterator[str]:
    """Yield the lines to type: all of a `sh` block; in a `console` block those after a dollar, the rest is output."""
    for language, block in FENCED.findall(text):
        lines = block.replace("\\\n", " ").splitlines()
        if language in ("sh", "bash"):
            yield from lines
        elif language == "console":
            yield from (line[2:] for line in lines if line.startswith("$ "))


def simple_commands(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands of one line, without variable assignments, redirections and comments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in (*lexer, ";"):
        if word not in SEPARATORS:
            words.append(word)
            continue
        while words and (ASSIGNMENT.match(words[0]) or words[0] in BEFORE):
            del words[0]
        if words:
            yield tuple(_without_redirections(words))
        words = []


def _without_redirections(words: list[str]) -> Iterator[str]:
    is_target = False
    for word in words:
        if set(word) <= {"<", ">", "&"}:
            is_target = True
        elif not is_target:
            yield word
        else:
            is_target = False
