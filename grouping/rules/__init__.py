"""The rules, each a pass over the items of an island."""
