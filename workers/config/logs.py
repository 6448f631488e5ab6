"""Log format of every process: text lines for people, or one JSON object per line for log collectors."""

import json
import logging
import time
from typing import Any, Literal

from models.core.log_context import log_fields

LogFormat = Literal["text", "json"]
LOG_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"


class JsonLogFormatter(logging.Formatter):
    """One object per line: time in UTC, level, logger, message, process, the ids of its context, and a traceback."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line; ids given by the call itself (`extra`) override those of the context."""
        told: dict[str, Any] = {
            "time": f"{time.strftime(LOG_TIME_FORMAT, time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "process": self.process,
            "message": record.getMessage(),
            **log_fields(),
            **{name: str(getattr(record, name)) for name in ("asset_id", "job_id") if hasattr(record, name)},
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


class TextLogFormatter(logging.Formatter):
    """Text lines with ids in brackets at the end."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return a line with its ids."""
        # A title is quoted, so that the ids after it are found by the same pattern as those before.
        ids = " ".join(f"{name}={json.dumps(value) if ' ' in value else value}" for name, value in log_fields().items())
        return super().formatMessage(record) + (f" [{ids}]" if ids else "")


def configure_logging(form: LogFormat, process: str, level: int = logging.INFO) -> None:
    """Configure the root logger to write lines of this format to standard error, which supervisors and containers
    collect."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLogFormatter(process) if form == "json" else TextLogFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
