"""What an installation contains is pinned by hashes, from no particular index, and listed with its licence."""

import re

import pytest

from tests.release.third_party import ROOT, find_license, list_packages, read_pins

LOCKS = ("requirements.lock", "requirements-test.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_a_lock_has_hashes_and_no_address(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("#") and line.strip())
    entries = re.split(r"\n(?=\S)", text.replace("\\\n", " ").strip())
    assert len(entries) > 50
    for entry in entries:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==\S+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+", entry.strip()), entry
    assert "://" not in text
    assert not re.search(r"^(-|--)(i|f|extra|index|trusted|find)", text, re.MULTILINE)


def test_what_is_tested_is_what_runs() -> None:
    run, tested = (read_pins(ROOT / name) for name in LOCKS)
    assert {name: version for name, version in run.items() if tested.get(name) != version} == {}


def test_every_package_is_listed_with_its_version_and_licence() -> None:
    pins = read_pins(ROOT / "requirements.lock")
    assert [name for name in pins if not find_license(name)] == []
    assert (ROOT / "THIRD-PARTY.md").read_text() == list_packages()


def test_the_image_and_make_install_by_hash_alone() -> None:
    """Each line that installs names the lock with its hashes, or takes nothing from an index."""
    for name in ("Dockerfile", "Makefile"):
        text = (ROOT / name).read_text().replace("\\\n", " ")
        for line in re.findall(r"^.*(?:pip install|\$\(PIP\)) .*$", text, re.MULTILINE):
            for command in re.split(r"&&", line):
                if (
                    "build/" in command
                    or ":=" in command
                    or "pip install" not in command.replace("$(PIP)", "pip install")
                ):
                    continue  # tools that `make lock`, `audit` and `sbom` use are no part of an installation
                assert "--require-hashes" in command or "--no-deps" in command, command
