"""A server that runs and refuses work is described by its state, and never is it advised to start it."""

from contextlib import closing

import pytest

from tests.servers import Servers
from workers.doctor import check_broker_writes
from workers.server_states import ASK_FOR_START, ServerName, explain_refusal


@pytest.mark.parametrize(
    ("server", "reason", "state", "advice"),
    [
        ("broker", "MISCONF Errors writing to the AOF file: No space left on device", "its disk", "free its disk"),
        ("broker", "MISCONF Valkey is configured to save RDB snapshots, but it's currently", "its disk", "free its"),
        ("broker", "command not allowed when used memory > 'maxmemory'.", "memory is full", "raise its maxmemory"),
        ("broker", "OOM command not allowed when used memory > 'maxmemory'.", "memory is full", "maxmemory"),
        ("broker", "You can't write against a read only replica.", "a replica", "primary"),
        ("broker", "Valkey is loading the dataset in memory", "reads its data", "wait"),
        ("broker", "Link with MASTER is down [MASTERDOWN]", "primary does not answer", "start the primary"),
        ("broker", "Authentication required.", "the user or the password", "TAPELESS_BROKER_PASSWORD_FILE"),
        ("broker", "invalid username-password pair or user is disabled.", "the password", "TAPELESS_BROKER_URL"),
        ("broker", "User trigger has no permissions to run the 'set' command", "a permission", "ACL"),
        ("broker", "max number of clients reached", "connections are taken", "maxclients"),
        ("database", 'could not extend file "base/5/1": No space left on device [53100]', "disk is full", "free"),
        ("database", "cannot execute INSERT in a read-only transaction [25006]", "read-only", "primary"),
        ("database", "FATAL:  sorry, too many clients already", "connections are taken", "max_connections"),
        ("database", "FATAL:  remaining connection slots are reserved for roles", "are taken", "max_connections"),
        ("database", "FATAL:  the database system is starting up", "starts or stops", "wait"),
        ("database", "FATAL:  the database system is in recovery mode", "starts or stops", "wait"),
        ("database", 'FATAL:  password authentication failed for user "t"', "the password", "PASSWORD_FILE"),
        ("database", 'FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "the user", "TAPELESS_DATABASE_URL"),
        ("database", 'FATAL:  database "tapeless" does not exist', "no such database", "create it"),
        ("search", "index [tapeless-1] blocked by: [FORBIDDEN/12/index read-only]", "is read-only", "free its disk"),
        ("search", "OpenSearch at http://s is busy (429): circuit_breaking_exception", "it is busy", "more memory"),
        ("search", "OpenSearch at http://s refused the password (401): security", "the password", "PASSWORD_FILE"),
        ("search", "OpenSearch at https://s does not answer: certificate verify failed", "not trusted", "CA_FILE"),
    ],
)
def test_a_refusal_is_named_with_its_reason_and_the_next_step(
    server: ServerName, reason: str, state: str, advice: str
) -> None:
    found, next_step = explain_refusal(server, reason)
    assert (state in found, reason in found) == (True, True)
    assert advice in next_step
    assert next_step != ASK_FOR_START[server]


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("broker", "Error 111 connecting to localhost:6379. Connection refused."),
        ("database", 'connection to server at "127.0.0.1", port 5432 failed: Connection refused'),
        ("search", "OpenSearch at http://s does not answer: Connection refused"),
    ],
)
def test_what_does_not_answer_is_to_be_started(server: ServerName, reason: str) -> None:
    assert explain_refusal(server, reason) == (reason, ASK_FOR_START[server])


@pytest.mark.parametrize(
    ("setting", "value", "usual", "said"),
    [("maxmemory", "1", "512mb", "its memory is full"), ("min-replicas-to-write", "1", "0", "too few of its replicas")],
)
def test_a_real_broker_that_refuses_messages_is_broken(
    servers: Servers, setting: str, value: str, usual: str, said: str
) -> None:
    with closing(servers.valkey.client(0)) as client:
        assert list(check_broker_writes(client)) == []
        client.config_set(setting, value)
        (check,) = check_broker_writes(client)
        client.config_set(setting, usual)
    assert (check.grade, said in check.found) == ("broken", True)
