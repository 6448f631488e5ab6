"""A client that does what the documentation asks of one: a key for every write, repeated until there is an answer."""

import itertools
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.faults.mix.client_log import ClientLog, Entry, Outcome, now

PATIENCE_SECONDS = 90.0
"""Longer than any fault lasts, with the recovery after it."""
RETRY_SECONDS = 0.25
SLOWEST_ANSWER_SECONDS = 20.0
KEYS = itertools.count(1)


@dataclass(slots=True)
class ApiClient:
    """One user of the API."""

    data: Path
    name: str
    headers: dict[str, str]
    log: ClientLog
    stop: threading.Event = field(default_factory=threading.Event)
    user_id: str = ""
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=SLOWEST_ANSWER_SECONDS))

    def write(
        self, action: str, method: str, path: str, body: Any = None, *, asset: str | None = None, key: bool = True
    ) -> tuple[Entry, Any]:
        """Send a write until it is answered; a 503 is no answer yet. Without a key it is sent once."""
        text = f"{self.name}-{next(KEYS)}" if key else None
        entry = Entry(self.name, action, method, path, text, now(), asset=asset)
        headers = {"Idempotency-Key": text} if text else {}
        end = now() + PATIENCE_SECONDS
        answer: httpx.Response | None = None
        while now() < end and not self.stop.is_set():
            entry.tries += 1
            answer = self._send(method, path, body, headers)
            if not key or (answer is not None and answer.status_code < 500):
                break
            self.stop.wait(RETRY_SECONDS)
        entry.answered = now()
        if key and not self.stop.is_set() and (answer is None or answer.status_code >= 500):
            self.log.violate(f"5: {method} {path} was not answered within {PATIENCE_SECONDS:g} s")
            self.stop.set()
        if answer is not None:
            entry.status = answer.status_code
            if answer.status_code < 500:
                entry.outcome = Outcome.ACKNOWLEDGED if answer.is_success else Outcome.REFUSED
            if not answer.is_success:
                entry.said = answer.text[:300]
        self.log.add(entry)
        body = answer.json() if answer is not None and answer.is_success and answer.content else None
        return entry, body

    def read(self, path: str, method: str = "GET", body: Any = None) -> httpx.Response | None:
        """Send a read until it is answered."""
        end = now() + PATIENCE_SECONDS
        while now() < end and not self.stop.is_set():
            answer = self._send(method, path, body, {})
            if answer is not None and answer.status_code < 500:
                return answer
            self.stop.wait(RETRY_SECONDS)
        return None

    def read_once(
        self, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response | None:
        """Send a read once, perhaps with the headers of another user."""
        return self._send(method, path, body, headers or {})

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response | None:
        try:
            url = f"{self._base()}/API/{path}"
            answer = self.http.request(method, url, json=body, headers={**self.headers, **headers})
        except (httpx.HTTPError, OSError, ValueError, KeyError):
            return None
        if answer.status_code == 500:
            self.log.violate(f"3: {method} {path} was answered with 500: {answer.text[:300]}")
        return answer

    def _base(self) -> str:
        """Where the API is now: a supervisor that was started again may have chosen another port."""
        return json.loads((self.data / "running.json").read_text())["api_url"]
