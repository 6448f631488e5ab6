"""The control API: parse, authorise, call an operation of `tasks`, render by hand. Speaks the subset in docs/api.md."""
