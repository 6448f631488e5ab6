"""Tables, and what a single statement does to them."""
