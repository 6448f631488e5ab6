"""Garbage collector settings for processes that build documents: cyclic collections find nothing there, and cost
time."""

import gc

GC_THRESHOLD_OBJECTS = 20_000
"""New objects between two collections. The default of 700 means many collections in each batch of documents."""


def tune_garbage_collector() -> None:
    """Exclude imported objects from collections, and collect rarely: documents are freed by reference counting."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD_OBJECTS, 10, 10)
