"""The cyclic garbage collector in a process that builds documents: it finds nothing there, and looks all the time."""

import gc

YOUNG = 20_000
"""New objects until it looks; by default it does so every 700, many times in each batch of documents."""


def calm_collector() -> None:
    """Have collections pass over what was imported, and come rarely: what is built here is gone by counting alone."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
