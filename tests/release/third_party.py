"""Write the list of third-party packages and their licences, from the metadata of the installed packages.

    python -m tests.release.third_party > THIRD-PARTY.md

The list holds what `requirements.lock` pins, so what an installation or an image contains.
"""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
LICENSE_CLASSIFIER = "License :: OSI Approved :: "
HEAD = """# Third-party packages

Tapeless itself is under the Apache License 2.0 (`LICENSE`). It installs these packages, each under the licence that its
metadata states; `docs/licences.md` says what the wheels of PyAV, PostgreSQL and Valkey contain beside Python, and what
that means for those who distribute an image. Written by `python -m tests.release.third_party`.

| package | version | licence |
| --- | --- | --- |
"""


def read_pins(lock: Path) -> dict[str, str]:
    """Return the pinned versions of a lock file by normalised name."""
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in PIN.findall(lock.read_text())}


def find_license(name: str) -> str:
    """Return the licence that a package's metadata states, as short as it states it; empty if it does not."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return ""
    stated = found.get("License-Expression") or ""
    if stated:
        return str(stated)
    classified = [
        str(each).removeprefix(LICENSE_CLASSIFIER)
        for each in found.get_all("Classifier") or ()
        if str(each).startswith(LICENSE_CLASSIFIER)
    ]
    return ", ".join(classified) or str(found.get("License") or "").partition("\n")[0].strip()


def list_packages() -> str:
    """Return the whole list."""
    pins = read_pins(ROOT / "requirements.lock")
    return HEAD + "".join(f"| {name} | {version} | {find_license(name)} |\n" for name, version in sorted(pins.items()))


if __name__ == "__main__":
    print(list_packages(), end="")
