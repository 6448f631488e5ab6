"""The pages that people read, and the commands that stand in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent.parent
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SEPARATORS = frozenset({"|", "||", "&&", ";", "&", "(", ")"})
BEFORE = frozenset({"exec", "sudo", "nohup", "until", "while", "do", "done"})
"""What may stand before a command, or in its place."""
IN_A_SHELL = frozenset({"mkdir", "openssl", "echo", "grep", "sleep"})
"""Programs of every machine: a line with one of them is run as it stands, by a shell."""
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command as somebody would type it, and the page that says so."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> Iterator[Command]:
    """Every command that a page tells people to type."""
    for page in pages():
        name = page.relative_to(ROOT).as_posix()
        for line in typed_lines(page.read_text(encoding="utf-8")):
            yield from (Command(name, words) for words in simple_commands(line))


def is_run(command: Command) -> bool:
    """Whether it is of those that tests/docs/test_commands_run.py runs, each in its way."""
    return PurePosixPath(command.words[0]).name in {"tapeless", "curl", *IN_A_SHELL}


def typed_lines(text: str) -> Iterator[str]:
    """The lines to type: all of a `sh` block; of a `console` block those behind a dollar, the rest is the answer."""
    for language, block in FENCED.findall(text):
        lines = block.replace("\\\n", " ").splitlines()
        if language in ("sh", "bash"):
            yield from lines
        elif language == "console":
            yield from (line[2:] for line in lines if line.startswith("$ "))


def simple_commands(line: str) -> Iterator[tuple[str, ...]]:
    """The commands of one line, without what is set before them, where they write to, and what stands after a `#`."""
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
