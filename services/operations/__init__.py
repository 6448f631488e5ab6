"""Status, metrics, invariants, explain and the periodic sweep."""
