"""Kinds of sidecars by their extension."""

import pytest

from media.sidecars.kinds import is_checksum_list, is_metadata_sidecar, is_readable_sidecar


@pytest.mark.parametrize(
    ("name", "is_metadata", "is_checksum"),
    [
        ("a.xmp", True, False),
        ("A.XML", True, False),
        ("a.mov.json", True, False),
        ("a.md5", False, True),
        ("a.mov.xxh64", False, True),
        ("a.MHL", False, True),
        ("a.thm", False, False),
        ("xml", False, False),
        (".xml", False, False),
    ],
)
def test_an_extension_decides(name: str, is_metadata: bool, is_checksum: bool) -> None:
    assert (is_metadata_sidecar(name), is_checksum_list(name)) == (is_metadata, is_checksum)
    assert is_readable_sidecar(name) is (is_metadata or is_checksum)
