"""compose.yaml as tested: each service's own command, on real servers, from a file to a search hit."""

import json
import re
import resource
import subprocess
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest

from tests import plain_http
from tests.compose.host import FILE, SERVERS, Host, own_services, project_version, read_compose
from tests.files import write
from tests.servers import Servers
from tests.waiting import wait_until
from workers.celery.app import QUEUES

RUNNING = [name for name in own_services() if name != "migrate"]


@pytest.fixture(scope="module")
def host(
    tmp_path_factory: pytest.TempPathFactory, servers: Servers, worker_id: str, opensearch_url: str
) -> Iterator[Host]:
    """An empty database, a broker and a search engine, and a migrated schema by the service that makes it."""
    name = f"compose_{worker_id}"
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    servers.postgres.create_database(name)
    folder = tmp_path_factory.mktemp("compose")
    host = Host(folder, servers.postgres.url(name), servers.valkey.url(number), opensearch_url)
    host.prepare()
    host.run("migrate")
    yield host
    servers.postgres.drop_database(name)


@pytest.fixture(scope="module")
def processes(host: Host) -> Iterator[Mapping[str, subprocess.Popen[bytes]]]:
    with host.running(RUNNING) as processes:
        api = f"http://127.0.0.1:{host.port('api', '8780')}"
        host.wait_for("api", processes["api"], lambda: plain_http.get(f"{api}/ready").status_code == 200)
        yield processes


def test_a_file_that_is_dropped_is_found_over_http(host: Host, processes: Mapping[str, subprocess.Popen]) -> None:
    host.run("api", "tapeless", "storage", "add", str(host.folder / "media"), "--name", "Rushes")
    host.run("api", "tapeless", "user", "add", "ada@example.org", "--admin", typed="open sesame, please\n")
    token = json.loads(host.run("api", "tapeless", "token", "create", "ada@example.org", "--json"))
    headers = {"App-ID": token["app_id"], "Auth-Token": token["token"]}
    search = f"http://127.0.0.1:{host.port('api', '8780')}/API/search/v1/search/"
    write(host.folder / "media", "kitchen.mov")

    def is_found() -> bool:
        answer = plain_http.request("POST", search, json={"query": "kitchen"}, headers=headers)
        return answer.status_code == 200 and answer.json()["total"] == 1

    wait_until(is_found, what="the file is found", seconds=60)


def test_status_takes_half_a_second_of_cpu_at_most(host: Host, processes: Mapping[str, subprocess.Popen]) -> None:
    """A process of a service runs it: to load what it needs here takes two."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    status = json.loads(host.run("api", "tapeless", "status", "--json"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "storages" in status
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_every_service_runs_and_shows_its_metrics(host: Host, processes: Mapping[str, subprocess.Popen]) -> None:
    for service, process in processes.items():
        if service == "flower":
            continue
        address = f"http://127.0.0.1:{host.port(service, '9180')}/metrics"
        host.wait_for(service, process, lambda address=address: plain_http.get(address).status_code == 200)


def test_flower_asks_for_a_password(host: Host, processes: Mapping[str, subprocess.Popen]) -> None:
    flower = f"http://127.0.0.1:{host.port('flower', '5555')}"
    host.wait_for("flower", processes["flower"], lambda: plain_http.get(f"{flower}/healthcheck").status_code == 200)
    assert plain_http.get(f"{flower}/workers").status_code == 401
    assert plain_http.get(f"{flower}/workers", auth=("tapeless", "letmein")).status_code == 200


def test_a_log_line_is_an_object(host: Host, processes: Mapping[str, subprocess.Popen]) -> None:
    lines = [line for line in host.log("api").read_text().splitlines() if line]
    assert lines
    assert all("message" in json.loads(line) for line in lines)


def test_every_queue_has_a_worker() -> None:
    words = [one["command"] for name, one in own_services().items() if name.startswith("worker-")]
    served = {queue for command in words for queue in command[command.index("-Q") + 1].split(",")}
    assert served == set(QUEUES)


def test_every_service_can_be_looked_after() -> None:
    compose = read_compose()
    for name, service in compose["services"].items():
        assert service["restart"] in ("unless-stopped", "on-failure"), name
        assert name == "migrate" or service["healthcheck"]["test"], name
        assert service["deploy"]["resources"]["limits"].keys() >= {"memory", "pids"}, name
        for secret in service.get("secrets", []):
            assert secret in compose["secrets"], (name, secret)
        for needed in service.get("depends_on", {}):
            assert needed in compose["services"], (name, needed)


def test_no_limit_of_a_service_is_written_where_compose_refuses_it_beside_those_of_deploy() -> None:
    # Compose wants `pids_limit` and `deploy.resources.limits.pids` to be equal, also where one of them is absent.
    refused = {"cpus", "mem_limit", "mem_reservation", "pids_limit", "scale"}
    assert {name: refused & service.keys() for name, service in read_compose()["services"].items()} == {
        name: set() for name in read_compose()["services"]
    }


def test_no_service_of_ours_may_write_media_or_hold_a_secret_in_its_environment() -> None:
    for name, service in own_services().items():
        assert service["read_only"], name
        media = [volume for volume in service["volumes"] if ":/media" in volume]
        assert media
        assert all(volume.endswith(":ro") for volume in media), name
        for setting, value in service["environment"].items():
            assert urlsplit(value).password is None, (name, setting)
            assert not setting.endswith(("PASSWORD", "SECRET", "KEY")), (name, setting)


def test_every_service_has_the_secrets_that_its_environment_names_and_no_others() -> None:
    for name, service in own_services().items():
        words = [*map(str, service["environment"].values()), *map(str, service["command"])]
        named = {word.partition("/run/secrets/")[2] for word in words if "/run/secrets/" in word}
        # The password of the mail server is named in .env, where there is one.
        assert set(service["secrets"]) - {"smtp_password"} == named, name
        assert ("smtp_password" in service["secrets"]) is (name == "worker-index")


def test_every_service_is_hardened_and_shows_no_password_to_users_of_the_host() -> None:
    for name, service in read_compose()["services"].items():
        assert (service["init"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] or name == "opensearch", name
        shown = " ".join(
            map(str, [*service.get("command", []), *service["healthcheck"]["test"]] if name != "migrate" else [])
        )
        assert 'requirepass "' not in shown, name
        assert " -a " not in shown, name


def test_settings_of_operators_are_in_the_example_and_media_are_asked_for() -> None:
    text = FILE.read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    given = re.findall(r"^([A-Z_]+)=", (FILE.parent / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert asked == set(given)
    assert "${MEDIA:?" in text
    assert f"TAPELESS_VERSION:-{project_version()}" in text


def test_servers_keep_their_secrets_in_files_and_their_data_in_volumes() -> None:
    services = read_compose()["services"]
    for name in SERVERS:
        assert services[name]["volumes"], name
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"].startswith("/run/secrets/")
    assert "appendonly yes" in " ".join(services["valkey"]["command"])
