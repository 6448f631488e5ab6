"""The embedded PostgreSQL, tested on a real server."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from tests.servers import ROOT
from tests.waiting import wait_until
from workers.embedded import run_as
from workers.embedded.data_folder import DataFolderError
from workers.embedded.postgres import EmbeddedPostgres, find_postgres_program
from workers.processes.process import identify_process, is_process_running, read_process_record


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for all tests that only ask."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("data") / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that the test may damage."""
    server = EmbeddedPostgres(tmp_path / "postgres")
    server.start()
    yield server
    server.stop()


def connect(server: EmbeddedPostgres, **differences: str) -> psycopg.Connection:
    """Connect as the URL says, but for the differences."""
    url = make_url(server.url())
    parameters = {
        "host": url.query["host"],
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
    } | differences
    return psycopg.connect(**parameters, autocommit=True)


def ask(server: EmbeddedPostgres, question: str) -> object:
    with closing(connect(server)) as connection:
        row = connection.execute(question).fetchone()
    return None if row is None else row[0]


def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(server, password="guessed")


def test_the_application_is_no_superuser(server: EmbeddedPostgres) -> None:
    assert ask(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_text_is_utf8_and_sorts_by_code_point(server: EmbeddedPostgres) -> None:
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SELECT string_agg(n, '' ORDER BY n) FROM unnest(ARRAY['ä', 'b', 'B', 'a']) n") == "Babä"
    assert ask(server, "SELECT lower('ÄÖÜ')") == "äöü"


def test_a_forgotten_transaction_is_ended_by_the_server(server: EmbeddedPostgres) -> None:
    assert ask(server, "SHOW idle_in_transaction_session_timeout") == "1min"


def test_nothing_listens_on_the_network(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    assert psutil.Process(server.pid).net_connections("inet") == []


def test_only_the_owner_enters_the_folder_and_reads_the_secrets(server: EmbeddedPostgres) -> None:
    folders = [server.folder, server.data, server.folder / "socket"]
    assert [stat.S_IMODE(f.stat().st_mode) for f in folders] == [0o700] * 3
    secrets = [server.folder / "password", server.folder / "superuser-password"]
    assert [stat.S_IMODE(f.stat().st_mode) for f in secrets] == [0o600] * 2


def test_no_password_is_shown_in_the_list_of_processes(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    shown = " ".join(psutil.Process(server.pid).cmdline())
    assert (server.folder / "password").read_text() not in shown


def test_a_database_is_copied_from_a_template_and_dropped_with_a_connection_on_it(server: EmbeddedPostgres) -> None:
    server.create_database("pattern")
    with closing(connect(server, dbname="pattern")) as connection:
        connection.execute("CREATE TABLE reel AS SELECT 7 AS number")
    server.create_database("copy", template="pattern")
    with closing(connect(server, dbname="copy")) as connection:
        assert connection.execute("SELECT number FROM reel").fetchone() == (7,)
        server.drop_database("copy")
    server.drop_database("pattern")
    server.drop_database("copy")


def test_what_was_acknowledged_survives_the_kill_of_the_server(own_server: EmbeddedPostgres) -> None:
    with closing(connect(own_server)) as connection:
        connection.execute("CREATE TABLE reel AS SELECT generate_series(1, 1000) AS number")
    assert own_server.pid is not None
    os.kill(own_server.pid, signal.SIGKILL)
    own_server.stop()
    own_server.start()
    assert ask(own_server, "SELECT count(*) FROM reel") == 1000


def test_a_server_left_over_from_a_killed_run_is_ended_by_the_next_start(own_server: EmbeddedPostgres) -> None:
    leftover = read_process_record(own_server.record)
    assert leftover is not None
    later = EmbeddedPostgres(own_server.folder)
    later.start()
    assert not is_process_running(leftover)
    assert later.pid != leftover.pid
    later.stop()


def test_a_lock_file_with_the_pid_of_another_program_is_swept(own_server: EmbeddedPostgres) -> None:
    own_server.stop()
    (own_server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{own_server.data}\n")
    own_server.start()
    assert own_server.is_ready()


def test_a_server_that_somebody_else_runs_on_the_folder_is_left_alone(own_server: EmbeddedPostgres) -> None:
    pid = own_server.pid
    assert pid is not None
    own_server.record.unlink()
    with pytest.raises(DataFolderError, match=f"already served by PostgreSQL process {pid}"):
        EmbeddedPostgres(own_server.folder).start()
    assert identify_process(pid) is not None


def test_a_first_start_that_was_cut_off_is_begun_again(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    (server.folder / "data.new" / "base").mkdir(parents=True)
    server.start()
    assert server.is_ready()
    server.stop()
    assert not (server.folder / "data.new").exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", {"shared_buffers": "much"})
    with pytest.raises(Exception, match=r'(?s)postgres: ended with exit code 1 .*"shared_buffers": "much"'):
        server.start()


def test_a_path_too_long_for_a_socket_gets_a_private_folder_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / "postgres"
    server = EmbeddedPostgres(folder)
    server.start()
    elsewhere = Path(str(make_url(server.url()).query["host"]))
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert not elsewhere.is_relative_to(folder)
    assert server.notice is not None
    assert str(elsewhere) in server.notice
    server.stop()
    assert not elsewhere.exists()
    (folder / "socket-folder").write_text(str(elsewhere))  # as after a kill and a cleaner of temporary folders
    server.start()
    assert server.is_ready()
    server.stop()


def test_folders_above_keep_their_mode_and_owner(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = [(p.stat().st_mode, p.stat().st_uid) for p in (tmp_path, closed)]
    server = EmbeddedPostgres(closed / "postgres")
    server.start()
    server.stop()
    assert [(p.stat().st_mode, p.stat().st_uid) for p in (tmp_path, closed)] == before


def test_the_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    program = (
        "import os, pathlib, signal, workers.embedded.postgres as postgres\n"
        f"postgres.EmbeddedPostgres(pathlib.Path({str(server.folder)!r})).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    started = read_process_record(server.record)
    assert started is not None
    wait_until(lambda: not is_process_running(started), what="the server ended")


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL refuses root alone; an ordinary user needs no detour")
class TestAsRoot:
    def test_the_way_is_written_down_and_the_server_runs_without_root_rights(self, server: EmbeddedPostgres) -> None:
        assert (server.folder / "runs-as").read_text() in ("unshare", "setpriv")
        assert server.pid is not None
        namespace = os.readlink(f"/proc/{server.pid}/ns/user")
        assert namespace != os.readlink("/proc/self/ns/user") or psutil.Process(server.pid).uids().real != 0

    def test_without_user_namespaces_it_runs_as_nobody_below_open_folders(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            open_folder = Path(name)
            open_folder.chmod(0o755)
            server = EmbeddedPostgres(open_folder / "postgres")
            server.folder.mkdir()
            try:
                run_as.choose_run_as(server.folder, find_postgres_program("initdb"), tried=("setpriv",))
            except DataFolderError:
                pytest.skip("nobody may not enter the folder of the environment")
            server.start()
            assert server.pid is not None
            assert psutil.Process(server.pid).uids().real == run_as.NOBODY_UID
            server.stop()
            server.start()
            assert server.is_ready()
            server.stop()
            assert stat.S_IMODE(open_folder.stat().st_mode) == 0o755

    def test_where_no_way_works_the_folders_and_the_next_step_are_named(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        with pytest.raises(DataFolderError, match=rf"may not enter {tmp_path} .*--data"):
            run_as.choose_run_as(tmp_path / "postgres", find_postgres_program("initdb"), tried=("setpriv",))

    def test_a_folder_made_another_way_is_refused(self, tmp_path: Path) -> None:
        folder = tmp_path / "postgres"
        folder.mkdir()
        (folder / "runs-as").write_text("setpriv")
        with pytest.raises(DataFolderError, match="belongs to user 0 and its database ran as setpriv"):
            EmbeddedPostgres(folder).start()
