"""`tapeless up --detach`: the same command in the background, until it runs."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from workers.config.connection import find_running_supervisor
from workers.processes.supervisor import close_data_folder

DETACH_OPTION = "--detach"
LOCK_FILE = "supervisor.lock"
DETACH_SECONDS = 120.0
DETACH_POLL_SECONDS = 0.1


def start_detached(data: Path, console: Console) -> None:
    """Run this command line without `--detach` in a session of its own, and print what it says until it runs."""
    if find_running_supervisor(data) is not None:
        console.print("a system runs on it already")
        return
    close_data_folder(data)
    (data / LOCK_FILE).touch(mode=0o600)  # a data folder is known by it, which root gives to another user
    log = data / "logs" / "up.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    arguments = [word for word in sys.argv[1:] if word != DETACH_OPTION]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workers.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = time.monotonic() + DETACH_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if "everything is kept in" in log.read_text(errors="replace"):
            break
        time.sleep(DETACH_POLL_SECONDS)
    said = log.read_text(errors="replace").strip()
    if process.poll() is not None:
        raise click.ClickException(f"it did not start:\n{said}")
    console.print("\n".join(said.splitlines()[1:]))
    stop = f"tapeless down --data {shlex.quote(str(data))}"
    console.print(f"it runs in the background as process {process.pid}; `{stop}` stops it")
