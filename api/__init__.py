"""The control API: parse, authorise, call a function of `services`, render by hand. docs/api.md lists its routes."""
