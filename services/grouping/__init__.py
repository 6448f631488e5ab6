"""Grouping by hand, regrouping, undo and dry runs."""
