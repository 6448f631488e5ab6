"""Tables and the rules of one row or one statement: Postgres is the record of everything that Tapeless knows."""
