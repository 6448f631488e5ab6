"""Tags inside pictures and clips become facts: camera, lens, exposure, time with its zone, place, and texts."""

import io
import struct
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from api.routes.files.bodies import filter_media_for_guest
from media.probe.camera_facts import camera_name, parse_iso_6709, parse_moment, read_clip_tags
from media.stills.facts import describe_still
from media.stills.pillow_reader import open_with_pillow

XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">The bus</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>street</rdf:li><rdf:li>rain</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def exif() -> Image.Exif:
    made = Image.Exif()
    made[271], made[272], made[306] = "NIKON CORPORATION", "NIKON Z 6", "2026:05:06 07:08:09"
    made[270], made[315], made[33432] = "A bus in the rain", "Ada Lovelace", "(c) Ada"
    made.get_ifd(0x8769).update(
        {
            33434: IFDRational(1, 250),
            33437: IFDRational(28, 10),
            34855: 400,
            37386: IFDRational(50, 1),
            36867: "2026:01:02 03:04:05",
            36881: "+02:00",
            42036: "NIKKOR Z 50mm f/1.8 S",
        }
    )
    made.get_ifd(0x8825).update(
        {1: "N", 2: (48.0, 8.0, 14.6), 3: "W", 4: (11.0, 34.0, 31.8), 5: b"\x00", 6: IFDRational(5190, 10)}
    )
    return made


def iptc_block(*records: tuple[int, bytes]) -> bytes:
    """IPTC records as Photoshop keeps them in a JPEG."""
    data = b"".join(b"\x1c\x02" + struct.pack(">BH", number, len(text)) + text for number, text in records)
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
    body = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def facts_of(content: bytes) -> dict[str, Any]:
    return describe_still(open_with_pillow(io.BytesIO(content), content[:64]))


def picture(form: str, **how: Any) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (16, 16)).save(target, form, **how)
    return target.getvalue()


CAMERA = {
    "camera": "NIKON Z 6",
    "camera_make": "NIKON CORPORATION",
    "camera_model": "NIKON Z 6",
    "lens": "NIKKOR Z 50mm f/1.8 S",
    "exposure_time": "1/250",
    "f_number": 2.8,
    "iso": 400,
    "focal_length": 50.0,
    "captured_at": "2026-01-02T03:04:05+02:00",
    "location": {"latitude": 48.1373889, "longitude": -11.5755, "altitude": 519.0},
}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_is_read_from_every_kind_of_picture(form: str) -> None:
    facts = facts_of(picture(form, exif=exif().tobytes()))
    assert {name: facts.get(name) for name in CAMERA} == CAMERA
    assert facts["tags"] == {"description": "A bus in the rain", "creator": "Ada Lovelace", "rights": "(c) Ada"}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_xmp_wins_over_exif(form: str) -> None:
    how: dict[str, Any] = {"exif": exif(), "xmp": XMP}
    if form == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        how = {"exif": exif(), "pnginfo": info}
    tags = facts_of(picture(form, **how))["tags"]
    assert tags["title"] == "The bus"
    assert (tags["keywords"], tags["rating"], tags["creator"]) == (["street", "rain"], "4", "Ada Lovelace")


def test_iptc_is_read_in_either_encoding() -> None:
    block = iptc_block((5, b"Bus"), (25, b"Regen"), (25, "Straße".encode()), (80, b"Jos\xe9"), (116, b"(c)"))
    content = picture("JPEG")
    tags = facts_of(content[:2] + block + content[2:])["tags"]
    assert tags == {"title": "Bus", "keywords": ["Regen", "Straße"], "creator": "José", "rights": "(c)"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "damage",
    [
        {"exif": b"Exif\0\0II*\0\xff\xff\xff\xff"},
        {"exif": b"Exif\0\0garbage"},
        {"xmp": b"<x:xmpmeta"},
        {"xmp": b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"},
    ],
)
def test_damaged_tags_hide_no_picture(damage: dict[str, bytes]) -> None:
    facts = facts_of(picture("JPEG", **damage))
    assert facts["streams"][0]["width"] == 16
    assert "tags" not in facts


def test_guests_see_neither_places_nor_texts() -> None:
    shown = filter_media_for_guest(facts_of(picture("JPEG", exif=exif())))
    assert not {"location", "tags", "fields"} & shown.keys()


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        (
            {
                "com.apple.quicktime.make": "Apple",
                "com.apple.quicktime.model": "iPhone 15 Pro",
                "com.apple.quicktime.location.ISO6709": "+48.1374-011.5755+519.000/",
                "com.apple.quicktime.creationdate": "2026-01-02T03:04:05+0200",
                "com.apple.quicktime.camera.lens_model": "back camera 6.86mm",
            },
            {
                "camera": "Apple iPhone 15 Pro",
                "camera_make": "Apple",
                "camera_model": "iPhone 15 Pro",
                "lens": "back camera 6.86mm",
                "captured_at": "2026-01-02T03:04:05+02:00",
                "location": {"latitude": 48.1374, "longitude": -11.5755, "altitude": 519.0},
            },
        ),
        ({"location": "+37.5090+127.0243/"}, {"location": {"latitude": 37.509, "longitude": 127.0243}}),
        ({"DATE_RECORDED": "2026-01-02 03:04:05"}, {"captured_at": "2026-01-02T03:04:05"}),
        ({"date": "2026", "location": "Berlin"}, {}),
        ({}, {}),
    ],
)
def test_tags_of_clips_say_the_same(tags: dict[str, str], wanted: dict[str, Any]) -> None:
    assert read_clip_tags(tags) == wanted


@pytest.mark.parametrize("text", ["", "+91.0000+000.0000/", "+10.0000+181.0000/", "48.1,11.5"])
def test_a_place_that_is_none_is_left_out(text: str) -> None:
    assert parse_iso_6709(text) is None


@pytest.mark.parametrize(
    ("text", "zone", "wanted"),
    [
        ("2026:01:02 03:04:05", "", "2026-01-02T03:04:05"),
        ("2026:01:02 03:04:05", "-08:00", "2026-01-02T03:04:05-08:00"),
        ("2026-01-02T03:04:05Z", "+01:00", "2026-01-02T03:04:05+00:00"),
        ("0000:00:00 00:00:00", "", None),
        ("    :  :     :  :  ", "", None),
        ("2026:01:02 03:04:05", "local", None),
        ("2026", "", None),
    ],
)
def test_a_moment_has_its_zone_or_none(text: str, zone: str, wanted: str | None) -> None:
    assert parse_moment(text, zone) == wanted


@pytest.mark.parametrize(
    ("make", "model", "wanted"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("", "ILCE-7M4", "ILCE-7M4"),
        ("SONY", "", "SONY"),
    ],
)
def test_a_camera_has_one_name(make: str, model: str, wanted: str) -> None:
    assert camera_name(make, model) == wanted
