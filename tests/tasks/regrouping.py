"""Changing a profile in a test, and following the job until it has ended."""

import os
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from models.acl import Actor
from models.island import Island
from models.job import Job, JobStatus
from models.sessions import transact
from models.timing import Timing
from tasks.difference import Difference
from tasks.profile_preview import preview_profile
from tasks.regroup import Limits, regroup_storages, set_profile
from tasks.storages import find_storage
from tests.pipeline import FAST, Pipeline, first_path
from tests.waiting import wait_until
from watch.grouping import Profile, group_tree
from watch.grouping.render import to_json

ADMIN = Actor("an operator", is_admin=True)


def profile_of(values: dict[str, Any]) -> Profile:
    return Profile.model_validate({"orphan_after_seconds": 0} | values)


def preview(pipeline: Pipeline, profile: Profile) -> Difference:
    return preview_profile(pipeline.sessions, pipeline.storage().id, profile)


def change_profile(pipeline: Pipeline, profile: Profile) -> uuid.UUID:
    """Set the profile and return the job's id."""
    return transact(
        pipeline.sessions, lambda session: set_profile(session, find_storage(session, "Rushes"), profile, ADMIN).id
    )


def job(pipeline: Pipeline, job_id: uuid.UUID) -> Job:
    with pipeline.sessions() as session:
        return session.get_one(Job, job_id)


def regroup(pipeline: Pipeline, job_id: uuid.UUID, limits: Limits = Limits(), timing: Timing = FAST) -> JobStatus:  # noqa: B008
    """Deliver one wake-up message to the job."""
    regroup_storages(pipeline.sessions, [job_id], timing, limits)
    return job(pipeline, job_id).status


def finish(pipeline: Pipeline, job_id: uuid.UUID, limits: Limits = Limits()) -> Job:  # noqa: B008
    """Notify the job until it has ended, running the watcher with the new profile and the ingest in between."""
    pipeline.watch()

    def ended() -> bool:
        status = regroup(pipeline, job_id, limits)
        pipeline.settle()
        return status not in (JobStatus.READY, JobStatus.STARTED)

    wait_until(ended, what="the job has ended")
    return job(pipeline, job_id)


def on_paper(root: Path, profile: Profile) -> list[dict[str, Any]]:
    paths = [os.fsencode(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    return sorted(map(in_order, to_json(group_tree(paths, profile))["assets"]), key=first_path)


def in_order(asset: dict[str, Any]) -> dict[str, Any]:
    """The rows do not keep which of several originals comes first."""
    return asset | {"formats": sorted(asset["formats"], key=lambda part: (part["kind"] == "transcode", part["files"]))}


def dirty(pipeline: Pipeline) -> int:
    with pipeline.sessions() as session:
        return session.scalar(select(func.count(Island.id)).where(Island.dirty_since.is_not(None)))
