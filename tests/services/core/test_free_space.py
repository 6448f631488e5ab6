"""A disk that is almost full is reported once, by the limit of the alert."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.core.free_space import MIN_FREE_BYTES, find_low_space
from tests.servers import ROOT


@pytest.mark.parametrize(("free", "is_low"), [(MIN_FREE_BYTES, False), (MIN_FREE_BYTES - 1, True), (0, True)])
def test_a_disk_is_almost_full_below_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, is_low: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    folders = {"data": tmp_path, "media": tmp_path / "media"}
    said = {"data folder": f"the disk of the data folder has {free / 1024**3:.1f} GiB left"}
    assert find_low_space(folders) == (said if is_low else {})


def test_a_folder_that_is_not_on_this_machine_is_not_reported(tmp_path: Path) -> None:
    assert find_low_space({"data": tmp_path / "none"}) == {}


def test_the_alert_has_the_same_limit() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
    assert f"tapeless_folder_free_bytes < {MIN_FREE_BYTES}\n" in rules
