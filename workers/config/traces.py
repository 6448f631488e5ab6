"""Tracing setup: whether this process sends spans to a collector; decided once, at its start."""

import importlib
import importlib.util
import logging
import re
from urllib.parse import urlsplit

from models.core.tracing import configure_tracing

log = logging.getLogger(__name__)

EXPORTER_LIBRARY = "opentelemetry.exporter.otlp.proto.http"
COLLECTOR_URL_PATTERN = re.compile(r"https?://[^?#\s]+")
OTLP_TRACES_PATH = "/v1/traces"


def find_traces_endpoint(url: str) -> str:
    """Return the URL that spans are sent to; the standard path is added to a URL without one."""
    if not COLLECTOR_URL_PATTERN.fullmatch(url):
        raise ValueError(f'TAPELESS_TRACES_URL "{url}" is not an address: write http://COLLECTOR:4318')
    if not is_exporter_installed():
        raise ValueError(
            "TAPELESS_TRACES_URL is set, but what sends traces is not installed: "
            'pip install "tapeless[traces]", or unset it'
        )
    return url.rstrip("/") + OTLP_TRACES_PATH if urlsplit(url).path in ("", "/") else url


def is_exporter_installed() -> bool:
    """Return whether the package's extra `traces` is installed."""
    try:
        return importlib.util.find_spec(EXPORTER_LIBRARY) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def start_tracing(endpoint: str | None, process: str) -> None:
    """Send spans from this process from now on, if an endpoint is set. Call it after a fork, not before."""
    if endpoint is None:
        return
    # The library is an extra, and slow to load: only a process that sends spans imports it.
    spans = importlib.import_module("workers.config.otlp").SpanFactory(endpoint, process)
    configure_tracing(spans.begin)
    log.info("traces are sent to %s", urlsplit(endpoint).hostname)
