"""An upgrade from 0.1: its database, its queued work and its running worker, taken over by the present version."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.schema import is_schema_current
from tests.conftest import IS_CI
from tests.servers import Servers
from tests.upgrade.revision import HistoryError, export_revision
from tests.upgrade.scenario import BOTH, FILES, LAST, LEFT_TO_THE_NEW, PICTURES, STORAGE, Upgrade, upgraded
from workers.celery.app import QUEUES
from workers.main import main

pytestmark = pytest.mark.timeout(400)
"""The whole upgrade is one fixture, with four processes that a busy machine may run slowly."""
REGISTERED = re.compile(r"^  \. ([a-z_.]+)$", re.MULTILINE)
SUCCEEDED = re.compile(r"Task ([a-z_.]+)\[[^]]*\] succeeded in")


@pytest.fixture(scope="module")
def upgrade(
    servers: Servers, database_names: Iterator[str], worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgrade]:
    """A system after its upgrade; on a laptop, a shallow clone has no such revision."""
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    try:
        with upgraded(servers, next(database_names), number, tmp_path_factory.mktemp("upgrade")) as upgrade:
            yield upgrade
    except HistoryError as error:
        if IS_CI:
            raise
        pytest.skip(str(error))


def test_a_clone_without_the_revision_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="has no revision 0000000: clone all of it"):
        export_revision("0000000", tmp_path / "tree")


def tasks(upgrade: Upgrade, version: str) -> Counter[str]:
    """Count the tasks that the worker of a version has done."""
    return Counter(SUCCEEDED.findall(upgrade.logs[f"{version}-worker"]))


def test_the_upgrade_began_with_work_of_every_kind(upgrade: Upgrade) -> None:
    assert len(upgrade.assets) > 24
    assert {name for name, count in upgrade.waiting.items() if not count} <= {"growing", "deliveries"}
    assert {queue for queue, count in upgrade.messages.items() if count} >= {"ingest", "maintenance", "trigger"}


def test_the_old_processes_worked_on_the_migrated_database_and_ended_well(upgrade: Upgrade) -> None:
    assert is_schema_current(upgrade.url)
    assert sum(upgrade.left.values()) > 0
    assert upgrade.exits == {"worker": 0, "node": 0}
    done = tasks(upgrade, "old")
    assert done.keys() >= {"ingest.island", "index.drain", "metadata.probe", "maintenance.mail", "maintenance.webhooks"}


def test_messages_of_the_old_version_ran_in_the_new_worker(upgrade: Upgrade) -> None:
    done = tasks(upgrade, "new")
    assert {task.partition(".")[0] for task in done} >= LEFT_TO_THE_NEW
    assert done.keys() >= {"ingest.island", "index.drain", "maintenance.set_values", "maintenance.mail"}


def test_every_task_of_the_old_version_has_its_name_and_queue_in_the_new_one(upgrade: Upgrade) -> None:
    old, new = (set(REGISTERED.findall(upgrade.logs[f"{version}-worker"])) for version in ("old", "new"))
    assert len(old) > 30
    assert old - new == set()
    assert {task.partition(".")[0] for task in old} <= set(QUEUES)


def test_no_message_was_refused_and_nothing_failed(upgrade: Upgrade) -> None:
    wrong = re.compile(r" (ERROR|CRITICAL) |Traceback|unregistered")
    found = [line for log in upgrade.logs.values() for line in log.splitlines() if wrong.search(line)]
    assert found == []


def test_every_job_is_done(upgrade: Upgrade) -> None:
    wanted = {**upgrade.jobs, **{f"metadata of {work.word}": work.job for work in upgrade.works}}
    status = {str(key): status for key, status in upgrade.rows("SELECT id, status FROM job")}
    assert {name: status.get(key) for name, key in wanted.items()} == dict.fromkeys(wanted, "FINISHED")
    assert set(upgrade.count().values()) == {0}


def test_ids_and_history_stay(upgrade: Upgrade) -> None:
    assert upgrade.assets.items() <= upgrade.read_assets().items()
    history = upgrade.read_history()
    assert history[: len(upgrade.history)] == upgrade.history


def test_every_file_is_in_one_asset(upgrade: Upgrade) -> None:
    query = """
        SELECT convert_from(file.name, 'UTF8') FROM file
        JOIN file_set_file ON file_set_file.file_id = file.id
        JOIN file_set ON file_set.id = file_set_file.file_set_id JOIN format ON format.id = file_set.format_id
        JOIN asset ON asset.id = format.asset_id AND asset.status = 'ACTIVE' WHERE format.rule <> 'transcode'
    """
    names = [str(name) for (name,) in upgrade.rows(query)]
    assert sorted(names) == sorted(path.rpartition("/")[2] for path in (*FILES, *BOTH, *LAST))


def test_each_change_is_made_once(upgrade: Upgrade) -> None:
    comments = Counter(upgrade.rows("SELECT segment_text, asset_id::text FROM segment"))
    assert comments == Counter((f"{work.word} spoken", work.assets[0]) for work in upgrade.works)
    values = Counter(upgrade.rows("SELECT asset_id::text, job_id::text FROM history WHERE operation_type = 'METADATA'"))
    assert values == Counter((asset, work.job) for work in upgrade.works for asset in work.assets)


def test_each_mail_and_each_webhook_arrives_once(upgrade: Upgrade) -> None:
    assert Counter(upgrade.mailbox.recipients) == Counter(work.mail for work in upgrade.works)
    heard = Counter(each.headers["webhook-id"] for each in upgrade.target.heard)
    assert heard == Counter(str(key) for (key,) in upgrade.rows("SELECT id FROM webhook_delivery"))
    created = {each.told["object_id"] for each in upgrade.target.heard if each.told["operation"] == "create"}
    assert created >= upgrade.read_assets().keys() - upgrade.assets.keys()


def test_search_finds_everything(upgrade: Upgrade) -> None:
    assert upgrade.found[""] == upgrade.read_assets()
    for work in upgrade.works:
        assert upgrade.found[f"{work.word} spoken"].keys() == {work.assets[0]}
        assert upgrade.found[f"{work.word} written"].keys() == set(work.assets)


def test_pictures_that_older_rules_took_for_frames_stay_one_asset(upgrade: Upgrade) -> None:
    """What people attached to the sequence stays, and a picture that comes is a photograph by the present rules."""
    query = """
        SELECT asset.title, format.structure, file_set.file_count FROM file_set
        JOIN format ON format.id = file_set.format_id JOIN asset ON asset.id = format.asset_id
        WHERE asset.title LIKE 'IMG%' ORDER BY asset.title
    """
    assert upgrade.rows(query) == [("IMG", "image_sequence", len(PICTURES)), ("IMG_0013", "image", 1)]
    status = json.loads(run(upgrade, "status", "--json").output)
    ((older,),) = upgrade.rows("SELECT count(*) FROM island WHERE rules_version = 1 AND done > 0")
    assert status["outdated_islands"] == older > 0
    promised = json.loads(run(upgrade, "storage", "regroup", STORAGE, "--json").output)
    (change,) = (each for each in promised["difference"]["changes"] if each["dependents"])
    assert (change["leaves"]["count"], change["dependents"]) == (
        len(PICTURES) - 1,
        {"approvals": 1, "comments": 1, "shares": 1, "values": 1},
    )


def run(upgrade: Upgrade, *arguments: str) -> Result:
    """Run the present command on the upgraded system."""
    env = {"TAPELESS_DATABASE_URL": upgrade.url, "TAPELESS_BROKER_URL": upgrade.broker_url}
    return CliRunner().invoke(main, arguments, env=env)


def test_verify_finds_nothing_broken(upgrade: Upgrade) -> None:
    done = run(upgrade, "verify")
    assert done.exit_code == 0, done.output
