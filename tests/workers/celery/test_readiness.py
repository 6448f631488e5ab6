"""systemd hears once that a process is ready, and nothing is said where it does not listen."""

import os
import socket
from pathlib import Path

import pytest

from workers.celery.readiness import announce_ready


@pytest.mark.parametrize("is_abstract", [False, True])
def test_the_service_manager_hears_that_a_process_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_abstract: bool
) -> None:
    name = f"tapeless-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}" if is_abstract else name)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if is_abstract else name)
        announce_ready()
        assert manager.recv(100) == b"READY=1"


def test_nothing_fails_without_a_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    announce_ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "no listener"))
    announce_ready()
