"""The PostgreSQL full-text engine."""
