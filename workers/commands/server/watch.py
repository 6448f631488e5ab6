"""`tapeless watch`: the watcher as a process of its own."""

import logging
import signal
import threading
from pathlib import Path

import click

from models.core.paths import display_path
from models.core.process_report import WATCHER_NAME
from watch.disk.clock import Clock
from watch.watcher import Watcher
from workers.celery.metrics import serve_metrics
from workers.celery.readiness import announce_ready
from workers.commands.options import data_option, own_folders
from workers.commands.server.process import start_process, start_reporter

WATCHER_POOL_SIZE = 20


@click.command()
@data_option
def watch(data: Path | None) -> None:
    """Watch all storages and dispatch changes until interrupted."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    settings, context = start_process("watch", data, WATCHER_POOL_SIZE)
    excluded = own_folders(data)
    logging.info("watching; never entered: %s", ", ".join(map(display_path, excluded)))
    serve_metrics(settings)
    reporter = start_reporter(WATCHER_NAME, context)
    announce_ready()
    try:
        own = reporter.process.id
        Watcher(context.sessions, context.timing, context.notify, excluded, Clock(), own).run(stop)
    finally:
        reporter.stop()
        context.close()
