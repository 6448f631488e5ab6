"""Start of the processes that serve until interrupted: the API and the watcher."""

import socket
from pathlib import Path

from services.storages.process_reports import ReportingProcess
from workers.celery.app import app
from workers.celery.context import ProcessContext, make_context
from workers.celery.process_reporter import ProcessReporter
from workers.commands.options import readable_errors
from workers.config.connection import find_named_database
from workers.config.logs import configure_logging
from workers.config.settings import Settings
from workers.config.traces import start_tracing
from workers.processes.command_server import host_commands


def start_process(
    name: str, data: Path | None, pool_size: int, *, limits_statements: bool = False
) -> tuple[Settings, ProcessContext]:
    """Configure this process by its settings, and return them with its access to the running system."""
    with readable_errors():
        settings = Settings.for_data(data)
        if (database_url := find_named_database(settings)) is not None:
            host_commands(database_url)
        configure_logging(settings.log_format, name)
        start_tracing(settings.traces_url, name)
        app.own_settings = settings
        statement_seconds = settings.timing.request_statement_seconds if limits_statements else 0
        return settings, make_context(settings, app.notify, pool_size, statement_seconds)


def start_reporter(name: str, context: ProcessContext, media_folder: Path | None = None) -> ProcessReporter:
    """Report what this process sees of the storages from now on; `media_folder` if it uses that, too."""
    machine = socket.gethostname()
    reporter = ProcessReporter(context.sessions, ReportingProcess(f"{name}@{machine}", machine, (), media_folder))
    reporter.start()
    return reporter
