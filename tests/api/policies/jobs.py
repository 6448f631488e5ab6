"""Policies of the routes of `jobs`."""

from tests.api.policy import Policy, administrators_may, all_may, readers_may, writers_may

STEP = {"id": "{job_step_id}", "label": "a", "status": "DONE"}
JOB = {"title": "j", "type": "CUSTOM", "status": "STARTED"}

POLICIES: dict[str, Policy] = {
    "POST jobs/v1/jobs/": Policy("201 201 201 404", {**JOB, "object_type": "assets", "object_id": "{asset_id}"}),
    "GET jobs/v1/jobs/": all_may(200),
    "PATCH jobs/v1/jobs/": Policy("202 202 403 202", {"message": "x"}, params={"ids": "{job_id}"}),
    "DELETE jobs/v1/jobs/": writers_may(204, {"job_ids": ["{job_id}"]}),
    "PUT jobs/v1/jobs/priority/": writers_may(200, {"job_ids": ["{job_id}"], "priority": 1}),
    "PUT jobs/v1/jobs/state/": writers_may(200, {"job_ids": ["{job_id}"], "action": "ABORT"}),
    "GET jobs/v1/jobs/{job_id}/": readers_may(200),
    "PATCH jobs/v1/jobs/{job_id}/": writers_may(200, JOB),
    "PUT jobs/v1/jobs/{job_id}/": writers_may(200, JOB),
    "DELETE jobs/v1/jobs/{job_id}/": writers_may(204),
    "PUT jobs/v1/jobs/{job_id}/steps/": writers_may(200, {"steps": [STEP]}),
    "PATCH jobs/v1/jobs/{job_id}/steps/": writers_may(200, {"steps": [STEP]}),
    "PATCH jobs/v1/jobs/{job_id}/steps/{job_step_id}/": writers_may(200, {"status": "DONE"}),
    "GET jobs/v1/work/": administrators_may(200),
    "POST jobs/v1/work/retry/": administrators_may(200, {"all_parked": True}),
    "POST jobs/v1/work/discard/": administrators_may(409, {"keys": ["{job_id}"], "reason": "x"}),
    "GET jobs/v1/work/explanation/": administrators_may(200, params={"path": "/mnt/rushes/a.mov"}),
}
