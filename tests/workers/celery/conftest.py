"""Sessions on a database of the test's own."""

from tests.services.conftest import sessions  # noqa: F401 - a fixture
