"""Values of grouping: names, profile, frames, items and plans."""
