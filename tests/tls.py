"""A throwaway certificate authority, and the servers of operators behind TLS: PgBouncer, Redis and Sentinel."""

import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from tests.waiting import wait_until

AS_ANOTHER_USER = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
"""PgBouncer refuses to run as root, as PostgreSQL does; mapped, it still reads what is root's alone."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA with one certificate for servers on the loopback, and one for a client."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"


def find_program(name: str) -> str | None:
    """Return a program of this machine; Debian has those of servers where only root's PATH looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def make_authority(folder: Path, address: str = "127.0.0.1") -> Authority:
    """Create the CA and its certificates with openssl; they are valid for a day."""
    made = Authority(folder)
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    _run([*new, "-subj", "/CN=Throwaway", "-keyout", made.key("ca"), "-out", made.ca])
    for name in ("server", "client"):
        signed = [
            "-CA",
            made.ca,
            "-CAkey",
            made.key("ca"),
            "-addext",
            f"subjectAltName=DNS:localhost,IP:{address}",
            "-addext",
            "basicConstraints=CA:FALSE",
        ]
        _run([*new, *signed, "-subj", f"/CN={name}", "-keyout", made.key(name), "-out", made.certificate(name)])
    return made


def _run(words: Sequence[str | Path]) -> None:
    subprocess.run(words, check=True, capture_output=True)


def free_loopback_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running_server(name: str, words: Sequence[str | Path], folder: Path, port: int) -> Iterator[None]:
    """Run a server until the block ends; it listens when the block begins."""
    log = folder / f"{name}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:

        def listens() -> bool:
            assert process.poll() is None, log.read_text()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            return False

        wait_until(listens, what=f"{name} listens")
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def running_pgbouncer(folder: Path, database_url: str, authority: Authority) -> Iterator[int]:
    """PgBouncer in transaction mode, which wants TLS of its clients, before a real PostgreSQL; gives its port.

    Databases called `session_NAME` and `statement_NAME` are the same one in other modes.
    """
    target, port = make_url(database_url), free_loopback_port()
    host, server_port = target.query.get("host", target.host), target.query.get("port", target.port or 5432)
    (folder / "users.txt").write_text(f'"{target.username}" "{target.password}"\n')
    settings = f"""
[databases]
session_{target.database} = host={host} port={server_port} dbname={target.database} pool_mode=session
statement_{target.database} = host={host} port={server_port} dbname={target.database} pool_mode=statement
* = host={host} port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = 3
auth_type = scram-sha-256
auth_file = {folder}/users.txt
client_tls_sslmode = require
client_tls_cert_file = {authority.certificate("server")}
client_tls_key_file = {authority.key("server")}
client_tls_ca_file = {authority.ca}
"""
    (folder / "pgbouncer.ini").write_text(settings)
    program = find_program("pgbouncer") or "pgbouncer"
    user = AS_ANOTHER_USER if getpass.getuser() == "root" else ()
    with running_server("pgbouncer", [*user, program, str(folder / "pgbouncer.ini")], folder, port):
        yield port


def write_redis_configuration(
    folder: Path, name: str, authority: Authority, port: int, more: Sequence[str] = (), bind: str = "127.0.0.1"
) -> Path:
    """Write the file of a Redis that speaks TLS alone."""
    lines = [
        f"port 0\ntls-port {port}\nbind {bind}",
        f"tls-cert-file {authority.certificate('server')}\ntls-key-file {authority.key('server')}",
        f"tls-ca-cert-file {authority.ca}\ntls-replication yes",
        f'dir {folder}\nsave ""',
        *more,
    ]
    path = folder / f"{name}.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def running_redis_with_sentinel(folder: Path, authority: Authority) -> Iterator[tuple[int, int]]:
    """Redis with password `pw` and a Sentinel with `spw`, which want certificates of clients; gives their ports."""
    port, sentinel_port = free_loopback_port(), free_loopback_port()
    wants = ["tls-auth-clients yes"]
    redis = write_redis_configuration(folder, "redis", authority, port, [*wants, "requirepass pw"])
    watches = [f"sentinel monitor tapeless 127.0.0.1 {port} 1", "sentinel auth-pass tapeless pw"]
    sentinel = write_redis_configuration(
        folder, "sentinel", authority, sentinel_port, [*wants, "requirepass spw", *watches]
    )
    with (
        running_server("redis", ["redis-server", redis], folder, port),
        running_server("sentinel", ["redis-server", sentinel, "--sentinel"], folder, sentinel_port),
    ):
        yield port, sentinel_port
