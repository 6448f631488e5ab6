"""Shared by all commands: options, access to the running system, and error output."""

import functools
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError

from grouping import ProfileError
from models.access.acl import Actor
from models.queues.index_queue import TooManyAccessReducedError
from models.schema import NewerSchemaError
from search.engine import SearchUnavailableError
from search.query.budget import CriteriaError
from services.core.errors import DomainError
from workers.celery.context import ProcessContext, open_process_context
from workers.config.connection import find_system_settings
from workers.config.settings import SettingsError
from workers.processes.process import ProcessError

SCHEMA_MISMATCH_STATES = ("42P01", "42703")
"""SQLSTATEs of a missing table or column."""
POOLER_ADVICE = {
    "unsupported startup parameter": "append ?pooler=transaction to TAPELESS_DATABASE_URL",
    "statement pooling mode": "set its pool_mode to transaction",
}
"""What PgBouncer says, and what to do."""
EXPECTED_ERRORS = (
    *(DomainError, NewerSchemaError, SettingsError, ProcessError, ProfileError),
    *(CriteriaError, SearchUnavailableError, TooManyAccessReducedError),
)
"""Errors with a message for people."""


def use_common_data_folder(ctx: click.Context, _: click.Parameter, value: Path | None) -> Path | None:
    """Return the data folder that was given to the command, or else before it."""
    common = ctx.find_root().obj
    return common if value is None and isinstance(common, Path) else value


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, readable=False, path_type=Path),
    callback=use_common_data_folder,
    help="The data folder of the running system (default: TAPELESS_DATA, else the one that runs).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def own_folders(data: Path | None) -> frozenset[bytes]:
    """Return the real paths of Tapeless's own folders, which are never watched."""
    return frozenset({os.path.realpath(os.fsencode(find_system_settings(data).data.absolute()))})


@contextmanager
def running_system(data: Path | None) -> Iterator[ProcessContext]:
    """Open the running system for one command; expected errors end the command with a sentence instead of a
    traceback."""
    with readable_errors(), open_process_context(find_system_settings(data)) as context:
        yield context


def system_command(run: Callable[..., None]) -> Callable[..., None]:
    """Add the option --data to a command, and pass it the running system as `context`."""

    @data_option
    @functools.wraps(run)
    def opened(data: Path | None, **options: Any) -> None:
        with running_system(data) as context:
            run(context=context, **options)

    return opened


def shell_actor() -> Actor:
    """Return the user of this shell, who may do everything, for history."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        name = f"user {os.geteuid()}"
    return Actor(f"{name} at the command line", is_admin=True)


def read_password() -> str:
    """Read a password; never from an argument, because other users of the machine can see those."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn our own errors, and an unavailable database, into messages for people."""
    try:
        yield
    except EXPECTED_ERRORS as error:
        raise click.ClickException(str(error)) from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) not in SCHEMA_MISMATCH_STATES:
            raise
        raise click.ClickException(
            "database: it is of another version than this program: run `tapeless migrate`, or start `tapeless up` again"
        ) from error
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        pooled = (f"this is PgBouncer: {advice}" for said, advice in POOLER_ADVICE.items() if said in str(error.orig))
        advice = next(pooled, "`tapeless up` starts its own again within seconds: try once more")
        raise click.ClickException(f"database: {reason}; {advice}") from error
