"""What a server says where it runs and refuses work, and the next step: to start it again would not help."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from sqlalchemy.exc import DBAPIError

ServerName = Literal["database", "broker", "search"]


class RefusalState(NamedTuple):
    """A state of a server, by what it answers."""

    pattern: str
    state: str
    advice: str


ASK_FOR_START: Mapping[ServerName, str] = {
    "database": "start it; nothing works without it",
    "broker": "start the broker; pending work resumes within seconds",
    "search": "start it; what changed waits until it answers",
}
REFUSAL_STATES: Mapping[ServerName, tuple[RefusalState, ...]] = {
    "broker": (
        RefusalState(
            "MISCONF|stop-writes-on-bgsave-error|errors? writing to the AOF",
            "it cannot write to its disk, and refuses messages",
            "free its disk, or give it its folder; its log has the reason, and pending work resumes within seconds",
        ),
        RefusalState(
            "OOM|used memory > 'maxmemory'",
            "its memory is full, and it refuses messages",
            "raise its maxmemory, and see which queue grows: tapeless status, Flower",
        ),
        RefusalState(
            "READONLY|read.?only replica",
            "it is a replica, and refuses messages",
            "give the address of the primary, or of the Sentinels, in TAPELESS_BROKER_URL",
        ),
        RefusalState("LOADING|loading the dataset", "it reads its data after a start", "wait until it has read them"),
        RefusalState(
            "NOREPLICAS|Not enough good replicas",
            "too few of its replicas answer, and it refuses messages",
            "start them, or lower its min-replicas-to-write",
        ),
        RefusalState(
            "MASTERDOWN|CLUSTERDOWN", "its primary does not answer", "start the primary, or have another one elected"
        ),
        RefusalState(
            "NOAUTH|WRONGPASS|Authentication required|invalid (username-password|password)|without any password|"
            "called without",
            "it refuses the user or the password",
            "set TAPELESS_BROKER_URL and TAPELESS_BROKER_PASSWORD_FILE to those of the broker",
        ),
        RefusalState(
            "NOPERM|has no permissions", "its user lacks a permission", "give its user ~* &* +@all, as in the ACL file"
        ),
        RefusalState(
            "max number of clients", "all its connections are taken", "raise its maxclients, or end other clients"
        ),
    ),
    "database": (
        RefusalState(
            "53100|No space left on device|could not extend file",
            "its disk is full",
            "free its disk; work goes on then, and nothing that was acknowledged is lost",
        ),
        RefusalState(
            "25006|read-only transaction|recovery is in progress",
            "it is read-only: a standby, or set so",
            "give the address of the primary in TAPELESS_DATABASE_URL, which may have several, or promote this one",
        ),
        RefusalState(
            "53300|too many (clients|connections)|remaining connection slots",
            "all its connections are taken",
            "raise max_connections, start fewer workers, or put PgBouncer before it",
        ),
        RefusalState(
            "57P03|is (starting up|shutting down)|not yet accepting connections|in recovery mode",
            "it starts or stops",
            "wait until it answers; if it does not, its log has the reason",
        ),
        RefusalState(
            "28P01|28000|password authentication failed|no password supplied|pg_hba.conf|role .* does not exist",
            "it refuses the user or the password",
            "set TAPELESS_DATABASE_URL and TAPELESS_DATABASE_PASSWORD_FILE to those of the database",
        ),
        RefusalState(
            "3D000|database .* does not exist", "it has no such database", "create it, or name another; then migrate"
        ),
    ),
    "search": (
        RefusalState(
            "cluster_block|read.only|takes no writes|flood.?stage|FORBIDDEN/12",
            "its index is read-only, mostly because its disk is almost full",
            "free its disk: OpenSearch ends the block below the high watermark; changes wait meanwhile",
        ),
        RefusalState(
            r"circuit_break|\(429\)|rejected_execution|too_many_requests",
            "it is busy, and refuses requests",
            "give it more memory, or less to do at once; what changed is sent again",
        ),
        RefusalState(
            r"\(401\)|\(403\)|security_exception",
            "it refuses the user or the password",
            "set TAPELESS_SEARCH_URL and TAPELESS_SEARCH_PASSWORD_FILE to those of the cluster",
        ),
        RefusalState(
            "certificate|CERTIFICATE|SSL", "its certificate is not trusted", "set TAPELESS_SEARCH_CA_FILE to its CA"
        ),
    ),
}


def explain_refusal(server: ServerName, reason: str) -> tuple[str, str]:
    """Return what a server's reason for a failure means, and the next step."""
    for pattern, state, advice in REFUSAL_STATES[server]:
        if re.search(pattern, reason, re.IGNORECASE):
            return f"{state} ({reason})", advice
    return reason, ASK_FOR_START[server]


def database_reason(error: DBAPIError) -> str:
    """Return the first line of a database's error, with its SQLSTATE where it has one."""
    line = str(error.orig).strip().splitlines()[0]
    state = getattr(error.orig, "sqlstate", None)
    return f"{line} [{state}]" if state else line
