"""Assets, collections and segments."""
