"""The programs that measure OpenSearch run to their end and print their ratios."""

import pytest

from benchmarks import opensearch_drain, opensearch_search


def test_both_print_their_ratios(database_url: str, opensearch_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    opensearch_drain.measure(database_url, opensearch_url, assets=40, rebuilt=80)
    printed = capsys.readouterr().out
    for ratio in ("drain / raw", "rebuild / raw", "MB of the 64 promised", "single changes"):
        assert ratio in printed
    opensearch_search.measure(database_url, opensearch_url, assets=40, times=2)
    assert "search / bare" in capsys.readouterr().out
