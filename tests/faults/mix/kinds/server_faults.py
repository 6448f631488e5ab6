"""Faults of the broker and of the database."""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
import redis
from redis.exceptions import RedisError
from sqlalchemy import text

from tests.faults.killing import kill, pid_of
from tests.faults.mix.kinds.registry import fault
from tests.faults.mix.world import World
from tests.waiting import wait_until
from workers.celery.app import QUEUES
from workers.embedded.valkey import EmbeddedValkey

FREEZE_SECONDS = 6.0
CUT_CONNECTIONS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = current_user
""")


def broker(world: World) -> redis.Redis:
    """A connection to the broker; the caller closes it."""
    return EmbeddedValkey(world.data / "valkey").client(0)


@fault("kill the broker")
def kill_broker(world: World, rng: random.Random) -> Iterator[None]:
    kill("valkey")(world.system)
    yield


@fault("empty the broker")
def flush_broker(world: World, rng: random.Random) -> Iterator[None]:
    with closing(broker(world)) as client:
        client.flushall()
    yield


@fault("freeze the broker", FREEZE_SECONDS)
def freeze_broker(world: World, rng: random.Random) -> Iterator[None]:
    """It takes connections and answers nothing, for longer than our sockets wait."""
    with stopped(world, "valkey"):
        yield


@fault("lose the broker file")
def lose_broker_file(world: World, rng: random.Random) -> Iterator[None]:
    """The supervisor is stopped meanwhile, or it would start the broker again before its file is gone."""
    assert world.system.process is not None
    world.system.process.send_signal(signal.SIGSTOP)
    try:
        kill("valkey")(world.system)
        for found in (world.data / "valkey").glob("appendonly*"):
            shutil.rmtree(found, ignore_errors=True)
    finally:
        world.system.process.send_signal(signal.SIGCONT)
    yield


@fault("fill the broker", FREEZE_SECONDS)
def fill_broker(world: World, rng: random.Random) -> Iterator[None]:
    with closing(broker(world)) as client:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", "1mb")
        yield
        with suppress(RedisError):
            client.config_set("maxmemory", before)


@fault("double and shuffle messages", FREEZE_SECONDS)
def shuffle_messages(world: World, rng: random.Random) -> Iterator[None]:
    """The workers are stopped until there are messages to do it with."""
    with stopped(world, "worker-ingest"), stopped(world, "worker-index"):
        yield
        with closing(broker(world)) as client:
            return sum(shuffle(client, queue, rng) for queue in QUEUES) > 0


def shuffle(client: redis.Redis, queue: str, rng: random.Random) -> bool:
    """Put every message of a queue back twice, in another order; return whether there were any."""
    found = client.lrange(queue, 0, -1) * 2
    rng.shuffle(found)
    if found:
        with client.pipeline() as pipe:
            pipe.delete(queue)
            pipe.rpush(queue, *found)
            pipe.execute()
    return bool(found)


@fault("messages come late", FREEZE_SECONDS)
def delay_messages(world: World, rng: random.Random) -> Iterator[None]:
    """What waits is taken away, and comes back when all of it has been done."""
    with closing(broker(world)) as client:
        with stopped(world, "worker-ingest"), stopped(world, "worker-index"):
            over = time.monotonic() + FREEZE_SECONDS
            wait_until(
                lambda: any(map(client.llen, QUEUES)) or time.monotonic() > over,
                what="a message waits",
                seconds=2 * FREEZE_SECONDS,
            )
            kept = {queue: client.lrange(queue, 0, -1) for queue in QUEUES}
            client.delete(*kept)
        yield
        for queue, messages in kept.items():
            if messages:
                client.rpush(queue, *messages)
        return any(kept.values())


@fault("kill the database")
def kill_database(world: World, rng: random.Random) -> Iterator[None]:
    kill("postgres")(world.system)
    yield


@fault("restart the database")
def restart_database(world: World, rng: random.Random) -> Iterator[None]:
    """An orderly, fast shutdown in the middle of transactions."""
    os.kill(pid_of(world.system, "postgres"), signal.SIGINT)
    yield


@fault("cut connections", 2.0)
def cut_connections(world: World, rng: random.Random) -> Iterator[None]:
    """All connections to the database, twice."""
    for _ in range(2):
        with suppress(psycopg.Error), world.system.session() as session:
            session.execute(CUT_CONNECTIONS)
    yield


@contextmanager
def stopped(world: World, name: str) -> Iterator[None]:
    """Stop a child of `tapeless up` with all its processes for the length of the block."""
    pid = pid_of(world.system, name)
    os.killpg(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGCONT)
