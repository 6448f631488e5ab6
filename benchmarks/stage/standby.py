"""Servers with a standby, each on a machine of its own: PostgreSQL that replicates, and Valkey that Sentinels watch.

A machine is a network namespace, so that its cable can be pulled: nothing of its connections is closed then.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg
import redis
from sqlalchemy import make_url

from benchmarks.stage.system import wait_until
from tests.e2e.machines import Machine, MachineNetwork
from workers.embedded.postgres import EmbeddedPostgres, find_postgres_program
from workers.embedded.valkey import find_valkey_server

HOST_ACCESS = """\
local all all scram-sha-256
host all all 10.0.0.0/8 scram-sha-256
host replication all 10.0.0.0/8 scram-sha-256
"""
POSTGRES_PORT, VALKEY_PORT, SENTINEL_PORTS = 5432, 6379, (26379, 26380, 26381)
SENTINEL_QUORUM, MASTER, PASSWORD = 2, "tapeless", "letmein"
DOWN_AFTER_MS = 5000
"""How long Sentinels wait for a master that does not answer. Their own default is 30 s."""
READY_SECONDS = 60.0


def inside(machine: Machine) -> tuple[str, ...]:
    """Prefix of a command that runs in the network of a machine."""
    return ("nsenter", "-t", str(machine.keeper.pid), "-n")


class PlacedPostgres(EmbeddedPostgres):
    """A PostgreSQL in the network of a machine."""

    def __init__(self, machine: Machine) -> None:
        access = machine.folder / "hba"
        access.write_text(HOST_ACCESS)
        super().__init__(
            machine.folder / "postgres",
            {"listen_addresses": machine.address, "hba_file": str(access), "wal_level": "replica"},
        )
        self.machine = machine

    def command(self) -> tuple[str, ...]:
        return (*inside(self.machine), *super().command())

    def administer(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the superuser."""
        password = (self.folder / "superuser-password").read_text().strip()
        host = str(make_url(self.url()).query["host"])
        with closing(
            psycopg.connect(host=host, user="postgres", password=password, dbname="postgres", autocommit=True)
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def run(self, program: str, *words: str) -> None:
        """Run one of PostgreSQL's programs as the user of the server, in the network of its machine."""
        done = self._run_program(program, words)
        if done.returncode != 0:
            raise SystemExit(f"{program}: {done.stdout}{done.stderr}")

    def try_run(self, program: str, *words: str) -> bool:
        """The same; returns whether it succeeded."""
        return self._run_program(program, words).returncode == 0

    def _run_program(self, program: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        password = (self.folder / "superuser-password").read_text().strip()
        command = [*inside(self.machine), *self._runner().prefix, str(find_postgres_program(program)), *words]
        env = dict(os.environ) | {"PGPASSWORD": password}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def kill(self) -> None:
        """End the server at once, as a power cut would."""
        assert self.pid is not None
        os.killpg(self.pid, signal.SIGKILL)


class PostgresPair:
    """A primary and a standby that confirms every commit, and takes over when it is promoted."""

    def __init__(self, machines: tuple[Machine, Machine]) -> None:
        self.primary, self.standby = (PlacedPostgres(machine) for machine in machines)
        self.hosts = ",".join(f"{machine.address}:{POSTGRES_PORT}" for machine in machines)
        self.primary.start()
        self.follow()

    @property
    def url(self) -> str:
        return f"postgresql://tapeless:{self.primary.password()}@{self.hosts}/tapeless"

    def follow(self) -> None:
        """Copy the primary to the standby, and start that."""
        standby, primary = self.standby, self.primary
        standby.stop()
        shutil.rmtree(standby.data, ignore_errors=True)
        standby.folder.mkdir(mode=0o700, exist_ok=True)
        for name in ("password", "superuser-password"):
            shutil.copy(primary.folder / name, standby.folder / name)
        address = ["-h", primary.machine.address, "-p", str(POSTGRES_PORT), "-U", "postgres"]
        # A cable that was just plugged in needs a moment.
        wait_until(lambda: standby.try_run("pg_isready", *address), "the primary is reached", READY_SECONDS)
        standby.run("pg_basebackup", *address, "-D", str(standby.data), "-R", "-c", "fast", "-X", "stream")
        standby.start()
        # Only now, because a primary that waits for a standby commits nothing without one.
        primary.administer("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.administer("SELECT pg_reload_conf()")
        streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'"
        wait_until(lambda: primary.administer(streaming) == [(1,)], "the standby streams", READY_SECONDS)

    def promote(self) -> None:
        """Make the standby the primary, as a program that watches both would."""
        self.standby.run("pg_ctl", "promote", "-D", str(self.standby.data), "-w")
        self.primary, self.standby = self.standby, self.primary

    def stop(self) -> None:
        for server in (self.primary, self.standby):
            server.stop()


class ValkeyGroup:
    """A master, a replica, and three Sentinels on the side of the clients."""

    def __init__(self, machines: tuple[Machine, Machine], address: str, folder: Path) -> None:
        self.machines = machines
        self.address = address
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._sentinels: list[subprocess.Popen[bytes]] = []
        first, second = machines
        self.start(first)
        self.start(second, f"replicaof {first.address} {VALKEY_PORT}\n")
        for port in SENTINEL_PORTS:
            own = folder / f"sentinel{port}.conf"
            own.write_text(
                f"port {port}\nbind {address}\ndir {folder}\nrequirepass {PASSWORD}\n"
                f"sentinel sentinel-pass {PASSWORD}\n"
                f"sentinel monitor {MASTER} {first.address} {VALKEY_PORT} {SENTINEL_QUORUM}\n"
                f"sentinel auth-pass {MASTER} {PASSWORD}\nsentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n"
                f"sentinel failover-timeout {MASTER} 10000\n"
            )
            command = [str(find_valkey_server()), str(own), "--sentinel"]
            with open(own.with_suffix(".log"), "wb") as log:
                self._sentinels.append(subprocess.Popen(command, stdout=log, stderr=log))
        self.wait_until_whole()

    @property
    def url(self) -> str:
        hosts = ",".join(f"{self.address}:{port}" for port in SENTINEL_PORTS)
        return f"sentinel://:{PASSWORD}@{hosts}/0?master={MASTER}&sentinel_password={PASSWORD}"

    def start(self, machine: Machine, more: str = "") -> None:
        """Start the server of a machine; one that comes back is made a replica by the Sentinels."""
        folder = machine.folder / "valkey"
        folder.mkdir(exist_ok=True)
        own = folder / "valkey.conf"
        if not own.exists():  # Sentinels have it rewritten
            own.write_text(
                f"bind {machine.address}\nport {VALKEY_PORT}\ndir {folder}\nappendonly yes\nrequirepass {PASSWORD}\n"
                f'masterauth {PASSWORD}\nsave ""\n{more}'
            )
        command = [*inside(machine), str(find_valkey_server()), str(own)]
        with open(folder / "valkey.log", "ab") as log:
            self._servers[machine.address] = subprocess.Popen(command, stdout=log, stderr=log)

    def master(self) -> Machine | None:
        """The machine that the Sentinels name."""
        with self._open_sentinel() as sentinel, suppress(redis.RedisError):
            named = sentinel.sentinel_get_master_addr_by_name(MASTER)
            return next((each for each in self.machines if named and each.address == named[0]), None)
        return None

    def kill(self, machine: Machine) -> None:
        self._servers[machine.address].kill()
        self._servers[machine.address].wait()

    def wait_until_whole(self) -> None:
        """Wait until the Sentinels know each other, and a replica that follows its master."""
        wait_until(self._is_whole, "the Sentinels see a replica that follows", READY_SECONDS)

    def _is_whole(self) -> bool:
        with self._open_sentinel() as sentinel, suppress(redis.RedisError):
            master, replicas = sentinel.sentinel_master(MASTER), sentinel.sentinel_slaves(MASTER)
            is_followed = [each["master-link-status"] for each in replicas if not each["is_disconnected"]] == ["ok"]
            is_known = master["num-other-sentinels"] == len(SENTINEL_PORTS) - 1
            return is_followed and is_known and not master["is_sdown"]
        return False

    def _open_sentinel(self) -> redis.Redis:
        return redis.Redis(
            host=self.address, port=SENTINEL_PORTS[0], password=PASSWORD, socket_timeout=2, decode_responses=True
        )

    def stop(self) -> None:
        for process in (*self._sentinels, *self._servers.values()):
            process.terminate()
        for process in (*self._sentinels, *self._servers.values()):
            process.wait()


@contextmanager
def open_groups(network: MachineNetwork, folder: Path) -> Iterator[tuple[PostgresPair, ValkeyGroup]]:
    """Start both groups, on four machines."""
    with ExitStack() as opened:
        machines = [network.add(name, folder / name, [], {}, {}) for name in ("db1", "db2", "broker1", "broker2")]
        pair = PostgresPair((machines[0], machines[1]))
        opened.callback(pair.stop)
        group = ValkeyGroup((machines[2], machines[3]), network.address, folder)
        opened.callback(group.stop)
        yield pair, group
