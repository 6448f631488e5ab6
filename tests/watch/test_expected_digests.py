"""Which digest a folder gets with the last published file of its listing."""

from watch.expected_digests import ExpectedDigests
from watch.rows.folder_cache import KnownFolder


def test_a_folder_gets_its_digest_with_its_last_file_unless_it_changed_meanwhile() -> None:
    big, small, changed, other = (KnownFolder(number, name) for number, name in enumerate((b"b", b"s", b"c", b"o")))
    expected = ExpectedDigests()
    expected.expect(b"b", b"of big", 3)
    expected.expect(b"s", b"old", 5)
    expected.expect(b"s", b"of small", 1)
    expected.expect(b"c", b"of changed", 1)
    expected.drop(b"c")
    assert expected.complete([big, small, changed, other, big]) == [small]
    assert expected.complete([big]) == [big]
    assert expected.complete([big, small]) == []
    assert [folder.digest for folder in (big, small, changed, other)] == [b"of big", b"of small", None, None]
