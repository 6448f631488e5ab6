"""Settings of the Celery app for its workers, and what it does without a broker."""

from types import SimpleNamespace

import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError

from workers.celery.app import TapelessCelery, max_transcodes

MIXED = ("metadata", "media", "transcode")


@pytest.mark.parametrize("children", [2, 3, 8, 16])
@pytest.mark.parametrize("cores", [1, 2, 8, 64])
def test_a_worker_of_headers_and_renditions_always_has_a_child_for_headers(children: int, cores: int) -> None:
    assert 1 <= max_transcodes(children, MIXED, cores) <= min(children - 1, max(1, cores // 2))


def test_a_worker_of_renditions_alone_uses_all_its_children_and_one_with_one_child_makes_them_at_all() -> None:
    assert max_transcodes(4, ["transcode"], 2) == 4
    assert max_transcodes(1, MIXED, 8) == 1


@pytest.mark.parametrize(
    "error", [OperationalError(), ConnectionError(), TimeoutError(), BusyLoadingError(), BrokenPipeError(), OSError()]
)
def test_a_job_goes_on_where_flower_cannot_be_shown_it(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def send_event(*_: object, **__: object) -> None:
        raise error

    TapelessCelery("test", broker="redis://127.0.0.1/0").show_started(
        SimpleNamespace(send_event=send_event), "Transcode"
    )
    assert "Flower does not show Transcode" in caplog.text
