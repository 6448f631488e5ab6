"""Addresses of brokers and databases are translated for the libraries, and wrong ones refused with the reason."""

import ssl
from pathlib import Path

import pytest

from workers.config.broker import parse_broker_url, split_hosts
from workers.config.connection import find_system_connection, to_driver_url
from workers.config.settings import Settings, SettingsError

VERIFIED = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


@pytest.mark.parametrize(
    ("url", "passed_on", "tls", "options"),
    [
        ("redis://:pw@host:6379/1", "redis://:pw@host:6379/1", None, {}),
        ("redis+socket://:pw@%2Frun%2Fs?virtual_host=1", "redis+socket://:pw@%2Frun%2Fs?virtual_host=1", None, {}),
        ("rediss://u:pw@host/0", "rediss://u:pw@host/0", VERIFIED, {}),
        (
            "rediss://host/0?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
            "rediss://host/0",
            VERIFIED | {"ssl_ca_certs": "/ca.pem", "ssl_certfile": "/c.pem", "ssl_keyfile": "/k.pem"},
            {},
        ),
        (
            "rediss://host/0?ssl_cert_reqs=none",
            "rediss://host/0",
            {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False},
            {},
        ),
        (
            "sentinel://:pw@h1,h2:26380/0?master=tapeless",
            "sentinel://:pw@h1:26379/0;sentinel://:pw@h2:26380/0",
            None,
            {"master_name": "tapeless", "sentinel_kwargs": {}},
        ),
        (
            "sentinels://h1/0?master=m&sentinel_password=s%20p&ssl_ca_certs=/ca.pem",
            "sentinel://h1:26379/0",
            VERIFIED | {"ssl_ca_certs": "/ca.pem"},
            {
                "master_name": "m",
                "sentinel_kwargs": {"ssl": True, "password": "s p", "ssl_ca_certs": "/ca.pem", **VERIFIED},
            },
        ),
    ],
)
def test_an_address_becomes_what_celery_understands(url: str, passed_on: str, tls: object, options: object) -> None:
    found = parse_broker_url(url)
    assert (found.url, found.tls, found.transport_options) == (passed_on, tls, options)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("rediss://host/0?ssl_cert_reqs=maybe", "write required, or none"),
        ("rediss://host/0?ssl_ca_cert=/ca.pem", '"ssl_ca_cert" is not an option of a broker'),
        ("sentinel://host/0", "needs the name of their master"),
    ],
)
def test_a_wrong_option_is_refused_at_the_start(url: str, complaint: str) -> None:
    settings = Settings(database_url="postgresql://host/db", broker_url=url)
    with pytest.raises(SettingsError, match=f"TAPELESS_BROKER_URL: .*{complaint}"):
        find_system_connection(settings)


@pytest.mark.parametrize(
    ("url", "passed_on"),
    [
        ("postgresql://u:p@h/db?sslmode=require", "postgresql+psycopg://u:p@h/db?sslmode=require"),
        (
            "postgresql://u:p@h1:5433,h2/db",
            "postgresql+psycopg://u:p@/db?host=h1%2Ch2&port=5433%2C5432&target_session_attrs=read-write",
        ),
        (
            "postgres://h1,h2/db?target_session_attrs=any",
            "postgresql+psycopg:///db?host=h1%2Ch2&port=5432%2C5432&target_session_attrs=any",
        ),
    ],
)
def test_a_database_may_have_several_hosts(url: str, passed_on: str) -> None:
    assert to_driver_url(url) == passed_on
    assert split_hosts("postgresql://u@h/db") == "postgresql://u@h/db"


def test_files_of_authorities_and_passwords_are_settings(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of sentinels")
    settings = Settings(
        database_url="postgresql://u@h/db",
        database_ca_file=tmp_path / "ca.pem",
        broker_url="sentinels://h/0?master=m",
        broker_ca_file=tmp_path / "ca.pem",
        sentinel_password_file=secret,
    )
    connection = find_system_connection(settings)
    assert connection.database_url.endswith(
        f"/db?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem".replace("/", "%2F").replace("%2Fdb", "/db")
    )
    broker = parse_broker_url(connection.broker_url)
    assert broker.tls == VERIFIED | {"ssl_ca_certs": f"{tmp_path}/ca.pem"}
    assert broker.transport_options["sentinel_kwargs"]["password"] == "of sentinels"
