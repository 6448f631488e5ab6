"""Traces are off by default; if they are enabled, a missing package is reported at startup."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from models.core.sessions import make_engine, make_sessions, transact
from models.core.tracing import is_tracing, span
from tests.servers import ROOT
from workers.config.settings import Settings, SettingsError
from workers.config.traces import EXPORTER_LIBRARY, find_traces_endpoint


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_off_is_the_default_and_no_transaction_says_anything_more(database_url: str) -> None:
    assert Settings.read().traces_url is None
    assert not is_tracing()
    engine = make_engine(database_url)
    with span("watch.publish") as following:
        trace = transact(
            make_sessions(engine),
            lambda session: session.scalar(text("SELECT current_setting('tapeless.trace', true)")),
        )
    engine.dispose()
    assert (following, trace) == (None, None)


def test_a_process_without_traces_does_not_even_load_the_library() -> None:
    told = "import sys, workers.app; print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("url", ["collector:4318", "ftp://collector", "http://collector/?token=x"])
def test_an_address_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_TRACES_URL", url)
    with pytest.raises(SettingsError, match="is not an address"):
        Settings.read()


def test_traces_without_the_library_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPELESS_TRACES_URL", "http://collector:4318")
    # What Python itself does with a module that may not be found.
    monkeypatch.setitem(sys.modules, EXPORTER_LIBRARY, None)
    with pytest.raises(SettingsError, match=r'pip install "tapeless\[traces\]"'):
        Settings.read()


def test_the_collectors_own_path_is_added_where_there_is_none() -> None:
    assert find_traces_endpoint("http://collector:4318/") == "http://collector:4318/v1/traces"
    assert find_traces_endpoint("https://collector/otlp/traces") == "https://collector/otlp/traces"
