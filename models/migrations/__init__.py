"""Migrations, oldest first; each keeps working with the code that ran before it."""
