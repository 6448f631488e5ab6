"""PostgreSQL and Valkey out of their wheels, for a machine on which nothing else is installed."""
