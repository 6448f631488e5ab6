"""Documented commands that no test can run, each with the reason and a static check."""

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import click
from celery.bin.celery import celery

from tests.compose.host import read_compose
from tests.docs.pages import ROOT, Command
from tests.docs.parsing import faults
from workers.celery.app import QUEUES
from workers.main import main

Words = tuple[str, ...]
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
VALUED = frozenset({"--env", "--volume"})
"""Options of docker that take a value."""


def of_tapeless(words: Words) -> Iterator[str]:
    """Check that the program has these options."""
    yield from filter(None, [faults(main, words[1:])])


def of_make(words: Words) -> Iterator[str]:
    """Check that its targets and variables are in the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words[1:]:
        name, is_variable, _ = word.partition("=")
        known = f"$({name})" in text if is_variable else name in TARGET.findall(text)
        if not known:
            yield f"the Makefile has no {word}"


def of_compose(words: Words) -> Iterator[str]:
    """Check that its services are in compose.yaml, and that they run a command of ours."""
    services = read_compose()["services"]
    action, rest = words[2], list(words[3:])
    while rest and rest[0].startswith("--"):
        del rest[: 2 if rest[0] in VALUED else 1]
    if action == "up":
        named = rest
    elif action == "cp":
        named = [word.partition(":")[0] for word in rest if ":" in word]
    else:
        named = rest[:1]
        yield from of_tapeless(tuple(rest[1:])) if rest[1] == "tapeless" else [f"runs {rest[1]}"]
    if action not in ("up", "cp", "exec", "run"):
        yield f"docker compose {action} is not known here"
    yield from (f"compose.yaml has no service {name}" for name in named if name not in services)


def of_chown(words: Words) -> Iterator[str]:
    """Check that the user is the image's."""
    if f"--uid {words[1]} " not in (ROOT / "Dockerfile").read_text(encoding="utf-8"):
        yield f"the image has no user {words[1]}"


def of_celery(words: Words) -> Iterator[str]:
    """Check its options against Celery's, and its application and queues against ours."""
    group: click.Command = celery
    rest = words[1:]
    if rest[:2] != ("-A", "workers.app"):
        yield "names another application"
    yield from filter(None, [faults(group, rest[2:])])
    queues = rest[rest.index("-Q") + 1].split(",") if "-Q" in rest else []
    yield from (f"no queue is called {name}" for name in queues if name not in QUEUES)


def of_sysctl(words: Words) -> Iterator[str]:
    """Check that the kernel has these settings."""
    for word in words[1:]:
        if not Path("/proc/sys", *word.partition("=")[0].split(".")).exists():
            yield f"the kernel has no {word}"


def of_python(words: Words) -> Iterator[str]:
    """Check that the module exists, and the tests that are passed to it."""
    if words[1] != "-m" or importlib.util.find_spec(words[2]) is None:
        yield f"no module {words[2]}"
    yield from (
        f"{word} is not there" for word in words[3:] if word.startswith("tests/") and not (ROOT / word).exists()
    )


def of_ruff(words: Words) -> Iterator[str]:
    """Check that `make test` runs it too."""
    if f"$(BIN)/ruff {words[1]}" not in (ROOT / "Makefile").read_text(encoding="utf-8"):
        yield f"`make test` does no ruff {words[1]}"


def of_mypy(words: Words) -> Iterator[str]:
    """Check that it runs with its configuration, as `tests/test_types.py` does."""
    if words[1:]:
        yield "checks something else than what is configured"


def of_pip(words: Words) -> Iterator[str]:
    """Check that it installs this project."""
    if words[1:] != ("install", "."):
        yield "installs something else"


def of_image(words: Words) -> Iterator[str]:
    """Check that the image that it shows, or builds on, is the base of the Dockerfile, by an argument that it has."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for word in words[2:]:
        name, _, value = word.rpartition("=")
        image = value.partition("@")[0]
        if "/" not in image and ":" in image and f"ARG {name or 'BASE'}={image}\n" not in text:
            yield f"the Dockerfile has no {word}"


def of_apt(words: Words) -> Iterator[str]:
    """Check that CI installs the same packages on a bare system."""
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    yield from (f"CI installs no {word}" for word in words[2:] if not re.search(rf"\(([\w -]+ )?{word}[ )]", text))


def of_audit(words: Words) -> Iterator[str]:
    """Check that it reads a lock file that there is."""
    if not (ROOT / words[words.index("--requirement") + 1]).is_file():
        yield f"there is no {words[-1]}"


NOT_RUN: Mapping[Words, tuple[str, Callable[[Words], Iterator[str]]]] = {
    ("tapeless", "up"): ("does not end, and is what the others are run on", of_tapeless),
    ("tapeless", "seal"): ("needs a folder that is whole; tests/services/readiness run it", of_tapeless),
    ("tapeless", "ready"): ("its exit code is the answer; tests/workers/commands run it", of_tapeless),
    ("make",): ("run does not end, test is what runs this, bench takes minutes", of_make),
    ("docker", "compose"): ("no container engine runs here; tests/compose runs what the services run", of_compose),
    ("docker", "buildx"): ("asks the registry of images", of_image),
    ("docker", "build"): ("no container engine runs here", of_image),
    ("apt-get", "install"): ("changes the whole machine", of_apt),
    ("pip-audit",): ("asks a database of vulnerabilities", of_audit),
    ("chown",): ("gives files away, which only root may", of_chown),
    ("celery",): ("a worker does not end; tests/compose and tests/e2e have some", of_celery),
    ("sysctl",): ("changes the whole machine", of_sysctl),
    ("python",): ("makes the environment that this runs in, or runs these tests", of_python),
    ("python3",): ("makes the environment that this runs in", of_python),
    ("pip",): ("installs for a minute, from a registry", of_pip),
    ("mypy",): ("is run by tests/test_types.py", of_mypy),
    ("ruff",): ("is a part of `make test`, and format writes", of_ruff),
}


def listed(command: Command) -> Callable[[Words], Iterator[str]] | None:
    """Return the check of a command that no test runs; None for one that is run, or is new."""
    words = (PurePosixPath(command.words[0]).name, *command.words[1:])
    return next((check for start, (_, check) in NOT_RUN.items() if words[: len(start)] == start), None)
