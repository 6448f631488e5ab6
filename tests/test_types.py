"""Types: mypy accepts the product and the benchmarks in strict mode, and what it is told to ignore is listed here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_house import PRODUCTION, ROOT

IGNORED = {
    "api/app.py": "FastAPI documents that an application replaces `openapi`",
    "asgi/limits/connections.py": "uvicorn's protocol says BaseTransport, and is always given a Transport",
    "asgi/limits/server.py": "uvicorn takes any factory of protocols, and declares a class",
    "asgi/transaction.py": "FastAPI reads `__signature__`, which functions do not declare",
    "workers/processes/supervisor.py": "`signal.signal` returns what it accepts, except for handlers of C code",
}
"""Modules with a `type: ignore`, each with its reason: this table may only shrink."""

UNTYPED_PROGRAM = """
def untyped(value):
    return value
def unspecific(values: list) -> None: ...
def optional(value: str = None) -> None: ...
number = 1  # type: ignore[assignment]
text: str = 2  # type: ignore
"""


def run_mypy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--hide-error-context", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)
def test_mypy_finds_no_error() -> None:
    """Takes half a minute of processor time with an empty cache, a few seconds afterwards."""
    checked = run_mypy()
    if checked.returncode:
        pytest.fail(f"python -m mypy\n{checked.stdout}{checked.stderr}", pytrace=False)


def test_the_configuration_is_strict(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(UNTYPED_PROGRAM)
    found = run_mypy(str(program)).stdout.splitlines()
    codes = [line.rpartition("[")[2].rstrip("]") for line in found if ": error:" in line]
    assert codes == ["no-untyped-def", "type-arg", "assignment", "unused-ignore", "ignore-without-code"]


def test_what_mypy_ignores_is_listed() -> None:
    assert {page.name for page in PRODUCTION if "# type: ignore" in page.text} == IGNORED.keys()
