"""Every kind of sidecar on small real files, and what is broken, hostile or merely odd about others."""

import json
from pathlib import Path
from typing import Any

import pytest

from media.sandbox.batch_reader import ReadEnd, ReadItem, ReadOutcome, SandboxReader
from media.sandbox.seccomp import ResourceLimits
from media.sandbox.supervisor import ConfinedChild
from tests.media.sandbox.test_supervisor import source

LIMITS = ResourceLimits(wall_seconds=30, cpu_seconds=10, memory_bytes=768 << 20)

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:q="http://ns.adobe.com/xap/1.0/"
  q:Rating="4" q:Label="Gelb">
 <dc:title><rdf:Alt><rdf:li xml:lang="de">Hafen</rdf:li>
 <rdf:li xml:lang="x-default">Harbour</rdf:li></rdf:Alt></dc:title>
 <dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>Österreich</rdf:li></rdf:Bag></dc:subject>
 <dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>
 <q:CreateDate>2024-01-31T18:30:00+02:00</q:CreateDate>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""

SONY = """<?xml version="1.0" encoding="UTF-8"?>
<NonRealTimeMeta xmlns="urn:schemas-professionalDisc:nonRealTimeMeta:ver.2.00" lastUpdate="2024-05-01T10:00:00+02:00">
<Duration value="250"/><LtcChangeTable tcFps="25" halfStep="false"><LtcChange frameCount="0" value="12345610"
 status="increment"/></LtcChangeTable><CreationDate value="2024-05-01T10:00:00+02:00"/>
<VideoFormat><VideoFrame videoCodec="AVC_3840_2160_HP@L51" captureFps="25p" formatFps="25p"/></VideoFormat>
<Device manufacturer="Sony" modelName="ILME-FX6V" serialNo="0012345"/><Title usAscii="Interview"/>
<Description>second try</Description></NonRealTimeMeta>"""

PANASONIC = """<?xml version="1.0" encoding="UTF-8"?>
<P2Main xmlns="urn:schemas-Professional-Plug-in:P2:ClipMetadata:v3.1"><ClipContent><ClipName>0001AB</ClipName>
<Duration>300</Duration><EditUnit>1/25</EditUnit><EssenceList><Video><Codec>AVC-I_1080/50i</Codec>
<StartTimecode>10:00:00:00</StartTimecode></Video></EssenceList><ClipMetadata><UserClipName>Goal</UserClipName>
<Device><Manufacturer>Panasonic</Manufacturer><SerialNo.>K8TRA</SerialNo.><ModelName>AJ-PX270</ModelName></Device>
<Shoot><Shooter>Ada</Shooter><StartDate>2024-05-01T10:00:00+02:00</StartDate></Shoot>
<MemoList><Memo MemoID="1"><Text>left foot</Text></Memo></MemoList></ClipMetadata></ClipContent></P2Main>"""

CANON = """<?xml version="1.0" encoding="UTF-8"?>
<ClipInfo xmlns="http://www.canon.co.jp/ns/VideoClip"><Title>Rain</Title><Duration>100</Duration>
<StartTimecode value="01:02:03:04"/><Device><Manufacturer>Canon</Manufacturer><ModelName>EOS C70</ModelName></Device>
<ReelNumber>A001</ReelNumber><UserMemo>wet</UserMemo></ClipInfo>"""

ALE = "Heading\nFIELD_DELIM\tTABS\nVIDEO_FORMAT\t1080\n\nColumn\nName\tScene\tTake\tTape\tStart\n\nData\n" + (
    "A001C001\t12A\t3\tA001\t10:00:00:00\nA001C002\t12B\t\tA001\t10:01:00:00\n"
)

MHL = """<?xml version="1.0" encoding="UTF-8"?><hashlist version="1.1"><creatorinfo><name>Ada</name></creatorinfo>
<hash><file>A001/clip.mov</file><size>5</size><md5>5d41402abc4b2a76b9719d911017c592</md5></hash>
<hash><file>A001/two.mov</file><size>5</size><c4>c4x</c4></hash></hashlist>"""

ASC_MHL = """<?xml version="1.0" encoding="UTF-8"?><hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0"><hashes>
<hash><path size="5" lastmodificationdate="2024-01-01T00:00:00Z">clip.mov</path>
<xxh64 action="original" hashdate="2024-01-01T00:00:00Z">26c7827d889f6da3</xxh64></hash></hashes></hashlist>"""


@pytest.fixture(scope="module")
def reader() -> Any:
    with ConfinedChild("media.sidecars.program", LIMITS) as child:
        yield SandboxReader(child)


def outcome(reader: SandboxReader, path: Path, content: str | bytes, **asked: Any) -> ReadOutcome:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,) = reader.read([ReadItem(1, [source(path)], {"names": [path.name], **asked})])
    return found


def read(reader: SandboxReader, path: Path, content: str | bytes, **asked: Any) -> dict[str, Any]:
    found = outcome(reader, path, content, **asked)
    assert found.end is ReadEnd.READ, found
    return found.result["files"][0]


def test_xmp_says_its_properties_whatever_its_prefixes(reader: SandboxReader, tmp_path: Path) -> None:
    assert read(reader, tmp_path / "a.xmp", XMP) == {
        "format": "XMP",
        "words": {
            "xmp:Rating": ["4"],
            "xmp:Label": ["Gelb"],
            "dc:title": ["Harbour"],
            "dc:title-de": ["Hafen"],
            "dc:subject": ["sea", "Österreich"],
            "dc:creator": ["Ada"],
            "xmp:CreateDate": ["2024-01-31T18:30:00+02:00"],
        },
    }


def test_other_namespaces_and_values_with_qualifiers_are_kept(reader: SandboxReader, tmp_path: Path) -> None:
    content = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about="" xmlns:my="http://my.example/ns/"
      xmlns:xmpDM="http://ns.adobe.com/xmp/1.0/DynamicMedia/"
      my:Project="P1">
    <my:Client rdf:parseType="Resource"><rdf:value>ACME</rdf:value><my:role>payer</my:role></my:Client>
    <my:tags><rdf:Bag><rdf:li rdf:parseType="Resource"><rdf:value>sea</rdf:value></rdf:li><rdf:li>night</rdf:li>
    </rdf:Bag></my:tags><xmpDM:startTimecode rdf:parseType="Resource"><xmpDM:timeFormat>25Timecode</xmpDM:timeFormat>
    <xmpDM:timeValue>10:00:00:00</xmpDM:timeValue></xmpDM:startTimecode><xmpDM:duration rdf:parseType="Resource">
    <xmpDM:value>100</xmpDM:value></xmpDM:duration></rdf:Description></rdf:RDF></x:xmpmeta>"""
    assert read(reader, tmp_path / "a.xmp", content)["words"] == {
        "my:Project": ["P1"],
        "my:Client": ["ACME"],
        "my:Client/?my:role": ["payer"],
        "my:tags": ["sea", "night"],
        "xmpDM:startTimecode": ["10:00:00:00"],
        "xmpDM:startTimecode/xmpDM:timeFormat": ["25Timecode"],
        "xmpDM:duration/xmpDM:value": ["100"],
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_xml_is_read_in_every_unicode_with_and_without_a_mark(
    reader: SandboxReader, tmp_path: Path, encoding: str
) -> None:
    content = ('<?xml version="1.0" encoding="UTF-16"?>' + XMP[XMP.index("<x:") :]).encode(encoding)
    assert read(reader, tmp_path / "a.xmp", content)["words"]["dc:subject"] == ["sea", "Österreich"]


def test_xml_is_read_in_latin_1_where_it_says_so_and_where_it_does_not(reader: SandboxReader, tmp_path: Path) -> None:
    for head in ('<?xml version="1.0" encoding="ISO-8859-1"?>', "", '<?xml version="1.0" encoding="UTF-8"?>'):
        content = f"{head}<metadata><place>Österreich</place></metadata>".encode("latin-1")
        assert read(reader, tmp_path / "a.xml", content)["words"] == {"place": ["Österreich"]}


@pytest.mark.parametrize(
    ("name", "content", "is_guessed"),
    [
        ("a.csv", "file,notes\na.mov,Köln\n".encode("latin-1"), True),
        ("a.csv", "file,notes\na.mov,Köln\n".encode(), False),
        ("a.csv", "file,notes\na.mov,Köln\n".encode("utf-16"), False),
        ("a.ale", ALE.replace("12A", "Köln").encode("latin-1"), True),
        ("a.json", '{"notes": "Köln"}'.encode("latin-1"), True),
        ("a.xml", "<metadata><notes>Köln</notes></metadata>".encode("latin-1"), True),
        ("a.xml", '<?xml version="1.0" encoding="UTF-8"?><metadata><n>Köln</n></metadata>'.encode("latin-1"), True),
        ("a.xml", '<?xml version="1.0" encoding="latin1"?><metadata><n>Köln</n></metadata>'.encode("latin-1"), False),
        ("a.xmp", XMP.encode("cp1252", "replace"), True),
    ],
)
def test_an_encoding_that_was_guessed_is_named(
    reader: SandboxReader, tmp_path: Path, name: str, content: bytes, is_guessed: bool
) -> None:
    notes = ["its encoding is not stated, and was taken to be cp1252"] if is_guessed else None
    assert read(reader, tmp_path / name, content).get("notes") == notes


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (
            SONY,
            "Sony clip XML",
            {
                "clip_name": "Interview",
                "duration_frames": "250",
                "device": "ILME-FX6V",
                "timecode_start": "10:56:34:12",
            },
        ),
        (
            PANASONIC,
            "Panasonic clip XML",
            {"clip_name": "Goal", "device_serial": "K8TRA", "notes": "left foot", "timecode_start": "10:00:00:00"},
        ),
        (
            CANON,
            "Canon clip XML",
            {"clip_name": "Rain", "timecode_start": "01:02:03:04", "reel": "A001", "device": "EOS C70", "notes": "wet"},
        ),
    ],
)
def test_what_cameras_write_is_said_in_the_same_words(
    reader: SandboxReader, tmp_path: Path, content: str, kind: str, words: dict[str, str]
) -> None:
    said = read(reader, tmp_path / "C0001M01.XML", content)
    assert said["format"] == kind
    assert {word: said["words"].get(word) for word in words} == {word: [value] for word, value in words.items()}


@pytest.mark.parametrize(
    "said",
    [
        {"colour": "red", "tags": ["a", "b"], "take": 3, "good": True},
        {
            "metadata_values": {
                "colour": {"field_values": [{"value": "red"}]},
                "tags": ["a", "b"],
                "take": 3,
                "good": True,
            }
        },
    ],
)
def test_json_names_fields_in_either_shape(reader: SandboxReader, tmp_path: Path, said: dict[str, Any]) -> None:
    words = read(reader, tmp_path / "clip.mov.json", json.dumps(said))["words"]
    assert words == {"colour": ["red"], "tags": ["a", "b"], "take": [3], "good": [True]}


def test_beside_metadata_values_title_and_external_id_alone_count(reader: SandboxReader, tmp_path: Path) -> None:
    said = {"title": "T", "external_id": "x", "id": "not this", "metadata_values": {"a": "b"}}
    words = read(reader, tmp_path / "clip.json", json.dumps(said))["words"]
    assert words == {"title": ["T"], "external_id": ["x"], "a": ["b"]}


@pytest.mark.parametrize(
    "content",
    [
        "<metadata><colour>red</colour><tags>a</tags><tags>b</tags></metadata>",
        '<asset><metadata_values><field name="colour">red</field><field name="tags"><value>a</value><value>b</value>'
        "</field></metadata_values></asset>",
        "<asset><metadata><field><name>colour</name><value>red</value></field>"
        "<field><name>tags</name><value>a</value><value>b</value></field></metadata></asset>",
    ],
)
def test_xml_names_fields_in_any_usual_shape(reader: SandboxReader, tmp_path: Path, content: str) -> None:
    assert read(reader, tmp_path / "clip.xml", content)["words"] == {"colour": ["red"], "tags": ["a", "b"]}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_has_a_row_for_its_own_clip_or_one_for_each_file(
    reader: SandboxReader, tmp_path: Path, delimiter: str
) -> None:
    own = read(reader, tmp_path / "clip.csv", f"colour{delimiter}tags\nred{delimiter}a|b\n")
    assert (own["words"], own["rows"]) == ({"colour": ["red"], "tags": ["a", "b"]}, [])
    text = f'Filename{delimiter}colour\none.mov{delimiter}"red, or{delimiter} not"\ntwo.mov{delimiter}\n'
    many = read(reader, tmp_path / "day.csv", text.encode("utf-16"))
    assert many["rows"] == [
        {"name": "one.mov", "words": {"colour": [f"red, or{delimiter} not"]}},
        {"name": "two.mov", "words": {}},
    ]


def test_a_cell_may_have_several_lines(reader: SandboxReader, tmp_path: Path) -> None:
    said = read(reader, tmp_path / "clip.csv", 'notes,a\r\n"one\r\ntwo\u2028three",b\r\n')
    assert said["words"] == {"notes": ["one\r\ntwo\u2028three"], "a": ["b"]}


def test_an_avid_log_says_something_of_each_clip(reader: SandboxReader, tmp_path: Path) -> None:
    said = read(reader, tmp_path / "day.ale", ALE.replace("\n", "\r\n").encode("latin-1"))
    assert said["rows"] == [
        {
            "name": "A001C001",
            "words": {"Scene": ["12A"], "Take": ["3"], "Tape": ["A001"], "Start": ["10:00:00:00"]},
            "other_names": ["A001"],
        },
        {
            "name": "A001C002",
            "words": {"Scene": ["12B"], "Tape": ["A001"], "Start": ["10:01:00:00"]},
            "other_names": ["A001"],
        },
    ]


LIST = "".join(f"5d41402abc4b2a76b9719d911017c592  {name}.mov\n" for name in ("one", "two", "three"))


@pytest.mark.parametrize(
    ("name", "content", "count"),
    [("day.md5", LIST, 3), ("MD5SUMS", LIST, 3), ("day.mhl", MHL, 2), ("0001_day.mhl", ASC_MHL, 1)],
)
def test_lists_of_checksums_are_counted(
    reader: SandboxReader, tmp_path: Path, name: str, content: str, count: int
) -> None:
    assert read(reader, tmp_path / name, content) == {"format": "checksums", "count": count}


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("bcdefghi", "cdefghij", strict=True)
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a><title>&e;</title></a>'


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "a.xml",
            BOMB + "]><a>&j;</a>",
            "declares entities, which can expand without limit; it is not read",
        ),
        ("a.xml", OUTSIDE, "declares entities, which can expand without limit; it is not read"),
        ("a.xmp", "<a>" * 100, "has more than 60 elements inside of each other; that is no sidecar that is read"),
        ("a.xml", f"<a>{'<b/>' * 1_000_000}</a>", "has more than 50,000 elements; that is no sidecar that is read"),
        ("a.mhl", f"<hashlist>{'<h/>' * 1_000_000}</hashlist>", "has more than 50,000 elements that are no files"),
        ("a.xmp", XMP[:-300], "is no XML that can be read: "),
        ("a.xmp", b"\0" * 5_000, "is no XML that can be read: no element found"),
        ("a.xmp", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no XML that can be read"),
        ("a.xmp", "<a/>", "is no XMP: it holds no rdf:RDF"),
        ("a.xml", '<?xml version="1.0" encoding="EBCDIC-CP-BE"?><a/>', 'says that it is written in "EBCDIC-CP-BE"'),
        ("a.xml", f"<a>{'x' * 200_000}</a>", "has more than 100,000 characters in one element"),
        ("a.json", '{"a": [' + "0," * 5_000 + "0]}", 'has more than 1,000 values of "a"'),
        ("a.ale", "Column\nName\nData\n" + "x\n" * 20_000, "has more than 10,000 rows"),
        ("a.json", "[" * 100_000, "is no JSON that is read: it is nested too deep"),
        ("a.json", "{'a': 1}", "is no JSON that can be read: Expecting property name"),
        ("a.json", '{"a": NaN}', "is no JSON that can be read: NaN is no JSON number"),
        ("a.json", '{"a": 1' + "0" * 10_000 + "}", "is no JSON that can be read: Exceeds the limit"),
        ("a.json", "[]", "is no sidecar: an object is expected"),
        ("a.json", json.dumps({"a": "x" * 200_000}), "has more than 100,000 characters in one value"),
        ("a.json", json.dumps({str(place): 1 for place in range(5_000)}), "has more than 1,000 fields"),
        ("a.csv", "a,b\n1,2\n3,4\n", 'has 2 rows and no column "filename"'),
        ("a.csv", 'a,b\n"1', "is no table that can be read: unexpected end of data"),
        ("a.csv", "", "is no table: its first row is to name the fields"),
        ("a.ale", "Name\tScene\n", "is no Avid log: it has no sections Column and Data"),
        ("a.md5", "no sum\n", "is no list of md5 sums: line 1 is not a sum and a file"),
        ("a.mhl", XMP, 'is no media hash list: it begins with "xmpmeta"'),
        ("a.xml", b" " * (17 << 20), "has 17,825,792 bytes; sidecars of at most 16,777,216 are read"),
    ],
)
def test_what_is_wrong_ends_as_a_sentence(
    reader: SandboxReader, tmp_path: Path, name: str, content: str | bytes, reason: str
) -> None:
    assert read(reader, tmp_path / name, content)["error"].startswith(reason)


def test_a_doctype_that_only_names_its_kind_is_harmless(reader: SandboxReader, tmp_path: Path) -> None:
    said = read(reader, tmp_path / "a.xml", "<!DOCTYPE xmeml><metadata><a>b</a></metadata>")
    assert said["words"] == {"a": ["b"]}


def test_one_wrong_file_says_nothing_about_its_neighbour(reader: SandboxReader, tmp_path: Path) -> None:
    for name, content in (("a.json", "no"), ("a.xmp", XMP)):
        (tmp_path / name).write_text(content)
    sources = [source(tmp_path / name) for name in ("a.json", "a.xmp")]
    (found,) = reader.read([ReadItem(1, sources, {"names": ["a.json", "a.xmp"]})])
    assert ["error" in said for said in found.result["files"]] == [True, False]
