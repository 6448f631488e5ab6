"""Pending work as rows: islands, jobs, media work, index marks, mail and webhooks.

Only this package has SQL that names the table of a queue; `tests/test_queue_sql.py` holds that. Other packages

1. change rows by its functions, which know locks, leases and fencing tokens,
2. read rows by the classes of the tables,
3. read from a queue's `view` where a query has to be SQL, because it joins or counts: a subselect that PostgreSQL
   merges into the statement, so that it costs nothing. Nothing is written through it, and no row is locked.
"""
