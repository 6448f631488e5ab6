"""Alembic's environment: runs on the connection that `models.schema` provides."""

from alembic import context

from models.registry import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    transactional_ddl=True,
)
context.run_migrations()
