"""The API as a process of its own: `python -m tests.api.serve DATABASE_URL FILE` writes its port into FILE."""

import logging
import socket
import sys
from pathlib import Path

import uvicorn

from api.app import create_app
from api.context import Context
from models.sessions import make_engine, make_sessions
from search.postgres import PostgresEngine


def main(url: str, port_file: str) -> None:
    logging.basicConfig(level=logging.INFO)
    engine = make_engine(url, pool_size=8, hide_parameters=True)
    sessions = make_sessions(engine)
    roots = (Path(port_file).parent,)
    app = create_app(Context(sessions, PostgresEngine(sessions), threads=8, storage_roots=roots))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Path(port_file).write_text(str(listener.getsockname()[1]))
        config = uvicorn.Config(app, access_log=False, log_level="info")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
