"""A trigger whose operation breaks off leaves nothing of it, and its job is tried again."""

import dataclasses
import uuid

import pytest
from sqlalchemy import select

from models.catalog.asset import Asset
from models.core.base import new_id
from models.core.sessions import Sessions
from models.queues.job import JobStatus
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.spec import TriggerDone, TriggerRun
from tests.services.triggers.test_triggers import (
    ask,
    job_of,
    run,
    storage,  # noqa: F401 - a fixture
)


def test_an_operation_that_fails_half_way_leaves_nothing_and_the_job_is_tried_again(
    sessions: Sessions,
    storage: uuid.UUID,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def break_off(asked: TriggerRun, _given: object) -> TriggerDone:
        asked.session.add(Asset(id=new_id(), title="half"))
        asked.session.flush()
        raise RuntimeError("broken")

    assert isinstance(TRIGGER_REGISTRY, dict)
    monkeypatch.setitem(TRIGGER_REGISTRY, "scan", dataclasses.replace(TRIGGER_REGISTRY["scan"], perform=break_off))
    recorded = ask(sessions, "scan", {"storage": "Rushes"})
    with pytest.raises(RuntimeError):
        run(sessions, recorded.job_id)
    job = job_of(sessions, recorded.job_id)
    assert (job.status, job.error_message, job.lease_until) == (JobStatus.STARTED, "RuntimeError: broken", None)
    with sessions() as session:
        assert session.scalar(select(Asset.id).where(Asset.title == "half")) is None
