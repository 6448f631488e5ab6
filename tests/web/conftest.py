"""The same API process as that of tests/api, which serves the pages too."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import Api, admin, api, owner, stranger  # noqa: F401 - fixtures
from tests.api.routes.shares.sharing import uncounted  # noqa: F401 - a fixture


@pytest.fixture
def browser(api: Api) -> Iterator[httpx.Client]:  # noqa: F811
    """Keeps cookies and follows redirects, as browsers do."""
    with httpx.Client(base_url=api.root, follow_redirects=True, timeout=30) as client:
        yield client
