"""How every process writes its log: lines for people, or one JSON object a line for whatever collects them."""

import json
import logging
import time
from typing import Any, Literal

from models.log_context import log_fields

LogFormat = Literal["text", "json"]
OWN_TIME = "%Y-%m-%dT%H:%M:%S"


class JsonLines(logging.Formatter):
    """One object a line: time in UTC, level, logger, message, process, the ids it is about, and a traceback."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line; an id that the call itself gives (`extra`) goes before those of the work around it."""
        told: dict[str, Any] = {
            "time": f"{time.strftime(OWN_TIME, time.gmtime(record.created))}.{int(record.msecs):03d}Z",
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


class Lines(logging.Formatter):
    """For people: the ids stand at the end, in brackets."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """A line with its ids behind it."""
        ids = " ".join(f"{name}={value}" for name, value in log_fields().items())
        return super().formatMessage(record) + (f" [{ids}]" if ids else "")


def set_up_logging(form: LogFormat, process: str, level: int = logging.INFO) -> None:
    """Let the root logger write lines of this form to the error output, where the supervisor and containers look."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(process) if form == "json" else Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
