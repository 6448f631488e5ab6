"""`tapeless watch`: the watcher as a process of its own."""

import logging
import os
import signal
import threading
from pathlib import Path

import click

from models.mounts import use_mounts
from models.paths import display_text
from watch.clock import Clock
from watch.watcher import Watcher
from workers.app import app
from workers.commands.options import data_option, sentences
from workers.context import make_context
from workers.logs import set_up_logging
from workers.metrics import serve_metrics
from workers.running import find_running
from workers.settings import Settings
from workers.traces import follow

POOL_SIZE = 20


@click.command()
@data_option
def watch(data: Path | None) -> None:
    """Watch all storages and dispatch changes until interrupted."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with sentences():
        settings = Settings.for_data(data)
        set_up_logging(settings.log_format, "watch")
        follow(settings.traces_url, "watch")
        app.own_settings = settings
        use_mounts(settings.places)
        context = make_context(find_running(settings), settings.timing, app.ring, POOL_SIZE)
    excluded = frozenset({os.path.realpath(os.fsencode(settings.data.absolute()))})
    logging.info("watching; never entered: %s", ", ".join(map(display_text, excluded)))
    serve_metrics(settings)
    try:
        Watcher(context.sessions, context.timing, context.ring, excluded, Clock()).run(stop)
    finally:
        context.close()
