"""The servers of a run start once, report errors, and end with the run in any case."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from models.schema import is_schema_current
from tests.servers import ROOT, Servers, ServersError, close_run, join_run, open_run
from tests.waiting import wait_until
from workers.embedded.postgres import EmbeddedPostgres
from workers.processes.process import is_process_running, read_process_record


def test_a_database_for_a_test_has_every_migration_and_is_its_own(
    database_url: str, postgres: EmbeddedPostgres
) -> None:
    assert is_schema_current(database_url)
    assert database_url != postgres.url()


@pytest.mark.parametrize("reel", [1, 2])
def test_no_test_sees_the_tables_of_another(reel: int, database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE only_mine (number int)"))
    engine.dispose()


def test_all_who_join_a_run_get_the_same_servers(servers: Servers) -> None:
    with closing(join_run(servers.run)) as again:
        assert again.postgres.url() == servers.postgres.url()


def test_servers_that_cannot_start_are_an_error_with_its_reason() -> None:
    run = open_run()
    (run / "postgres").write_text("a file where the folder should be")
    with pytest.raises(ServersError, match=r"(?s)cannot be started:.*exists"):
        join_run(run)
    close_run(run)
    assert not run.exists()


def test_the_servers_end_with_a_run_that_was_killed() -> None:
    program = (
        "from tests.servers import join_run, open_run\n"
        "run = open_run()\njoin_run(run)\nprint(run, flush=True)\nimport os; os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    run = Path(killed.stdout.strip())
    servers = [
        read_process_record(run / name) for name in ("postgres/postgres.json", "valkey/valkey.json", "keeper.json")
    ]
    wait_until(lambda: not run.exists(), what="the folder of the run was gone", seconds=20)
    processes = [server for server in servers if server is not None]
    wait_until(lambda: not any(map(is_process_running, processes)), what="all had ended")


def test_the_folder_of_a_run_that_was_killed_before_it_had_servers_is_swept() -> None:
    program = "from tests.servers import open_run\nprint(open_run())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    left = Path(done.stdout.strip())
    assert left.exists()
    close_run(open_run())
    assert not left.exists()
