"""No package that Tapeless installs is under the GPL or contains a library that is: neither fits the Apache License.

Licences are read from what each installed wheel says, and from the names of the libraries in it: a wheel under the BSD
licence may contain an encoder under the GPL.
"""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

LOCK = Path(__file__).parent.parent / "requirements.lock"
GPL = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|(?<!Lesser )General Public License", re.IGNORECASE)
GPL_LIBRARIES = re.compile(
    r"lib(x26[45]|xvid|postproc|vidstab|rubberband|fdk|aacs|bluray|cdio|dvd|davs2|xavs2?|zbar|raw_demosaic)",
    re.IGNORECASE,
)
"""Libraries under the GPL, or not free, that wheels of media libraries are known to contain."""
KNOWN = {
    "av": "its wheel contains libx264 and libx265, which encode renditions; it is a package of its own",
}
"""What was there before; the list may only shrink."""
EXTRAS = ("openexr",)
"""Packages of extras that read media."""
PACKAGES = [*re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE), *EXTRAS]


def complaints(name: str) -> list[str]:
    """What of an installed package is under the GPL."""
    try:
        found = distribution(name)
    except PackageNotFoundError:  # an operating system's own, such as colorama
        return []
    said = [
        *(found.metadata.get_all("License-Expression") or ()),
        *(one for one in found.metadata.get_all("License") or () if len(one) < 200),
        *(one for one in found.metadata.get_all("Classifier") or () if one.startswith("License ::")),
    ]
    files = [str(path) for path in found.files or ()]
    return [one for one in said if GPL.search(one)] + [one for one in files if GPL_LIBRARIES.search(one.split("/")[-1])]


def test_no_installed_package_is_under_the_gpl() -> None:
    assert {name: found for name in PACKAGES if name not in KNOWN and (found := complaints(name))} == {}


def test_known_ones_are_still_installed() -> None:
    assert [name for name in KNOWN if name not in PACKAGES] == []


@pytest.mark.parametrize(
    ("text", "is_gpl"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPLv3", True),
        ("License :: OSI Approved :: GNU General Public License v2 (GPLv2)", True),
        ("LGPL-3.0-only", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("BSD-3-Clause", False),
    ],
)
def test_a_licence_is_recognised(text: str, is_gpl: bool) -> None:
    assert bool(GPL.search(text)) is is_gpl


def test_a_library_is_recognised() -> None:
    assert GPL_LIBRARIES.search("libx265-3b2a.so.209")
    assert not GPL_LIBRARIES.search("libde265-90fb0ce1.so.0.2.0")
