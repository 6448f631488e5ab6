import pytest

pytest.register_assert_rewrite("tests.watch.grouping.tables")
