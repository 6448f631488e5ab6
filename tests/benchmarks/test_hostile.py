"""The benchmark of hostile clients runs to its end, and judges what it promises to."""

from pathlib import Path

import pytest

from benchmarks.hostile import HEALTH_LIMIT_MS, HONEST_LIMIT, MEMORY_LIMIT_MB, Observed, measure, report

QUIET = Observed({"/health": [1.0], "search": [10.0]})


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (Observed({"/health": [1.0] * 99 + [900.0], "search": [49.0]}, memory=511), []),
        (Observed({"/health": [1.0] * 97 + [900.0] * 3, "search": [10.0]}), ["/health 900 ms"]),
        (Observed({"/health": [HEALTH_LIMIT_MS + 1.0], "search": [10.0]}), ["/health 101 ms"]),
        (Observed({"/health": [1.0], "search": [10.0 * HONEST_LIMIT + 1]}), ["search x5.1"]),
        (Observed({"/health": [1.0], "search": [10.0]}, memory=MEMORY_LIMIT_MB + 1), ["513 MB"]),
        (Observed({"/health": [1.0], "search": [10.0]}, failed=2), ["2 requests of honest clients failed"]),
        (Observed({"/health": [1.0]}), ["search xinf"]),
    ],
)
def test_what_exceeds_a_limit_is_named(seen: Observed, found: list[str]) -> None:
    assert report("kind", QUIET, seen, {}) == [f"kind: {each}" for each in found]


SMOKE_KINDS = ("bodies without a token", "costly searches", "half-sent requests")


def test_hostile_clients_stop_no_honest_one_and_take_no_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Times are measured by the benchmark itself, on a machine that does nothing else; here for a second each."""
    found = measure(tmp_path, SMOKE_KINDS, assets=100, clients=4, seconds=1)
    assert [each for each in found if "failed" in each or "MB" in each] == []
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == list(SMOKE_KINDS)
