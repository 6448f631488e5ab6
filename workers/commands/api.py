"""`tapeless api`: the control API as a process of its own."""

import logging
from pathlib import Path

import click
import uvicorn

from api.app import create_app
from api.context import Context
from models.mounts import use_mounts
from tasks.share_links import PAGE
from web.share_pages import share_pages
from workers.app import app as celery
from workers.commands.options import data_option, sentences
from workers.context import make_context
from workers.http_metrics import Measured
from workers.logs import set_up_logging
from workers.metrics import serve_metrics
from workers.running import find_running
from workers.settings import Settings
from workers.system import API_PORT, LOOPBACK
from workers.traces import follow

THREADS = 16


@click.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="Where to listen; 0.0.0.0 in a container.")
@click.option("--port", default=API_PORT, show_default=True, type=click.IntRange(1, 65535), help="Where to listen.")
@click.option(
    "--threads",
    default=THREADS,
    show_default=True,
    type=click.IntRange(1, 200),
    help="Requests at once; each has a connection to the database.",
)
@data_option
def api(host: str, port: int, threads: int, data: Path | None) -> None:
    """Serve the control API until interrupted."""
    with sentences():
        settings = Settings.for_data(data)
        set_up_logging(settings.log_format, "api")
        follow(settings.traces_url, "api")
        celery.own_settings = settings
        use_mounts(settings.places)
        context = make_context(find_running(settings), settings.timing, celery.ring, threads)
    # Failing statements are logged; their parameters are not, because they may be secret.
    context.database.hide_parameters = True
    served = create_app(
        Context(
            sessions=context.sessions,
            engine=context.engine,
            ring=context.ring,
            timing=context.timing,
            threads=threads,
            storage_roots=settings.storage_roots,
            media_folder=settings.media_folder,
            transcode_profiles=settings.profiles,
            outside=settings.outside,
        )
    )
    served.mount(f"/{PAGE}", share_pages(context.sessions, settings.outside))
    logging.info("the API is on http://%s:%d/API/docs", host, port)
    serve_metrics(settings)
    try:
        # uvicorn's own access log would show queries; api.tracing writes one that does not.
        uvicorn.run(Measured(served), host=host, port=port, access_log=False, log_config=None, server_header=False)
    finally:
        context.close()
