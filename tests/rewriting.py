"""Rewritten assertions for all workers of a run: each rewrites its share, and finds the rest done by the others.

pytest rewrites the assertions of a module where it is imported, which takes longer than the rest of the import, and
every worker imports every module. What is written here is what pytest writes itself, in the same place.
"""

from pathlib import Path

import pytest
from _pytest.assertion import rewrite

ROOT = Path(__file__).parent


def rewrite_share(config: pytest.Config, share: int, shares: int) -> None:
    """Rewrite one of so many shares of all test modules, unless that was done before."""
    state = config.stash[rewrite.assertstate_key]
    modules = sorted([*ROOT.rglob("test_*.py"), *ROOT.rglob("conftest.py")])
    for module in modules[share::shares]:
        folder = rewrite.get_cache_dir(module)
        cached = folder / f"{module.stem}{rewrite.PYC_TAIL}"
        if rewrite.try_makedirs(folder) and rewrite._read_pyc(module, cached) is None:
            source_hash, code = rewrite._rewrite_test(module, config)
            rewrite._write_pyc(state, code, source_hash, cached)
