"""Tables and the rules of one row or one statement. PostgreSQL is the system of record."""
