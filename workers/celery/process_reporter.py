"""A thread that reports every few seconds what its process sees of the storages on this machine."""

import logging
import threading

from sqlalchemy.exc import DBAPIError

from models.core.sessions import Sessions
from services.storages.process_reports import (
    PROCESS_REPORT_SECONDS,
    ReportingProcess,
    report_process,
    withdraw_report,
)

log = logging.getLogger(__name__)


class ProcessReporter:
    """Reports until it is stopped. A mount that hangs stops the reports, and nothing else of the process."""

    def __init__(self, sessions: Sessions, process: ReportingProcess) -> None:
        self._sessions = sessions
        self.process = process
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to report; the thread does not keep its process from ending."""
        threading.Thread(target=self._run, name="process reports", daemon=True).start()

    def stop(self) -> None:
        """End the reports, so that others do not wait for this process."""
        self._stop.set()
        try:
            withdraw_report(self._sessions, self.process)
        except DBAPIError as error:
            log.warning("database: %s; the report of this process is left to expire", error.orig)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                report_process(self._sessions, self.process)
            except DBAPIError as error:
                log.warning("database: %s; what this process sees was not reported", error.orig)
            self._stop.wait(PROCESS_REPORT_SECONDS)
