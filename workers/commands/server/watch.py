"""`tapeless watch`: the watcher as a process of its own."""

import logging
import os
import signal
import threading
from pathlib import Path

import click

from models.core.mounts import configure_mounts
from models.core.paths import display_path
from watch.disk.clock import Clock
from watch.watcher import Watcher
from workers.celery.app import app
from workers.celery.context import make_context
from workers.celery.metrics import serve_metrics
from workers.commands.options import data_option, readable_errors
from workers.config.connection import find_system_connection
from workers.config.logs import configure_logging
from workers.config.settings import Settings
from workers.config.traces import start_tracing

WATCHER_POOL_SIZE = 20


@click.command()
@data_option
def watch(data: Path | None) -> None:
    """Watch all storages and dispatch changes until interrupted."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with readable_errors():
        settings = Settings.for_data(data)
        configure_logging(settings.log_format, "watch")
        start_tracing(settings.traces_url, "watch")
        app.own_settings = settings
        configure_mounts(settings.places)
        context = make_context(find_system_connection(settings), settings.timing, app.notify, WATCHER_POOL_SIZE)
    excluded = frozenset({os.path.realpath(os.fsencode(settings.data.absolute()))})
    logging.info("watching; never entered: %s", ", ".join(map(display_path, excluded)))
    serve_metrics(settings)
    try:
        Watcher(context.sessions, context.timing, context.notify, excluded, Clock()).run(stop)
    finally:
        context.close()
