"""A small production of real media, made by the `demo` command and the tests."""
