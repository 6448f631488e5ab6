"""Engines and transactions: the only place where a transaction starts, is retried, and ends."""

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from models.core.tracing import propagate_trace

WorkArguments = ParamSpec("WorkArguments")
WorkResult = TypeVar("WorkResult")
Sessions = sessionmaker[Session]

DEADLOCK, SERIALIZATION, QUERY_CANCELED = "40P01", "40001", "57014"
SET_STATEMENT_TIMEOUT = text("SELECT set_config('statement_timeout', :timeout, true)")
REFUSED_VALUES = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""Numbers out of range, texts that cannot be encoded, violated constraints, index rows that are too large."""
MAX_TRANSACTION_TRIES = 5
KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""Seconds without a sign of life until TCP asks the other side, seconds between questions, and their number. Linux asks
first after two hours: until then a vanished client kept its locks, and a vanished server its clients."""
TCP_USER_TIMEOUT_MS = 10_000
"""The same while data waits to be acknowledged, when no keepalives are sent."""
DEFAULT_PORT = 5432
CONNECT_TIMEOUT_SECONDS = {False: 10, True: 3}
"""How long a host may take to answer, by whether it is one of several, which are tried in turn."""
SESSION_SETTINGS = {"idle_in_transaction_session_timeout": "60s", "timezone": "UTC", "jit": "off"}
POOLER_OPTION, POOLS_TRANSACTIONS = "pooler", "transaction"
"""Option of a database's URL: PgBouncer is there, which gives a connection to the server for one transaction."""


def make_engine(url: str, pool_size: int = 5, statement_seconds: float = 0, **options: Any) -> Engine:
    """Return an engine that detects a restarted server at once and ends transactions that idle for a minute.

    With `?pooler=transaction` in the URL, nothing is asked of the session, which belongs to a pooler.

    Args:
        statement_seconds: the server cancels statements that take longer; 0 lets them run.
    """
    target = make_url(url)
    is_pooled = target.query.get(POOLER_OPTION) == POOLS_TRANSACTIONS
    settings = SESSION_SETTINGS | {"statement_timeout": str(int(statement_seconds * 1000))}
    # The server's side of the connection has names of its own.
    probes = {f"tcp_{name}": value for name, value in KEEPALIVES.items()} | {"tcp_user_timeout": TCP_USER_TIMEOUT_MS}
    wishes = " ".join(f"-c {name}={value}" for name, value in (settings | probes).items())
    engine = create_engine(
        target.difference_update_query([POOLER_OPTION]),
        pool_size=pool_size,
        max_overflow=5,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS[has_several_hosts(target)],
            "application_name": "tapeless",
            "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
            **KEEPALIVES,
            **({"prepare_threshold": None} if is_pooled else {"options": wishes}),
        },
        **options,
    )
    if is_pooled:
        _set_in_each_transaction(engine, settings)
    if has_several_hosts(target):
        _try_last_host_first(engine)
    return engine


def has_several_hosts(url: URL) -> bool:
    """Return whether a URL names more than one server, of which one accepts writes."""
    return "," in str(url.query.get("host", ""))


def put_first(address: tuple[str, str], hosts: str, ports: str) -> tuple[str, str]:
    """Return lists of hosts and their ports in which one address is the first to be tried."""
    # A single port is that of all hosts.
    pairs = list(zip(hosts.split(","), ports.split(",") * (1 if "," in ports else hosts.count(",") + 1), strict=True))
    # In the order that the operator gave, which a first connection follows.
    ordered = sorted(pairs, key=lambda pair: (pair[0], pair[1] or str(DEFAULT_PORT)) != address)
    return ",".join(host for host, _ in ordered), ",".join(port for _, port in ordered)


def _try_last_host_first(engine: Engine) -> None:
    """Begin with the host that accepted the last connection: after a failover, one whose machine is off would cost each
    new connection seconds, for as long as it is off."""
    last = ("", "")

    @event.listens_for(engine, "do_connect")
    def order(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        hosts, ports = str(parameters["host"]), str(parameters.get("port", DEFAULT_PORT))
        parameters["host"], parameters["port"] = put_first(last, hosts, ports)

    @event.listens_for(engine, "connect")
    def remember(connection: Any, _record: object) -> None:
        nonlocal last
        last = (connection.info.host, str(connection.info.port))


def _set_in_each_transaction(engine: Engine, settings: Mapping[str, str]) -> None:
    """Set the settings where a transaction begins: the next one may be on another connection of the pooler."""
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT {calls}")


def limit_statements(session: Session, seconds: float) -> None:
    """Set how long each further statement of this transaction may take; 0 lets them run."""
    session.execute(SET_STATEMENT_TIMEOUT, {"timeout": str(int(seconds * 1000))})


def is_statement_timeout(error: DBAPIError) -> bool:
    """Return whether the server cancelled a statement that took too long."""
    return getattr(error.orig, "sqlstate", None) == QUERY_CANCELED


def make_sessions(engine: Engine) -> Sessions:
    """Return sessions that do not refresh after commit: objects stay as they were read."""
    return sessionmaker(engine, expire_on_commit=False)


def transact(
    sessions: Sessions,
    work: Callable[Concatenate[Session, WorkArguments], WorkResult],
    *args: WorkArguments.args,
    **kwargs: WorkArguments.kwargs,
) -> WorkResult:
    """Run `work(session, *args, **kwargs)` in one transaction and commit; on a conflict with another, retry.

    Deadlocks (40P01), for example between index marks of two statements, and serialization failures (40001) are retried
    from the start, up to `MAX_TRANSACTION_TRIES` times. `work` must therefore have no effect outside its session.
    """
    for attempt in range(1, MAX_TRANSACTION_TRIES + 1):
        try:
            with sessions.begin() as session:
                propagate_trace(session)
                return work(session, *args, **kwargs)
        except (DBAPIError, psycopg.Error) as error:
            state = getattr(_driver_error(error), "sqlstate", None)
            if attempt == MAX_TRANSACTION_TRIES or state not in (DEADLOCK, SERIALIZATION):
                raise
    raise AssertionError("unreachable")


def is_value_refused(error: Exception) -> bool:
    """Whether the database refuses what was to be written, so that the same again is refused again.

    Any other error (the server is gone, a conflict, a full disk) is nothing that a single row is at fault for.
    """
    return isinstance(_driver_error(error), REFUSED_VALUES)


def describe_failure(error: BaseException) -> str:
    """Return class and text of an unexpected error. Of a database error only the message: its statement, parameters and
    details hold content of rows."""
    cause = _driver_error(error)
    text = str(cause).partition("\n")[0] if isinstance(cause, psycopg.Error) else str(cause)
    # The driver writes `InternalError_` to tell it from its base class.
    return f"{type(cause).__name__.rstrip('_')}: {text}"


def _driver_error(error: BaseException) -> BaseException:
    """Return the driver's own error; COPY raises it without SQLAlchemy's wrapper."""
    return (isinstance(error, DBAPIError) and error.orig) or error


def read_snapshot(
    sessions: Sessions,
    work: Callable[Concatenate[Session, WorkArguments], WorkResult],
    *args: WorkArguments.args,
    **kwargs: WorkArguments.kwargs,
) -> WorkResult:
    """Run `work(session, *args, **kwargs)` read-only, on one consistent snapshot (REPEATABLE READ)."""
    with sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        return work(session, *args, **kwargs)
