"""Real servers behind TLS: their certificates are verified, and PgBouncer in transaction mode serves all that we do."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from click import ClickException
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import OperationalError

from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import Sessions, make_engine, make_sessions
from tests.conftest import IS_CI
from tests.servers import Servers
from tests.tls import (
    Authority,
    find_program,
    free_loopback_port,
    make_authority,
    running_pgbouncer,
    running_redis_with_sentinel,
)
from tests.waiting import wait_until
from watch.leader_election import LeaderElection
from workers.commands.options import readable_errors
from workers.config.connection import to_driver_url
from workers.doctor import make_broker_client

PROGRAMS = ("openssl", "pgbouncer", "redis-server")
pytestmark = pytest.mark.skipif(
    not IS_CI and any(find_program(name) is None for name in PROGRAMS),
    reason=f"needs {', '.join(PROGRAMS)} (Debian: redis-server, pgbouncer, openssl)",
)
LIVENESS = (socket.TCP_KEEPIDLE, socket.TCP_USER_TIMEOUT)
END_CLIENTS = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
SETTINGS = text("""
    SELECT current_setting('timezone'), current_setting('jit'), current_setting('statement_timeout'),
        current_setting('idle_in_transaction_session_timeout')
""")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pooled(
    servers: Servers, worker_id: str, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """A migrated database behind PgBouncer: `url(options)` is its address."""
    name = f"pooled_{worker_id}"
    servers.create_database(name)
    direct = make_url(servers.postgres.url(name))
    credentials = f"{direct.username}:{direct.password}"
    with running_pgbouncer(tmp_path_factory.mktemp("pgbouncer"), servers.postgres.url(name), authority) as port:
        yield SimpleNamespace(
            port=port,
            url=lambda options, hosts=f"localhost:{port}", prefix="": to_driver_url(
                f"postgresql://{credentials}@{hosts}/{prefix}{name}?{options}"
            ),
        )
    servers.drop_database(name)


@contextmanager
def connected(url: str, statement_seconds: float = 0) -> Iterator[Sessions]:
    engine = make_engine(url, statement_seconds=statement_seconds)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()


def test_a_pooler_of_transactions_gives_every_transaction_its_settings(
    pooled: SimpleNamespace, authority: Authority
) -> None:
    url = pooled.url(f"pooler=transaction&sslmode=verify-full&sslrootcert={authority.ca}")
    with connected(url, statement_seconds=7) as sessions:
        for _ in range(12):  # psycopg would prepare the statement at the fifth time
            with sessions() as session, sessions() as other:
                wanted = ("UTC", "off", "7s", "1min")
                assert tuple(session.execute(SETTINGS).one()) == tuple(other.execute(SETTINGS).one()) == wanted


def test_watchers_behind_a_pooler_have_one_leader_and_follow_one_whose_connection_ended(
    pooled: SimpleNamespace, authority: Authority
) -> None:
    url = pooled.url(f"pooler=transaction&sslmode=verify-full&sslrootcert={authority.ca}")
    with connected(url) as sessions, connected(url) as others:
        storage_id = new_id()
        with sessions.begin() as session:
            session.add(Storage(id=storage_id, name="Rushes", root=b"/rushes"))
        first, second = LeaderElection(sessions, 600), LeaderElection(others, 600)
        for _ in range(3):
            assert first.lead([storage_id]) == {storage_id}
            assert second.lead([storage_id]) == frozenset()
        with others.begin() as session:
            # All locks, so the second loses its own, too, and gets another.
            session.execute(END_CLIENTS)

        def is_followed() -> bool:
            try:
                return second.lead([storage_id]) == {storage_id}
            except OperationalError:
                return False

        wait_until(is_followed, what="the second leads", seconds=2.0)
        second.close()
        first.close()


@pytest.mark.parametrize(
    ("mode", "options", "refusal"),
    [
        ("", "pooler=transaction", None),
        ("session_", "pooler=transaction", None),
        ("statement_", "pooler=transaction", "set its pool_mode to transaction"),
        ("", "", r"append \?pooler=transaction to TAPELESS_DATABASE_URL"),
        ("session_", "", r"append \?pooler=transaction to TAPELESS_DATABASE_URL"),
        ("statement_", "", r"append \?pooler=transaction to TAPELESS_DATABASE_URL"),
    ],
)
def test_a_pooler_works_in_its_mode_or_is_refused_with_the_next_step(
    pooled: SimpleNamespace, authority: Authority, mode: str, options: str, refusal: str | None
) -> None:
    url = pooled.url(f"{options}&sslmode=verify-full&sslrootcert={authority.ca}".removeprefix("&"), prefix=mode)
    expected = nullcontext() if refusal is None else pytest.raises(ClickException, match=refusal)
    with connected(url) as sessions, expected, readable_errors(), sessions() as session:
        for _ in range(2):
            assert session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ("sslmode=verify-full", "root certificate file"),
        ("sslmode=verify-full&sslrootcert={other}", "certificate verify failed"),
        ("sslmode=verify-full&sslrootcert={ca}&host=other.example&hostaddr=127.0.0.1", "does not match host name"),
        ("sslmode=disable", "SSL required"),
        ("sslmode=verify-full&sslrootcert={ca}", None),
        ("sslmode=verify-full&sslrootcert={ca}&sslcert={client}&sslkey={key}", None),
    ],
)
def test_a_database_s_certificate_is_verified_as_its_address_says(
    pooled: SimpleNamespace, authority: Authority, tmp_path: Path, options: str, refusal: str | None
) -> None:
    files = {"ca": authority.ca, "client": authority.certificate("client"), "key": authority.key("client")}
    other = make_authority(tmp_path).ca if "{other}" in options else ""
    with connected(pooled.url("pooler=transaction&" + options.format(**files, other=other))) as sessions:
        if refusal is None:
            with sessions() as session:
                assert session.scalar(text("SELECT 1")) == 1
        else:
            with pytest.raises(OperationalError, match=refusal), sessions() as session:
                session.execute(text("SELECT 1"))


def test_the_host_of_a_list_that_answers_is_taken_and_the_next_time_tried_first(
    pooled: SimpleNamespace, authority: Authority
) -> None:
    dead = free_loopback_port()
    url = pooled.url(
        f"pooler=transaction&sslmode=verify-full&sslrootcert={authority.ca}",
        f"localhost:{dead},localhost:{pooled.port}",
    )
    tried = []
    with connected(url) as sessions:
        event.listen(sessions.kw["bind"], "do_connect", lambda *arguments: tried.append(arguments[3]["port"]))
        for _ in range(2):
            with sessions() as session:
                assert session.scalar(text("SELECT 1")) == 1
            sessions.kw["bind"].dispose()
    assert tried == [f"{dead},{pooled.port}", f"{pooled.port},{dead}"]


def test_brokers_are_verified_and_sentinels_name_their_master(authority: Authority, tmp_path: Path) -> None:
    shown = f"ssl_certfile={authority.certificate('client')}&ssl_keyfile={authority.key('client')}"
    trusted = f"{shown}&ssl_ca_certs={authority.ca}"
    with running_redis_with_sentinel(tmp_path, authority) as (port, sentinel_port):
        for url, refusal in (
            (f"rediss://:pw@localhost:{port}/0?{trusted}", None),
            (f"rediss://:pw@localhost:{port}/0?{shown}&ssl_cert_reqs=none", None),
            (f"rediss://:pw@localhost:{port}/0?{shown}", "certificate verify failed"),
            (f"rediss://:pw@127.1:{port}/0?{trusted}", "Hostname mismatch"),
            (f"sentinels://:pw@127.1:{sentinel_port}/0?master=tapeless&sentinel_password=spw&{trusted}", "No master"),
            (
                f"sentinels://:pw@localhost:{sentinel_port}/0?master=tapeless&sentinel_password=no&{trusted}",
                "No master",
            ),
            (
                f"rediss://:pw@localhost:{port}/0?ssl_ca_certs={authority.ca}",
                "certificate required|violation of protocol|reset",
            ),
            (f"sentinels://:pw@localhost:{sentinel_port}/0?master=tapeless&sentinel_password=spw&{trusted}", None),
        ):
            client = make_broker_client(url)
            client.conf.broker_transport_options |= {"max_retries": 0, "retry_on_timeout": False}
            if refusal is None:
                with client.connection_for_read() as connection:
                    assert connection.default_channel.client.ping()
                    (server,) = connection.default_channel.client.connection_pool._available_connections
                    # A worker waits for messages for hours, and must notice that the broker's machine is gone.
                    kept = [server._sock.getsockopt(socket.IPPROTO_TCP, option) for option in LIVENESS]
                    assert kept == [5, 10_000]
            else:
                with pytest.raises(BrokerError, match=refusal), client.connection_for_read() as connection:
                    connection.default_channel.client.ping()
