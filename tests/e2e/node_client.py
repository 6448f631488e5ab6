"""celery-node, installed once in a folder of this user's cache; without Node it skips on a laptop and fails in CI."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock

from tests.conftest import IS_CI

HERE = Path(__file__).parent / "node"
CACHE = Path.home() / ".cache" / "tapeless-tests"
SECONDS = 120


def miss(reason: str) -> NoReturn:
    """Skip if something is missing on a laptop, and fail in CI, where skips would go unnoticed."""
    if IS_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def node_folder() -> Path:
    """A folder with the script and what it needs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        reason = "node and npm are not here, so no client in another language is tried"
        miss(reason)
    lock = (HERE / "package-lock.json").read_bytes()
    folder = CACHE / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "install.lock"):
        for name in ("package.json", "package-lock.json", "trigger.js"):
            shutil.copyfile(HERE / name, folder / name)
        if not (folder / "installed").exists():
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
            if done.returncode != 0:
                miss(f"npm ci: {done.stderr[-500:]}")
            (folder / "installed").touch()
    return folder


def send(folder: Path, broker_url: str, task: str, arguments: str) -> str:
    """Put one trigger on the queue; the id of its task."""
    done = subprocess.run(
        ["node", "trigger.js", broker_url, task, arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
