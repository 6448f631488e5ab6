"""Jobs and the backlog."""
