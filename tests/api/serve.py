"""The API as a process of its own: `python -m tests.api.serve DATABASE_URL FILE` writes its port into FILE."""

import socket
import sys
from pathlib import Path

from api.app import create_api
from asgi.context import ApiContext
from asgi.limits.server import connection_limits, make_server
from models.core.mounts import configure_mounts
from models.core.sessions import make_engine, make_sessions
from models.core.timing import Timing
from search.postgres.engine import PostgresEngine
from services.core.signing_key import SigningKey
from services.outbound.config import OutboundConfig
from web.app import mount_pages
from workers.config.logs import configure_logging

KEY = b"the key of the API that the tests ask, of no other"
"""A fixed key, so that a test can create a link or a ticket itself."""
TIMING = Timing(download_recheck_seconds=0.02)
"""Downloads recheck their permission so often that no test waits for it."""

MAX_CONNECTIONS = 1_000
"""Fewer than by default, so that a test need not open so many to reach it."""


def main(url: str, port_file: str) -> None:
    configure_logging("text", "api")
    engine = make_engine(url, 8, TIMING.request_statement_seconds, hide_parameters=True)
    sessions = make_sessions(engine)
    roots = (Path(port_file).parent,)
    outside = OutboundConfig(key=SigningKey(KEY))
    media = Path(port_file).parent / "media"
    configure_mounts({}, media)
    engine_of_search = PostgresEngine(sessions)
    context = ApiContext(
        sessions,
        engine_of_search,
        timing=TIMING,
        threads=8,
        storage_roots=roots,
        media_folder=media,
        outside=outside,
    )
    app = create_api(context)
    mount_pages(app, context)
    # asyncio sets TCP_NODELAY where a socket says that it is TCP, which that of create_server does not: each answer's
    # body then waited 40 ms for the client's delayed acknowledgement of its head.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        Path(port_file).write_text(str(listener.getsockname()[1]))
        make_server(app, connection_limits(TIMING, MAX_CONNECTIONS), log_level="info").run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
