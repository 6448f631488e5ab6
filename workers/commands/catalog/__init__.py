"""Commands about assets and grouping."""
