"""The same API process as that of tests/api: requests pass through all of asgi."""

from tests.api.conftest import admin, api, owner, stranger  # noqa: F401 - fixtures
