"""Commands about users, storages and jobs."""
