"""Requests to servers of this machine: httpx would read all certificates of the world for each, 20 ms every time."""

from typing import Any

import httpx


def request(method: str, url: str, **options: Any) -> httpx.Response:
    """Send one request over plain HTTP."""
    return httpx.request(method, url, verify=False, **options)


def get(url: str, **options: Any) -> httpx.Response:
    """Send a GET over plain HTTP."""
    return request("GET", url, **options)
