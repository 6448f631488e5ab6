"""Operations: plain functions on a session, each with a thin Celery face where a queue triggers it."""
