"""The embedded Valkey, tested on a real server through the clients that use it."""

import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import kombu
import psutil
import pytest
import redis
from celery import Celery
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.waiting import wait_until
from workers.embedded.valkey import EmbeddedValkey
from workers.processes.process import ProcessError, is_process_running, read_process_record

ONCE = Retry(NoBackoff(), 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_message_goes_through_kombu_to_the_numbered_database_of_the_url(server: EmbeddedValkey) -> None:
    with kombu.Connection(server.url(3)) as connection, closing(connection.SimpleQueue("reels")) as queue:
        queue.put({"id": 7})
        with closing(server.client(3)) as client:
            assert client.llen("reels") == 1
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"id": 7}


def test_the_password_of_the_url_is_masked_where_celery_prints_it(server: EmbeddedValkey) -> None:
    password = (server.folder / "password").read_text()
    assert password in server.url()
    with kombu.Connection(server.url()) as connection:
        assert password not in f"{connection} {connection.as_uri()}"


def test_a_path_with_marks_of_a_url_in_it_is_reached(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "a b%20?c#d@e:f")
    server.start()
    with kombu.Connection(server.url(1)) as connection, closing(connection.SimpleQueue("reels")) as queue:
        queue.put({})
        queue.get(timeout=5).ack()
    server.stop()


def test_a_message_survives_the_kill_of_the_server(server: EmbeddedValkey) -> None:
    with closing(server.client()) as client:
        client.rpush("reels", "7")
        # "everysec" is at most a second away from the disk; the kernel has a killed process's writes at once.
        wait_until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, what="the file was written")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    server.start()
    with closing(server.client()) as client:
        assert client.lrange("reels", 0, -1) == [b"7"]


def test_it_refuses_messages_beyond_its_memory_rather_than_forget_some(server: EmbeddedValkey) -> None:
    with closing(server.client()) as client:
        memory = client.config_get("maxmemory*")
        assert (memory["maxmemory"], memory["maxmemory-policy"]) == (str(512 * 2**20), "noeviction")
        assert client.config_get("append*")["appendonly"] == "yes"


def test_without_the_password_nothing_is_answered(server: EmbeddedValkey) -> None:
    with (
        closing(redis.Redis(unix_socket_path=str(server.folder / "socket" / "valkey.sock"), retry=ONCE)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_nothing_listens_on_the_network_unless_asked(server: EmbeddedValkey) -> None:
    assert server.pid is not None
    assert psutil.Process(server.pid).net_connections("inet") == []


def test_a_port_that_was_asked_for_is_on_the_loopback_alone_and_wants_the_password(tmp_path: Path) -> None:
    port = free_port()
    server = EmbeddedValkey(tmp_path / "valkey", port=port)
    server.start()
    assert server.pid is not None
    listening = {c.laddr.ip for c in psutil.Process(server.pid).net_connections("inet") if c.status == "LISTEN"}
    assert listening <= {"127.0.0.1", "::1"}
    with closing(redis.Redis(port=port, retry=ONCE)) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    password = (server.folder / "password").read_text()
    with closing(redis.Redis(port=port, password=password)) as friend:
        assert friend.ping()
    server.stop()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = EmbeddedValkey(tmp_path / "valkey", port=port)
        with pytest.raises(ProcessError, match=rf"(?s)valkey: ended with exit code 1 .*{port}"):
            server.start()


def test_only_the_owner_enters_the_folder_and_reads_the_secrets(server: EmbeddedValkey) -> None:
    folders = [server.folder, server.folder / "socket", server.folder / "data"]
    assert [stat.S_IMODE(f.stat().st_mode) for f in folders] == [0o700] * 3
    secrets = [server.folder / "password", server.folder / "valkey.conf"]
    assert [stat.S_IMODE(f.stat().st_mode) for f in secrets] == [0o600] * 2
    assert server.pid is not None
    assert (server.folder / "password").read_text() not in " ".join(psutil.Process(server.pid).cmdline())


def test_a_server_left_over_from_a_killed_run_is_ended_by_the_next_start(server: EmbeddedValkey) -> None:
    leftover = read_process_record(server.record)
    assert leftover is not None
    later = EmbeddedValkey(server.folder)
    later.start()
    assert not is_process_running(leftover)
    later.stop()


def test_a_path_too_long_for_a_socket_gets_a_private_folder_elsewhere(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / ("deep" * 20) / "valkey")
    server.start()
    elsewhere = Path((server.folder / "socket-folder").read_text())
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert server.notice is not None
    assert str(elsewhere) in server.notice
    with kombu.Connection(server.url()) as connection:
        connection.ensure_connection(max_retries=1)
    server.stop()
    assert not elsewhere.exists()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A server with a port for other systems."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("opened"), free_port())
    server.start()
    yield server
    server.stop()


def producer(url: str) -> Celery:
    """Another system that publishes with Celery."""
    app = Celery(broker=url, set_as_current=False)
    app.conf.task_ignore_result = True
    return app


def test_another_system_puts_triggers_on_their_queue_with_a_user_of_its_own(opened: EmbeddedValkey) -> None:
    url = opened.producer_url()
    assert url is not None
    with closing(opened.client()) as client:
        client.acl_log_reset()
        with producer(url) as app:
            for priority in (0, 9):
                app.send_task("trigger.scan", kwargs={"storage": "Rushes"}, queue="trigger", priority=priority)
        assert client.llen("trigger") == 1
        assert client.llen("trigger\x06\x169") == 1
        assert client.acl_log() == []


@pytest.mark.parametrize(
    "command",
    [
        ("LPUSH", "ingest", "x"),
        ("LPUSH", "trigger2", "x"),
        ("LRANGE", "trigger", "0", "-1"),
        ("RPOP", "trigger"),
        ("DEL", "trigger"),
        ("GET", "anything"),
        ("KEYS", "*"),
        ("SADD", "_kombu.binding.ingest", "x"),
        ("PUBLISH", "celeryev", "x"),
        ("CONFIG", "GET", "requirepass"),
        ("ACL", "LIST"),
        ("FLUSHALL",),
        ("EVAL", "return 1", "0"),
    ],
    ids=" ".join,
)
def test_the_user_of_other_systems_can_do_nothing_else(opened: EmbeddedValkey, command: tuple[str, ...]) -> None:
    with closing(redis.Redis.from_url(str(opened.producer_url()), retry=ONCE)) as stranger:
        with pytest.raises(redis.exceptions.NoPermissionError):
            stranger.execute_command(*command)
        assert stranger.ping()


def test_without_a_port_there_is_no_address_for_other_systems(server: EmbeddedValkey) -> None:
    assert server.producer_url() is None
