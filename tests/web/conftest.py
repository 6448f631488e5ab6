"""The same API process as that of tests/api, which serves the pages too."""

from tests.api.conftest import admin, api, owner, stranger  # noqa: F401 - fixtures
from tests.api.routes.shares.sharing import uncounted  # noqa: F401 - a fixture
