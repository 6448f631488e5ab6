"""A process of one revision: `python -P program.py TREE ROLE ...`, with TREE first in PYTHONPATH.

`serve PORT` runs the API and the watcher; `celery ARGUMENT...` runs Celery's command. Both revisions have the commands
under the same names, so this file runs the code of either, and refuses to run if any other was imported.
"""

import importlib
import sys
import threading
from pathlib import Path

from celery.__main__ import main as run_celery

PACKAGES = ("api", "media", "models", "search", "tasks", "watch", "web", "workers")
"""Packages of both revisions."""


def require_tree(tree: str) -> None:
    """Exit if a package comes from elsewhere: an editable installation of another tree is on the path, too."""
    wrong = [file for name in PACKAGES if not (file := importlib.import_module(name).__file__ or "").startswith(tree)]
    if wrong:
        sys.exit(f"imported from elsewhere than {tree}: {wrong}")


def serve(port: str) -> None:
    """Run `tapeless api` beside `tapeless watch`, until the process is asked to end."""
    run = importlib.import_module("workers.main").main
    threading.Thread(
        target=run, args=(["api", "--port", port],), kwargs={"standalone_mode": False}, daemon=True
    ).start()
    run(["watch"])


def main(tree: str, role: str, *words: str) -> None:
    """Run one role."""
    require_tree(str(Path(tree)))
    if role == "serve":
        serve(*words)
    else:
        sys.argv = ["celery", *words]
        run_celery()


if __name__ == "__main__":
    main(*sys.argv[1:])
