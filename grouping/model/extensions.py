"""Media classes by extension, and the order of containers by closeness to the camera original.

The tables are data to read and extend; a storage's profile overrides single extensions.
"""

import re

MEDIA_CLASSES = ("video", "image", "audio", "caption", "sidecar", "document", "other")

VIDEO_EXTENSIONS = """
3g2 3gp 360 amv ari2 asf avi avs bik braw cine crm dav dif divx dv evo f4v flv gxf h264 h265 hevc insv ivf
lrf lxf m1v m2p m2t m2ts m2v m4v mj2 mjpeg mjpg mk3d mkv mov mp2v mp4 mp4v mpe mpeg mpg mpv mts mtv mxf mxv nev nut ogm
ogv qt r3d rm rmf rmvb tod trp ts tsv vob vro webm wmv xavc y4m
"""

IMAGE_EXTENSIONS = """
3fr ai apng ari arq arw arx avif bay bmp bpf cap cin cr2 cr3 cri crw cs1 cur dcr dcs dds dng dpx emf eps erf exr fff
fits gif gpr hdr heic heics heif hif ico iff iiq insp j2c j2k jfif jls jp2 jpc jpe jpeg jpf jpg jpm jps jpx jxl jxr k25
kdc kra lbm mdc mef miff mos mpo mrw nef nrw orf ori pbm pcx pef pfm pgm pic pict png pnm ppm psb psd pxn qoi raf ras
raw rgb rgba rgbe rla rpf rw2 rwl rwz sgi sr2 srf srw svg sxr targa tga tif tiff tx webp wmf x3f xcf xpm
"""

AUDIO_EXTENSIONS = """
8svx aac ac3 adt aif aifc aiff alac amr ape atmos au bwf caf dff dsf dts eac3 ec3 flac gsm loas m4a m4b m4r mid midi mka
mlp mp1 mp2 mp3 mpa mpc oga ogg opus ra rf64 shn snd spx thd tta voc w64 wav wave weba wma wv
"""

CAPTION_EXTENSIONS = "ass cap3 dfxp idx itt mks sami sbv scc smi srt ssa stl sub sup ttml vtt"

SIDECAR_EXTENSIONS = """
3dl aae acr ale ami arp asc ascmhl asd audio bim bup ccc cdl cfa cif clpi cmp cof comask cop cos cot cpf cpi cpl csv
cube dop drx edl fcpxml ffindex ifo ims json keylog klv krc kys look lrv lut md5 md5sum meta metadata mhl mif mpgindex
mpl mpls mta ndf nfo nksc nmea on1 otio pek pgx pk pkf pp3 ppn reapeaks rmd rtn sfk sfl sfv sha sha1 sha1sum sha224
sha256 sha256sum sha384 sha512 sha512sum sidecar sif srtx thm wfm xml xmp xmpses xxh xxh128 xxh3 xxh32 xxh64 xxhash
yaml yml
"""

CHECKSUM_LIST_NAMES = re.compile(
    rb"(?i)(?:(?:md5|sha1|sha224|sha256|sha384|sha512|xxh32|xxh64|xxh3|xxh128)sums?(?:\.txt)?"
    rb"|(?:tag)?manifest-[a-z0-9]{3,8}\.txt)"
)
"""Checksum lists that no extension marks: `MD5SUMS`, `sha256sum.txt`, and the manifests of a BagIt package."""

DOCUMENT_EXTENSIONS = """
abw djvu doc docm docx dot dotx epub fdx fdxt fountain gdoc gsheet gslides htm html key log md mht mobi numbers odp
ods odt pages pdf pot potx pps ppsx ppt pptx rtf rtfd tex txt vsd wpd wps xls xlsm xlsx xps
"""

RAW_STILL_EXTENSIONS = frozenset(
    b"3fr arq arw bay cap cr2 cr3 crw dcr dcs erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw orf ori pef pxn raf raw"
    b" rw2 rwl rwz sr2 srf srw x3f".split()
)
"""Formats that only photo cameras write. DNG is excluded: cinema cameras write frames in it."""

RAW_EXTENSIONS = RAW_STILL_EXTENSIONS | {b"dng"}
"""Formats of a raw still that may have a camera JPEG."""

LIVE_EXTENSIONS = frozenset(b"heic heif".split())
"""Formats of a phone's still that may have a movie."""
HEIF_EXTENSIONS = LIVE_EXTENSIONS | {b"hif"}
PHOTO_ONLY_EXTENSIONS = RAW_STILL_EXTENSIONS | HEIF_EXTENSIONS | {b"insp"}
"""Formats of photographs under any name."""

JPEG_EXTENSIONS = frozenset(b"jpe jpeg jpg".split())
PHOTO_BY_NAME_EXTENSIONS = JPEG_EXTENSIONS | frozenset(b"avif dng png webp".split())
"""Formats of photographs and of frames alike: the name decides."""

PHOTO_STILL_EXTENSIONS = PHOTO_ONLY_EXTENSIONS | JPEG_EXTENSIONS | {b"dng"}
"""Formats that photo cameras can write; only `photos = stills` excludes all of them from sequences."""

RAW_COMPANION_EXTENSIONS = JPEG_EXTENSIONS | HEIF_EXTENSIONS | frozenset(b"insp tif tiff".split())
"""Formats that cameras and raw developers write beside a raw still, under its stem."""

UNSURE_CAPTION_EXTENSIONS = frozenset(b"ass idx smi stl sub".split())
"""Other programs use them too: without a host such a file is no caption."""

CAPTION_PAIR_EXTENSIONS = frozenset({b"idx", b"sub"})
"""VobSub writes its index and its pictures into two files of one stem."""

AUDIO_ESSENCE_EXTENSIONS = frozenset(b"mxf mxv".split())
"""Containers of a single track; their class is video unless a track token marks them as audio."""

ORIGINAL_RANK: tuple[tuple[str, ...], ...] = (
    ("r3d", "braw", "nev", "ari", "arx", "crm", "cine", "rmf", "cr2", "cr3", "dng"),
    ("exr", "dpx", "cin", "sxr"),
    ("tif", "tiff", "tx", "tga", "png", "jp2", "j2c", "j2k"),
    ("mxf", "mov", "qt", "mts", "m2ts", "360", "insv"),
    ("avi", "mkv", "dv", "gxf"),
    ("mp4", "m4v", "mpg", "mpeg", "ts", "wmv", "jpg", "jpeg"),
    ("webm", "ogv", "flv", "3gp", "webp", "gif"),
)
"""Camera raw, mezzanine, MXF and MOV, MP4, WebM: of two containers of one name, the earlier is the original."""


def class_of_extensions() -> dict[bytes, str]:
    """Return the class of every known extension (lower case)."""
    tables = (
        ("video", VIDEO_EXTENSIONS),
        ("image", IMAGE_EXTENSIONS),
        ("audio", AUDIO_EXTENSIONS),
        ("caption", CAPTION_EXTENSIONS),
        ("sidecar", SIDECAR_EXTENSIONS),
        ("document", DOCUMENT_EXTENSIONS),
    )
    return {extension.encode(): name for name, table in tables for extension in table.split()}
