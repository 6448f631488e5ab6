"""Settings of the Celery app for its workers."""

import pytest

from workers.celery.app import max_transcodes

MIXED = ("metadata", "media", "transcode")


@pytest.mark.parametrize("children", [2, 3, 8, 16])
@pytest.mark.parametrize("cores", [1, 2, 8, 64])
def test_a_worker_of_headers_and_renditions_always_has_a_child_for_headers(children: int, cores: int) -> None:
    assert 1 <= max_transcodes(children, MIXED, cores) <= min(children - 1, max(1, cores // 2))


def test_a_worker_of_renditions_alone_uses_all_its_children_and_one_with_one_child_makes_them_at_all() -> None:
    assert max_transcodes(4, ["transcode"], 2) == 4
    assert max_transcodes(1, MIXED, 8) == 1
