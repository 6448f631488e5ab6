"""Other systems and operators against a running Tapeless: triggers in four ways, and their display in Flower."""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from celery import Celery

from tests import plain_http
from tests.e2e.node_client import node_folder, send
from tests.e2e.reviewing import Outside, come_and_go, render, review
from tests.e2e.system import System, free_port, open_system
from tests.services.mail_server import mail_server
from tests.services.media_clips import put
from tests.services.webhook_receiver import webhook_target
from tests.waiting import wait_until
from workers.celery.app import QUEUES
from workers.local_stack import FLOWER_USER, LOOPBACK, Flower
from workers.processes.process import is_process_running

SECONDS = 40.0
ENDED = ("FINISHED", "FINISHED_WITH_WARNING", "FAILED")


@dataclass(frozen=True, slots=True)
class Running:
    """A system with its broker and its Flower open on the loopback."""

    system: System
    flower: Flower

    @property
    def root(self) -> Path:
        """What it watches."""
        return self.system.data.parent / "rushes"

    @property
    def broker_url(self) -> str:
        """What `tapeless trigger credentials` prints."""
        return self.system.run("trigger", "credentials").strip()

    def job(self, job_id: str) -> dict[str, Any]:
        """A job once it has ended."""

        def ended() -> dict[str, Any] | None:
            try:
                shown = self.system.ask("jobs", "show", job_id)
            except AssertionError:
                return None
            return shown if shown["state"] in ENDED else None

        return wait_until(ended, what=f"job {job_id} ended", seconds=SECONDS)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """A mail server, and another system that webhooks reach."""
    with mail_server() as box, webhook_target() as target:
        yield Outside(box, target)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Running]:
    """Runs with a service user that is the first administrator."""
    folder = tmp_path_factory.mktemp("outside")
    root = folder / "rushes"
    root.mkdir()
    with open_system(folder, TAPELESS_TRIGGER_USER="admin@localhost", **outside.environment) as system:
        port = free_port()
        system.start(root, "--broker-port", str(free_port()), "--flower-port", str(port))
        flower = Flower(system.data, LOOPBACK, port)
        wait_until(lambda: is_up(flower), what="Flower answers", seconds=SECONDS)
        wait_until(lambda: "trigger" in workers(flower), what="Flower knows the workers", seconds=SECONDS)
        yield Running(system, flower)


def ask(flower: Flower, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    url = f"http://{flower.address}:{flower.port}{path}"
    return plain_http.request(method, url, auth=(FLOWER_USER, flower.password), timeout=10, **options)


def is_up(flower: Flower) -> bool:
    try:
        return plain_http.get(f"http://{flower.address}:{flower.port}/healthcheck").status_code == 200
    except httpx.TransportError:
        return False


def workers(flower: Flower) -> dict[str, list[str]]:
    """Queues by worker, as Flower reports them."""
    answer = ask(flower, "/api/workers", params={"refresh": "1"})
    if answer.status_code != 200:
        return {}
    found = {name.partition("@")[0]: told for name, told in answer.json().items()}
    return {name: [queue["name"] for queue in told.get("active_queues") or []] for name, told in found.items()}


def task(flower: Flower, task_id: str, state: str) -> dict[str, Any]:
    """A task once Flower shows it in a state."""

    def shown() -> dict[str, Any] | None:
        answer = ask(flower, f"/api/task/info/{task_id}")
        return answer.json() if answer.status_code == 200 and answer.json()["state"] == state else None

    return wait_until(shown, what=f"Flower shows task {task_id} as {state}", seconds=SECONDS)


def test_a_client_in_another_language_asks_for_an_ingest_and_hears_of_its_asset(system: Running) -> None:
    folder = node_folder()
    clip = system.root / "from_node.mov"
    clip.write_bytes(b"node")
    task_id = send(folder, system.broker_url, "trigger.ingest", json.dumps({"path": str(clip)}))
    job = system.job(task_id)
    assert (job["state"], job["title"]) == ("FINISHED", f"Ingest {clip}"), job
    assert str(job["object"]).startswith("assets ")
    assert task(system.flower, task_id, "SUCCESS")["name"] == "trigger.ingest"


def test_the_celery_command_asks_for_a_scan(system: Running) -> None:
    words = ["call", "trigger.scan", "--kwargs", '{"storage": "rushes"}', "--queue", "trigger"]
    command = [sys.executable, "-m", "celery", "-b", system.broker_url, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=system.root.parent, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    job = system.job(done.stdout.strip().splitlines()[-1])
    assert (job["state"], "was walked" in str(job["message"])) == ("FINISHED", True)


def test_flower_sends_a_trigger_where_the_operator_lets_it(system: Running) -> None:
    mine = str(uuid.uuid4())
    with writable_flower(system.system) as flower:
        body = {"kwargs": {"storage": "rushes", "id": mine}, "args": []}
        answer = ask(flower, "/api/task/send-task/trigger.scan", "POST", json=body)
    assert answer.status_code == 200, answer.text
    assert system.job(mine)["state"] == "FINISHED"


@contextmanager
def writable_flower(system: System) -> Iterator[Flower]:
    flower = Flower(system.data, LOOPBACK, free_port(), is_writable=True)
    child = flower.child(system.data / "logs" / "flower-writable.log")
    flower.prepare()
    with open(child.log, "wb") as log:
        process = subprocess.Popen(child.argv, stdout=log, stderr=log, env=dict(child.env or {}))
    try:
        wait_until(lambda: is_up(flower), what="the writable Flower answers", seconds=SECONDS)
        yield flower
    finally:
        process.terminate()
        process.wait(20)


def test_a_trigger_that_is_refused_fails_where_operators_look(system: Running) -> None:
    with closing(celery_of(system.broker_url)) as app:
        wrong = app.send_task("trigger.scan", kwargs={"storag": "rushes"}, queue="trigger").id
        unknown = app.send_task("trigger.explode", kwargs={}, queue="trigger").id
        inner = app.send_task("maintenance.tidy", args=[[]], queue="trigger").id
        callback = app.signature("maintenance.tidy", args=[["hidden-word"]], queue="maintenance")
        asked = {"storage": "rushes"}
        carriers = [
            app.send_task("trigger.scan", kwargs=asked, queue="trigger", **more).id
            for more in ({"link_error": callback}, {"link": callback}, {"chain": [callback]}, {"countdown": 60})
        ]
    shown = task(system.flower, wrong, "FAILURE")
    assert "storag" in shown["exception"]
    assert "storag" in str(system.job(wrong)["error"])
    for task_id in (unknown, inner):
        assert "NotRegistered" in task(system.flower, task_id, "FAILURE")["exception"]
    for task_id in carriers:
        assert "Refused" in task(system.flower, task_id, "FAILURE")["exception"]
    log = (system.system.data / "logs" / "worker-trigger.log").read_text()
    assert (log.count("was refused"), "hidden-word" in log) == (6, False)


def celery_of(url: str) -> Celery:
    app = Celery(broker=url, set_as_current=False)
    app.conf.task_ignore_result = True
    return app


def test_nonsense_on_the_queue_does_not_stop_the_worker(system: Running) -> None:
    with closing(redis.Redis.from_url(system.broker_url)) as stranger:
        for nonsense in (b"{}", b"[]", b'{"body": "x", "headers": {}, "properties": {}}'):
            stranger.lpush("trigger", nonsense)
    with closing(celery_of(system.broker_url)) as app:
        task_id = app.send_task("trigger.scan", kwargs={"storage": "rushes"}, queue="trigger").id
    assert system.job(task_id)["state"] == "FINISHED"


def test_the_id_of_a_task_in_flower_is_the_id_of_its_job(system: Running) -> None:
    job_id = system.system.ask("storage", "regroup", "rushes", "--yes")["job_id"]
    shown = task(system.flower, job_id, "SUCCESS")
    assert (shown["name"], shown["args"]) == ("maintenance.regroup", 'Group storage "rushes" again')
    assert f'Group storage "rushes" again ({job_id}): ' in shown["result"]
    assert system.job(job_id)["task"] == "maintenance.regroup"


def test_flower_shows_every_queue_with_its_workers(system: Running) -> None:
    names = {"ingest", "index", "media", "trigger"}
    wait_until(lambda: workers(system.flower).keys() >= names, what="Flower knows all workers", seconds=SECONDS)
    found = workers(system.flower)
    assert {queue for queues in found.values() for queue in queues} == set(QUEUES)
    assert found["trigger"] == ["trigger"]
    lengths = ask(system.flower, "/api/queues/length").json()["active_queues"]
    assert {each["name"] for each in lengths} == set(QUEUES)
    assert ask(system.flower, "/tasks").status_code == 200
    assert "trigger@" in ask(system.flower, "/workers").text


def test_headers_of_what_comes_in_do_not_wait_for_renditions(system: Running) -> None:
    """Two sequences of four files and a hole of a hundred thousand frames: their encoders are busy for minutes."""
    put(system.root, *(f"{name}.{number:06}.exr" for name in ("dawn", "dusk") for number in (1, 2, 3, 99_999)))
    jobs = [transcode(system, name) for name in ("dawn", "dusk")]
    wait_until(lambda: "STARTED" in states(system, jobs), what="one is made", seconds=SECONDS)
    (running,) = [job for job, state in zip(jobs, states(system, jobs), strict=True) if state == "STARTED"]
    task_id, shown = wait_until(lambda: shown_task(system.flower, "transcode.run", running), what="Flower shows it")
    assert re.search(r'Transcode "d[au][ws][nk]" to web', shown["args"]), shown
    # Flower hears of the task just before the job records it.
    wait_until(
        lambda: "does not exist" not in system.system.run("jobs", "show", task_id, code=None),
        what="the job knows its task",
        seconds=SECONDS,
    )
    assert system.system.ask("jobs", "show", task_id)["id"] == running
    assert system.system.ask("jobs", "show", task_id[:20])["id"] == running
    put(system.root, "fresh.mp4")
    wait_until(lambda: has_headers(system, "fresh"), what="the headers of what came then are read", seconds=SECONDS)
    assert sorted(states(system, jobs)) == ["READY", "STARTED"]
    for job in jobs:
        system.system.run("jobs", "abort", job)
    wait_until(lambda: states(system, jobs) == ["ABORTED"] * 2, what="both have stopped", seconds=SECONDS)


def shown_task(flower: Flower, name: str, words: str) -> tuple[str, dict[str, Any]] | None:
    """A task of this name whose arguments, as Flower shows them, hold these words."""
    tasks = ask(flower, "/api/tasks", params={"taskname": name}).json()
    return next(((task_id, shown) for task_id, shown in tasks.items() if words in (shown["args"] or "")), None)


def test_flower_names_the_folders_of_an_ingest_and_they_lead_to_the_island_and_back(system: Running) -> None:
    put(system.root, "day 1/A/one.mov")
    shown = wait_until(lambda: shown_task(system.flower, "ingest.island", "day 1"), what="Flower names it")
    assert shown[1]["args"].startswith("ingest 1 folder of rushes: day 1")
    task(system.flower, shown[0], "SUCCESS")
    explained = system.system.run("explain", str(system.root / "day 1/A/one.mov"))
    (number,) = re.findall(r"is grouped with island (\d+), ", explained)
    assert system.system.ask("jobs", "show", number)["folder"].startswith(str(system.root / "day 1"))


def transcode(system: Running, title: str) -> str:
    """Ask for a rendition once the asset is there with its headers; the id of its job."""
    wait_until(lambda: has_headers(system, title), what=f"{title} is read", seconds=SECONDS)
    return system.system.run("transcode", title).split()[1].rstrip(":")


def states(system: Running, jobs: list[str]) -> list[str]:
    return [system.system.ask("jobs", "show", job)["state"] for job in jobs]


def has_headers(system: Running, title: str) -> bool:
    try:
        (shown,) = system.system.ask("show", title)["formats"]
    except AssertionError:
        return False
    return any(part["media"] for file_set in shown["file_sets"] for part in file_set["components"])


def test_a_reviewer_is_asked_by_mail_and_webhook_votes_and_the_requester_hears(
    system: Running, outside: Outside
) -> None:
    review(system.system, system.root, outside)


def test_a_render_grows_and_goes_quiet(system: Running, outside: Outside) -> None:
    render(system.system, system.root, outside)


def test_a_storage_comes_and_goes_and_its_assets_stay(system: Running) -> None:
    come_and_go(system.system, system.root.parent / "visit")


def test_nothing_is_shown_without_the_password_and_nothing_is_changed_with_it(system: Running) -> None:
    root = f"http://{system.flower.address}:{system.flower.port}"
    for path in ("/", "/workers", "/tasks", "/broker", "/api/workers", "/api/tasks"):
        assert plain_http.get(root + path).status_code == 401, path
        assert plain_http.get(root + path, auth=(FLOWER_USER, "wrong")).status_code == 401, path
    worker = next(iter(ask(system.flower, "/api/workers").json()))
    for path in (
        "/api/task/send-task/trigger.scan",
        f"/api/worker/shutdown/{worker}",
        f"/api/worker/pool/grow/{worker}?n=1",
        f"/api/task/revoke/{uuid.uuid4()}?terminate=true",
    ):
        refused = ask(system.flower, path, "POST", json={"args": []})
        assert (refused.status_code, "ead only" in refused.text) == (403, True), (path, refused.text)


def test_the_sign_in_stands_in_no_log_and_no_process_s_arguments(system: Running) -> None:
    logs = "".join(path.read_text(errors="replace") for path in (system.system.data / "logs").glob("*.log*"))
    arguments = "".join(
        path.read_text(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()
    )
    producer = system.broker_url.split(":")[2].split("@")[0]
    for secret in (system.flower.password, producer):
        assert secret not in logs
        assert secret not in arguments
    assert f"password in {system.system.data / 'flower' / 'password'}" in system.system.printed()
    assert (system.system.data / "flower" / "settings.py").stat().st_mode & 0o077 == 0


def test_logs_are_shown_and_down_stops_everything(system: Running) -> None:
    """The last of this module: nothing runs after it."""
    assert "watch: " in system.system.run("logs", "watch")
    family = system.system.family()
    assert "everything has stopped" in system.system.run("down")
    assert not any(is_process_running(member) for member in family)
    assert "nothing runs there" in system.system.run("down")
