"""Changing a profile in a test, and following the job until it has ended."""

import os
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from grouping import Profile, group_tree
from grouping.render import tree_to_json
from models.access.acl import Actor
from models.core.sessions import transact
from models.core.timing import Timing
from models.queues.island import Island
from models.queues.job import Job, JobStatus
from services.grouping.diff import GroupingDiff
from services.grouping.previews import preview_profile
from services.grouping.regroup import RegroupLimits, regroup_jobs, set_storage_profile
from services.storages.storages import find_storage_by_name
from tests.pipeline import FAST, Pipeline, first_path
from tests.waiting import wait_until

ADMIN = Actor("an operator", is_admin=True)
NO_LIMITS = RegroupLimits()


def profile_of(values: dict[str, Any]) -> Profile:
    return Profile.model_validate({"orphan_after_seconds": 0} | values)


def preview(pipeline: Pipeline, profile: Profile) -> GroupingDiff:
    return preview_profile(pipeline.sessions, pipeline.storage().id, profile)


def change_profile(pipeline: Pipeline, profile: Profile) -> uuid.UUID:
    """Set the profile and return the job's id."""
    return transact(
        pipeline.sessions,
        lambda session: set_storage_profile(session, find_storage_by_name(session, "Rushes"), profile, ADMIN).id,
    )


def job(pipeline: Pipeline, job_id: uuid.UUID) -> Job:
    with pipeline.sessions() as session:
        return session.get_one(Job, job_id)


def regroup(
    pipeline: Pipeline, job_id: uuid.UUID, limits: RegroupLimits = NO_LIMITS, timing: Timing = FAST
) -> JobStatus:
    """Deliver one wake-up message to the job."""
    regroup_jobs(limits).run(pipeline.sessions, [job_id], timing)
    return job(pipeline, job_id).status


def finish(pipeline: Pipeline, job_id: uuid.UUID, limits: RegroupLimits = NO_LIMITS) -> Job:
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
    return sorted(map(in_order, tree_to_json(group_tree(paths, profile))["assets"]), key=first_path)


def in_order(asset: dict[str, Any]) -> dict[str, Any]:
    """The rows do not keep which of several originals comes first."""
    return asset | {"formats": sorted(asset["formats"], key=lambda part: (part["kind"] == "transcode", part["files"]))}


def dirty(pipeline: Pipeline) -> int:
    with pipeline.sessions() as session:
        return session.scalar(select(func.count(Island.id)).where(Island.dirty_since.is_not(None)))
