"""The job runtime: lease, heartbeat, complete, fail, retry, and jobs that run in batches."""
