"""`tapeless api`: the control API as a process of its own."""

import logging
import sys
from contextlib import suppress
from pathlib import Path

import click

from api.app import create_api
from asgi.context import ApiContext
from asgi.limits.server import DEFAULT_CONNECTIONS, connection_limits, make_server
from web.app import mount_pages
from workers.celery.app import app as celery
from workers.celery.gc_tuning import tune_garbage_collector
from workers.celery.http_metrics import HttpMetricsMiddleware
from workers.celery.index_waker import IndexWaker
from workers.celery.metrics import serve_metrics
from workers.commands.options import data_option
from workers.commands.server.process import start_process, start_reporter
from workers.local_stack import DEFAULT_API_PORT, LOOPBACK

DEFAULT_API_THREADS = 16
SWITCH_SECONDS = 0.0005
"""How long a thread that only computes keeps the others waiting, the event loop among them. It waits several times in
each request: beside eight computing threads, /health took 105 ms with Python's 5 ms, and 30 ms with this (medians)."""


@click.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on; 0.0.0.0 in a container.")
@click.option(
    "--port", default=DEFAULT_API_PORT, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on."
)
@click.option(
    "--threads",
    default=DEFAULT_API_THREADS,
    show_default=True,
    type=click.IntRange(1, 200),
    help="Maximum number of concurrent requests; each uses a database connection.",
)
@click.option(
    "--connections",
    default=DEFAULT_CONNECTIONS,
    show_default=True,
    type=click.IntRange(10, 60_000),
    help="Maximum number of connections; beyond it, one that waits for its client is closed.",
)
@data_option
def api(host: str, port: int, threads: int, connections: int, data: Path | None) -> None:
    """Serve the control API until interrupted."""
    settings, context = start_process("api", data, threads, limits_statements=True)
    # Failing statements are logged; their parameters are not, because they may be secret.
    context.database.hide_parameters = True
    api_context = ApiContext(
        sessions=context.sessions,
        engine=context.engine,
        notify=context.notify,
        wake_indexer=IndexWaker(context.sessions, celery.notify, celery.queue_lengths),
        timing=context.timing,
        threads=threads,
        storage_roots=settings.storage_roots,
        media_folder=settings.media_folder,
        transcode_profiles=settings.profiles,
        flower_url=settings.flower_url,
        oidc=settings.oidc,
        outside=settings.outside,
    )
    served = create_api(api_context)
    news = mount_pages(served, api_context)
    logging.info("the API is on http://%s:%d/API/docs", host, port)
    serve_metrics(settings)
    reporter = start_reporter("api", context, settings.media_folder)
    tune_garbage_collector()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        limits = connection_limits(settings.timing, connections)
        app = HttpMetricsMiddleware(served)
        options = {"host": host, "port": port, "log_config": None}
        server = make_server(app, limits, settings.trusted_proxies, news.stop, **options)
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        reporter.stop()
        context.close()
