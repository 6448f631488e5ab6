"""The sentence of a diff: how many assets change in which way."""

from collections import Counter

import pytest

from services.grouping.diff import GroupingDiff, summarize_difference


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (GroupingDiff(1, 1, 1), "1 file: nothing changes, 1 asset stays as it is"),
        (GroupingDiff(2, 2_000, 5), "2,000 files: nothing changes, 5 assets stay as they are"),
        (
            GroupingDiff(1, 1, 0, Counter(held=1)),
            "1 file: nothing changes, 0 assets stay as they are, 1 asset is held back",
        ),
        (
            GroupingDiff(1, 9, 3, Counter(merge=1, new=2), merged=1),
            "9 files: 1 asset takes in other assets (1 asset ends so), 2 assets are new; 3 unchanged",
        ),
        (
            GroupingDiff(1, 9, 0, Counter(merge=2, gone=1), merged=4),
            "9 files: 2 assets take in other assets (4 assets end so), 1 asset is gone; 0 unchanged",
        ),
    ],
)
def test_counts_have_their_verbs(difference: GroupingDiff, expected: str) -> None:
    assert summarize_difference(difference) == expected
