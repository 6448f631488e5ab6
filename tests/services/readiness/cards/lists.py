"""Lists of sums (ASC MHL, MHL 1, checksum files), bags, and sequences of frames."""

# A row of a table is one line.
# ruff: noqa: E501
# fmt: off

import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath

from tests.services.readiness.cards.tree import (
    FRAMES,
    READ,
    Fixture,
    Tree,
    content_of,
    cut,
    files,
    first_lines,
    flip,
    junk,
    made,
    payload,
    put,
    remove,
    rename,
    replace,
    sum_of,
    swap,
    text,
    under,
)

DATE = "2024-01-15T12:00:00+00:00"


def reel() -> Tree:
    """What the lists below are of."""
    names = ("Clips/A002C006_240115_R2EC.mov", "Clips/A002C007_240115_R2EC.mov", "Audio/A002 scene 12.wav")
    return files(names) | {"Sidecar.txt": text("Camera report of A002.\n")}


CLIP, CLIP_2 = "A002R2EC/Clips/A002C006_240115_R2EC.mov", "A002R2EC/Clips/A002C007_240115_R2EC.mov"
SOUND = "A002R2EC/Audio/A002 scene 12.wav"

# ASC MHL


def sum_of_sums(algorithm: str, sums: list[str]) -> str:
    """The sum of the bytes of sorted sums."""
    return sum_of(algorithm, b"".join(bytes.fromhex(value) for value in sorted(sums)))


def folder_sums(tree: Tree, algorithm: str, folder: str = "") -> tuple[str, str]:
    """Sums of the content and of the structure of a folder."""
    contents, structures = [], []
    children = {path.removeprefix(folder).split("/")[0] for path in tree if path.startswith(folder)}
    for child in sorted(children):
        if folder + child in tree:
            content = structure = sum_of(algorithm, content_of(tree, folder + child))
        else:
            content, structure = folder_sums(tree, algorithm, f"{folder}{child}/")
        contents.append(content)
        structures.append(sum_of(algorithm, child.encode() + bytes.fromhex(structure)))
    return sum_of_sums(algorithm, contents), sum_of_sums(algorithm, structures)


def generation(tree: Tree, algorithm: str, action: str, former: dict[str, str] | None = None, more: str = "") -> bytes:
    """A manifest of ASC MHL 2.0. `former` has the previous paths of files by their present ones, `more` is another algorithm."""

    def pair(sums: tuple[str, str], indent: str) -> str:
        content, structure = (f'{indent}  <{algorithm} hashdate="{DATE}">{value}</{algorithm}>\n' for value in sums)
        return f"{indent}<content>\n{content}{indent}</content>\n{indent}<structure>\n{structure}{indent}</structure>\n"

    binary = algorithm != "c4"
    hashes = ""
    for path in sorted(tree):
        content = content_of(tree, path)
        previous = f"      <previousPath>{former[path]}</previousPath>\n" if former and path in former else ""
        added = f'      <{more} action="verified" hashdate="{DATE}">{sum_of(more, content)}</{more}>\n' if more else ""
        hashes += (
            f'    <hash>\n      <path size="{len(content)}" lastmodificationdate="{DATE}">{path}</path>\n{added}'
            f'      <{algorithm} action="{action}" hashdate="{DATE}">{sum_of(algorithm, content)}</{algorithm}>\n{previous}    </hash>\n'
        )
    for folder in sorted({str(PurePosixPath(path).parent) for path in tree} - {"."}) if binary else ():
        sums = pair(folder_sums(tree, algorithm, folder + "/"), "      ")
        hashes += f'    <directoryhash>\n      <path lastmodificationdate="{DATE}">{folder}</path>\n{sums}    </directoryhash>\n'
    root = f"    <roothash>\n{pair(folder_sums(tree, algorithm), '      ')}    </roothash>\n" if binary else ""
    patterns = "".join(f"      <pattern>{pattern}</pattern>\n" for pattern in (".DS_Store", "ascmhl", "ascmhl/"))
    return text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<hashlist version="2.0" xmlns="urn:ASC:MHL:v2.0">\n  <creatorinfo>\n'
        f"    <creationdate>{DATE}</creationdate>\n    <hostname>cart.example</hostname>\n"
        f'    <tool version="1.0">Example Offload</tool>\n  </creatorinfo>\n  <processinfo>\n    <process>in-place</process>\n'
        f"{root}    <ignore>\n{patterns}    </ignore>\n  </processinfo>\n  <hashes>\n{hashes}  </hashes>\n</hashlist>\n"
    )


def history(tree: Tree, *generations: bytes) -> Tree:
    """`tree` with its folder ascmhl, under the name of the reel."""
    listed = ""
    added: Tree = {}
    for number, manifest in enumerate(generations, 1):
        name = f"{number:04}_A002R2EC_2024-01-{14 + number}_120000Z.mhl"
        added[f"ascmhl/{name}"] = manifest
        listed += f'  <hashlist sequencenr="{number}">\n    <path>{name}</path>\n    <c4>{sum_of("c4", manifest)}</c4>\n  </hashlist>\n'
    chain = f'<?xml version="1.0" encoding="UTF-8"?>\n<ascmhldirectory xmlns="urn:ASC:MHL:DIRECTORY:v2.0">\n{listed}</ascmhldirectory>\n'
    return under("A002R2EC", tree | added | {"ascmhl/ascmhl_chain.xml": chain.encode()})


def asc() -> Tree:
    return history(reel(), generation(reel(), "xxh64", "original"))


def asc_c4() -> Tree:
    return history(reel(), generation(reel(), "c4", "original"))


def asc_two() -> Tree:
    return history(reel(), generation(reel(), "xxh64", "original"), generation(reel(), "xxh64", "verified", more="md5"))


def asc_renamed() -> Tree:
    """The second generation records that a clip has another name now."""
    old, new = "Clips/A002C007_240115_R2EC.mov", "Clips/A002C007_take2.mov"
    later = rename(old, new)(reel())
    return history(later, generation(reel(), "xxh64", "original"), generation(later, "xxh64", "verified", {new: old}))


FIRST = "A002R2EC/ascmhl/0001_A002R2EC_2024-01-15_120000Z.mhl"
ASC = (
    Fixture("ascmhl-whole", "ASC MHL", made(asc), "proven", "Every file has the size and XXH64 of the manifest, and the chain has the C4 of the manifest.", READ),
    Fixture("ascmhl-c4-whole", "ASC MHL", made(asc_c4), "proven", "The same with C4 and without sums of folders, which are optional.", READ),
    Fixture("ascmhl-two-generations-whole", "ASC MHL", made(asc_two), "proven", "The second generation verified the first one and adds MD5.", READ),
    Fixture("ascmhl-renamed-whole", "ASC MHL", made(asc_renamed), "proven", "previousPath of the second generation says where the name of the first one went.", READ),
    Fixture("ascmhl-junk-whole", "ASC MHL", made(asc, put("A002R2EC/Clips/.DS_Store", b"\0\0\0\1Bud1")), "proven", ".DS_Store is a pattern of ignore.", READ),
    Fixture("ascmhl-file-missing", "ASC MHL", made(asc, remove(SOUND)), "refuted", "The manifest names it.", READ, (SOUND,)),
    Fixture("ascmhl-file-flipped", "ASC MHL", made(asc, flip(CLIP)), "refuted", "Its XXH64 is not that of the manifest.", READ, (CLIP,)),
    Fixture("ascmhl-file-truncated", "ASC MHL", made(asc, cut(CLIP_2, 2999)), "refuted", "It is shorter than size of the manifest.", READ, (CLIP_2,)),
    Fixture("ascmhl-files-swapped", "ASC MHL", made(asc, swap(CLIP, CLIP_2)), "refuted", "Each has the sum of the other.", READ, (CLIP, CLIP_2)),
    Fixture("ascmhl-file-renamed", "ASC MHL", made(asc, rename(CLIP, "A002R2EC/Clips/best take.mov")), "refuted", "No generation records the new name.", READ, (CLIP,)),
    Fixture("ascmhl-file-unlisted", "ASC MHL", made(asc, put("A002R2EC/Clips/A002C008_240115_R2EC.mov", payload("A002C008.mov"))), "not provable", "The manifest is of the whole folder and does not have the third clip, so nothing states its content (unsure: the reference implementation reports a new file as an error, so it may be refuted).", READ),
    Fixture("ascmhl-manifest-changed", "ASC MHL", made(asc_two, replace(FIRST, "cart.example", "cart.exampel")), "refuted", "ascmhl_chain.xml states the C4 of each manifest.", READ, (FIRST,)),
    Fixture("ascmhl-manifest-missing", "ASC MHL", made(asc_two, remove(FIRST)), "refuted", "ascmhl_chain.xml names it.", READ, (FIRST,)),
    Fixture("ascmhl-manifest-truncated", "ASC MHL", made(asc, cut(FIRST, 900)), "refuted", "A manifest that ends early was damaged on the way, and its C4 is not that of the chain.", READ, (FIRST,)),
)

# MHL 1


def mhl_of(tag: str, value: Callable[[bytes], str]) -> Tree:
    """A list of version 1.1 in the root of the reel."""
    listed = ""
    for path, content in sorted(reel().items()):
        assert content is not None
        listed += (
            f"  <hash>\n    <file>{path}</file>\n    <size>{len(content)}</size>\n    <lastmodificationdate>2024-01-15T12:00:00Z</lastmodificationdate>\n"
            f"    <{tag}>{value(content)}</{tag}>\n    <hashdate>2024-01-15T12:00:00Z</hashdate>\n  </hash>\n"
        )
    document = text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<hashlist version="1.1">\n  <creatorinfo>\n    <name>Operator</name>\n    <username>operator</username>\n'
        "    <hostname>cart.example</hostname>\n    <tool>Example Offload 1.0</tool>\n    <startdate>2024-01-15T12:00:00Z</startdate>\n"
        f"    <finishdate>2024-01-15T12:00:00Z</finishdate>\n  </creatorinfo>\n{listed}</hashlist>\n"
    )
    return under("A002R2EC", reel() | {"A002R2EC_2024-01-15_120000.mhl": document})


def mhl() -> Tree:
    return mhl_of("md5", lambda content: sum_of("md5", content))


def mhl_uppercase() -> Tree:
    return mhl_of("sha1", lambda content: sum_of("sha1", content).upper())


def mhl_xxhash() -> Tree:
    return mhl_of("xxhash64be", lambda content: sum_of("xxh64", content))


MHL_FILE = "A002R2EC/A002R2EC_2024-01-15_120000.mhl"
MHL = (
    Fixture("mhl-whole", "MHL 1", made(mhl), "proven", "Every file has the size and MD5 of the list.", READ),
    Fixture("mhl-uppercase-whole", "MHL 1", made(mhl_uppercase), "proven", "Hexadecimal digits have no case.", READ),
    Fixture("mhl-xxhash-whole", "MHL 1", made(mhl_xxhash), "proven", "xxhash64be is XXH64, written with the highest byte first.", READ),
    Fixture("mhl-file-missing", "MHL 1", made(mhl, remove(CLIP)), "refuted", "The list names it.", READ, (CLIP,)),
    Fixture("mhl-file-truncated", "MHL 1", made(mhl, cut(SOUND, 0)), "refuted", "It has not the size of the list.", READ, (SOUND,)),
    Fixture("mhl-file-flipped", "MHL 1", made(mhl_xxhash, flip(CLIP_2)), "refuted", "Its XXH64 is not that of the list.", READ, (CLIP_2,)),
    Fixture("mhl-list-truncated", "MHL 1", made(mhl, cut(MHL_FILE, 1000)), "refuted", "A list that ends early was damaged on the way (unsure: nothing states the sum of a list, so it may be not provable).", READ, (MHL_FILE,)),
)

# Checksum lists

LIST = "A002R2EC/checksums"


def list_of(algorithm: str, name: str, line: Callable[[str, str], str], tree: Tree | None = None) -> Tree:
    """A list in the root of the reel. `line` makes a line of sum and path."""
    tree = tree or reel()
    lines = [line(sum_of(algorithm, content_of(tree, path)), path) for path in sorted(tree)]
    return under("A002R2EC", tree | {name: "".join(lines).encode()})


def md5_list() -> Tree:
    return list_of("md5", "checksums.md5", lambda value, path: f"{value}  {path}\n")


def crlf_list() -> Tree:
    """As on Windows: with CR and LF, backslashes, and the mark of binary files."""
    return list_of("md5", "checksums.md5", lambda value, path: f"{value.upper()} *{path.replace('/', chr(92))}\r\n")


def dotted_list() -> Tree:
    return list_of("sha256", "checksums.sha256", lambda value, path: f"{value}  ./{path}\n")


def bsd_list() -> Tree:
    return list_of("sha1", "checksums.sha1", lambda value, path: f"SHA1 ({path}) = {value}\n")


def xxh_list() -> Tree:
    return list_of("xxh64", "checksums.xxh64", lambda value, path: f"{value}  {path}\n")


def c4_list() -> Tree:
    return list_of("c4", "checksums.c4", lambda value, path: f"{value}  {path}\n")


def nfd_list() -> Tree:
    """The names on disk are decomposed, those in the list are composed."""
    composed = files(["Café Zürich/Straße 01.mov", "Café Zürich/Ångström.wav"])
    tree = list_of("md5", "checksums.md5", lambda value, path: f"{value}  {path}\n", composed)
    return {unicodedata.normalize("NFD", path): content for path, content in tree.items()}


def sidecar_lists() -> Tree:
    """One list for each file, next to it."""
    tree = reel()
    for path, content in reel().items():
        assert content is not None
        tree[f"{path}.md5"] = f"{sum_of('md5', content)}  {PurePosixPath(path).name}\n".encode()
    return under("A002R2EC", tree)


LISTS = (
    Fixture("md5-whole", "Checksum list", made(md5_list), "proven", "Every file is in the list and has its MD5.", READ),
    Fixture("md5-crlf-whole", "Checksum list", made(crlf_list), "proven", "Line ends, uppercase digits, binary marks and backslashes do not change what is stated.", READ),
    Fixture("sha256-dotted-whole", "Checksum list", made(dotted_list), "proven", "./ is the folder of the list.", READ),
    Fixture("sha1-bsd-whole", "Checksum list", made(bsd_list), "proven", "Lines in the form of BSD.", READ),
    Fixture("xxh64-whole", "Checksum list", made(xxh_list), "proven", "XXH64 in the form of xxhsum.", READ),
    Fixture("c4-whole", "Checksum list", made(c4_list), "proven", "C4 (ST 2114) and path on each line (unsure: there is no common form of C4 lists).", READ),
    Fixture("md5-nfd-whole", "Checksum list", made(nfd_list), "proven", "Composed and decomposed names are the same name, as copies through macOS show.", READ),
    Fixture("md5-sidecars-whole", "Checksum list", made(sidecar_lists), "proven", "Each file has a list of its own.", READ),
    Fixture("md5-junk-whole", "Checksum list", made(md5_list, junk("A002R2EC/Clips")), "proven", "Files of the desktop need no evidence.", READ),
    Fixture("md5-file-missing", "Checksum list", made(md5_list, remove(SOUND)), "refuted", "The list names it.", READ, (SOUND,)),
    Fixture("md5-file-flipped", "Checksum list", made(md5_list, flip(CLIP)), "refuted", "Its MD5 is not that of the list.", READ, (CLIP,)),
    Fixture("md5-crlf-flipped", "Checksum list", made(crlf_list, flip(CLIP_2)), "refuted", "Its MD5 is not that of the list.", READ, (CLIP_2,)),
    Fixture("md5-files-swapped", "Checksum list", made(md5_list, swap(CLIP, CLIP_2)), "refuted", "Each has the sum of the other.", READ, (CLIP, CLIP_2)),
    Fixture("sha1-bsd-truncated", "Checksum list", made(bsd_list, cut(CLIP, 1500)), "refuted", "Its SHA-1 is not that of the list.", READ, (CLIP,)),
    Fixture("xxh64-renamed", "Checksum list", made(xxh_list, rename(CLIP, "A002R2EC/Clips/new.mov")), "refuted", "The list has the file under the other name.", READ, (CLIP,)),
    Fixture("md5-file-unlisted", "Checksum list", made(md5_list, put("A002R2EC/Clips/A002C008_240115_R2EC.mov", payload("A002C008.mov"))), "not provable", "The list does not have the third clip, so nothing states its content.", READ),
    Fixture("md5-sidecar-missing", "Checksum list", made(sidecar_lists, remove(f"{CLIP}.md5")), "not provable", "One clip has no sum any more.", READ),
    Fixture("md5-list-cut-at-line", "Checksum list", made(md5_list, first_lines(f"{LIST}.md5", 1)), "not provable", "Whole lines are gone from the list, so it states fewer files, and nothing states how many there were.", READ),
    Fixture("md5-nfd-flipped", "Checksum list", made(nfd_list, flip(unicodedata.normalize("NFD", "A002R2EC/Café Zürich/Ångström.wav"))), "refuted", "Its MD5 is not that of the list.", READ, (unicodedata.normalize("NFD", "A002R2EC/Café Zürich/Ångström.wav"),)),
)

# BagIt


def bag_of(algorithm: str = "sha256", case: Callable[[str], str] = str, fetch: str = "", more: tuple[str, ...] = ()) -> Tree:
    """A bag of RFC 8493 with a tag manifest. Manifests encode percent signs in names."""
    data = under("data", reel() | files(more))
    sizes = sum(len(content_of(data, path)) for path in data)

    def manifest(tree: Tree) -> bytes:
        encoded = {path: path.replace("%", "%25") for path in tree}
        return "".join(f"{case(sum_of(algorithm, content_of(tree, path)))}  {encoded[path]}\n" for path in sorted(tree)).encode()

    tags: Tree = {
        "bagit.txt": text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
        "bag-info.txt": text(f"Source-Organization: Example Archive\nBagging-Date: 2024-01-15\nPayload-Oxum: {sizes}.{len(data)}\n"),
        f"manifest-{algorithm}.txt": manifest(data),
    }
    if fetch:
        tags["fetch.txt"] = f"https://archive.example/{fetch} {len(content_of(data, fetch))} {fetch}\n".encode()
    return data | tags | {f"tagmanifest-{algorithm}.txt": manifest(tags)}


def bag() -> Tree:
    return bag_of()


def bag_md5() -> Tree:
    return bag_of("md5", str.upper)


def bag_percent() -> Tree:
    return bag_of(more=("Grade 100%.mov",))


def bag_fetch() -> Tree:
    return bag_of(fetch="data/Sidecar.txt")


BAGIT = (
    Fixture("bagit-whole", "BagIt", made(bag), "proven", "Every file of data is in the manifest with its sum, Payload-Oxum agrees, and the tag manifest does.", READ),
    Fixture("bagit-md5-whole", "BagIt", made(bag_md5), "proven", "Sums may be written in uppercase (RFC 8493, 2.1.3).", READ),
    Fixture("bagit-untagged-whole", "BagIt", made(bag, remove("tagmanifest-sha256.txt", "bag-info.txt")), "proven", "Tag manifests and bag-info.txt are optional (RFC 8493, 2.2).", READ),
    Fixture("bagit-fetched-whole", "BagIt", made(bag_fetch), "proven", "What fetch.txt names was fetched (RFC 8493, 2.2.3).", READ),
    Fixture("bagit-unfetched", "BagIt", made(bag_fetch, remove("data/Sidecar.txt")), "refuted", "A bag is complete only if every file of the manifest is there (unsure: fetch.txt says where it is, so it may be not provable).", READ, ("data/Sidecar.txt",)),
    Fixture("bagit-file-missing", "BagIt", made(bag, remove("data/Clips/A002C007_240115_R2EC.mov")), "refuted", "The manifest names it.", READ, ("data/Clips/A002C007_240115_R2EC.mov",)),
    Fixture("bagit-percent-whole", "BagIt", made(bag_percent), "proven", "A percent sign of a name is %25 in the manifest (RFC 8493, 2.1.3), though widespread software writes it as it is.", READ),
    Fixture("bagit-percent-missing", "BagIt", made(bag_percent, remove("data/Grade 100%.mov")), "refuted", "The manifest names it, with its percent sign encoded.", READ, ("data/Grade 100%.mov",)),
    Fixture("bagit-file-flipped", "BagIt", made(bag, flip("data/Clips/A002C006_240115_R2EC.mov")), "refuted", "Its sum is not that of the manifest.", READ, ("data/Clips/A002C006_240115_R2EC.mov",)),
    Fixture("bagit-file-unlisted", "BagIt", made(bag, put("data/notes.txt", text("late\n"))), "refuted", "Every file of the payload must be in the manifest (RFC 8493, 3).", READ, ("data/notes.txt",)),
    Fixture("bagit-info-changed", "BagIt", made(bag, replace("bag-info.txt", "Example", "Exemple")), "refuted", "The tag manifest states the sum of bag-info.txt.", READ, ("bag-info.txt",)),
    Fixture("bagit-manifest-line-gone", "BagIt", made(bag, remove("tagmanifest-sha256.txt"), first_lines("manifest-sha256.txt", 3)), "refuted", "A file of the payload is in no manifest.", READ, ("data/Sidecar.txt",)),
    Fixture("bagit-oxum-wrong", "BagIt", made(bag, remove("tagmanifest-sha256.txt"), replace("bag-info.txt", ".4\n", ".5\n")), "refuted", "Payload-Oxum states five files, and there are four.", READ, ("bag-info.txt",)),
)

# Frames


def frames_of(numbers: range, name: str = "sh010/beauty/sh010_beauty.{:04}.exr") -> Tree:
    return files((name.format(number) for number in numbers), 1500)


def frames() -> Tree:
    return frames_of(range(1001, 1011))


def frames_two() -> Tree:
    return frames() | frames_of(range(1001, 1011), "sh010/matte/sh010_matte_{:06}.dpx")


def frames_odd() -> Tree:
    return frames_of(range(1001, 1011, 2))


FRAME = "sh010/beauty/sh010_beauty.{}.exr"
RANGE = (*FRAMES, "1001-1010")
SEQUENCES = (
    Fixture("frames-whole", "Frames", made(frames), "proven", "The folder has exactly the frames that were asked for.", RANGE),
    Fixture("frames-two-whole", "Frames", made(frames_two, junk("sh010/matte")), "proven", "Two sequences with other digits and another suffix have the same frames.", RANGE),
    Fixture("frames-step-whole", "Frames", made(frames_odd), "proven", "Every second frame was asked for (unsure: the public page shows no step; x2 is how software for visual effects writes it).", (*FRAMES, "1001-1010x2")),
    Fixture("frames-step-unasked", "Frames", made(frames_odd), "refuted", "Every frame was asked for, and even ones are not there.", RANGE, (FRAME.format(1002),)),
    Fixture("frames-one-missing", "Frames", made(frames, remove(FRAME.format(1005))), "refuted", "Frame 1005 was asked for.", RANGE, (FRAME.format(1005),)),
    Fixture("frames-last-missing", "Frames", made(frames, remove(FRAME.format(1010))), "refuted", "Frame 1010 was asked for, though nothing in the folder shows it.", RANGE, (FRAME.format(1010),)),
    Fixture("frames-one-more", "Frames", made(frames, put(FRAME.format(1011), payload("1011.exr", 1500))), "refuted", "Frame 1011 was not asked for.", RANGE, (FRAME.format(1011),)),
    Fixture("frames-second-short", "Frames", made(frames_two, remove("sh010/matte/sh010_matte_001007.dpx")), "refuted", "Each sequence has to have every frame.", RANGE, ("sh010/matte/sh010_matte_001007.dpx",)),
    Fixture("frames-one-empty", "Frames", made(frames, cut(FRAME.format(1003), 0)), "refuted", "A file without a byte is no frame (unsure: a range states numbers and no sizes).", RANGE, (FRAME.format(1003),)),
    Fixture("frames-unasked", "Frames", made(frames), "not provable", "Nothing states which frames there should be.", ("--level", "complete")),
    Fixture("frames-none", "Frames", made(lambda: {"sh010/beauty": None}), "not provable", "There is no sequence to compare with the range (unsure: all frames are missing, so it may be refuted).", RANGE),
)

LISTED = ASC + MHL + LISTS + BAGIT + SEQUENCES
