"""Clips that span cards: what the index of one card states of parts on another one is open without that card, and
proven with it; what no index states is no alarm."""

import pytest

from media.evidence.verdict import Answer, Level
from tests.media.evidence.judging import gaps, said, verdict_of
from tests.media.evidence.structures import Fixture, Tree, essence

SONY = "http://xmlns.sony.net/pro/metadata/mediaprofile"


def p2_part(card: str, clip: str, **connected: str) -> Tree:
    """A P2 card with one part of a spanned clip, as the schema of its clip metadata has it."""
    parts = "".join(
        f"<{place}><GlobalClipID>id-{other}</GlobalClipID><ClipName>{other}</ClipName>"
        f"<P2SerialNo.>AAA{other}</P2SerialNo.></{place}>"
        for place, other in connected.items()
    )
    relation = f"<Relation><OffsetInShot>0</OffsetInShot><Connection>{parts}</Connection></Relation>"
    xml = f"""<P2Main xmlns="urn:schemas-Professional-Plug-in:P2:ClipMetadata:v3.1"><ClipContent>
        <ClipName>{clip}</ClipName><GlobalClipID>id-{clip}</GlobalClipID><Duration>50</Duration>
        <EditUnit>1/25</EditUnit>{relation}<EssenceList><Video><VideoFormat>MXF</VideoFormat></Video></EssenceList>
        </ClipContent></P2Main>"""
    return {
        f"{card}/CONTENTS/CLIP/{clip}.XML": xml.encode(),
        f"{card}/CONTENTS/VIDEO/{clip}.MXF": essence(card + clip),
        f"{card}/LASTCLIP.TXT": f"{clip}\r\n1.0\r\n1\r\n".encode(),
    }


def ex_part(card: str, clip: str, take_list: str, others: tuple[str, ...] = ()) -> Tree:
    """A card of XDCAM EX with a clip of the take 709_0003, and the take's list; `others` are its clips on any card."""
    home, take = f"CLPR/{clip}/{clip}", f"TAKR/709_0003/{take_list}"
    clips = f'<Material uri="./{home}.SMI" type="PD-EDL" dur="50" fps="25p" umid="of-{clip}">'
    clips += f'<Component uri="./{home}.MP4" type="MP4"/></Material>'
    parts = "".join(
        f'<Component uri="./CLPR/{one}/{one}.SMI" type="PD-EDL" umid="OF-{one}"/>' for one in (clip, *others)
    )
    takes = f'<Material uri="./{take}.SMI" type="PD-EDL" umid="of-take">{parts}</Material>'
    profile = f'<MediaProfile xmlns="{SONY}"><Contents>{clips}{takes}</Contents></MediaProfile>'
    root = f"{card}/BPAV"
    tree = {f"{root}/{path}": essence(card + path) for path in (f"{home}.SMI", f"{home}.MP4", f"{take}.SMI")}
    return tree | {f"{root}/MEDIAPRO.XML": profile.encode()}


def xd_part(card: str, *take_files: str) -> Tree:
    """A card of XDCAM on SxS or XAVC with a clip, and files in the folder of takes."""
    root = f"{card}/XDROOT"
    profile = (
        f'<MediaProfile xmlns="{SONY}"><Contents><Material uri="./Clip/{card}.MXF"/></Contents></MediaProfile>'.encode()
    )
    tree = {f"{root}/Take/{name}": essence(card + name) for name in take_files}
    return tree | {f"{root}/Clip/{card}.MXF": essence(card), f"{root}/MEDIAPRO.XML": profile}


P2_PARTS = {
    "A": p2_part("A", "0001AA", Top="0001AA", Next="0001BB"),
    "B": p2_part("B", "0001BB", Top="0001AA", Previous="0001AA", Next="0001CC"),
    "C": p2_part("C", "0001CC", Top="0001AA", Previous="0001BB"),
}
ALL_CLIPS = ("709_0003_01", "709_0003_02", "709_0003_03")
EX_PARTS = {
    "A": ex_part("A", "709_0003_01", "709_0003U01"),
    "B": ex_part("B", "709_0003_02", "709_0003U02"),
    "C": ex_part("C", "709_0003_03", "709_0003", ALL_CLIPS[:2]),
}
XD_PARTS = {
    "A": xd_part("A", "T0001U01.SMI", "T0001M01.XML"),
    "B": xd_part("B", "T0001.SMI", "T0001M01.XML"),
    "N": xd_part("N", "SHOTU01.SMI", "SHOTU01M01.XML"),
}
TAKE = "take 709_0003"

JOINED = [
    # cards, those that are in the folder, what is open without the others
    (P2_PARTS, "ABC", []),
    (P2_PARTS, "A", ["clip 0001AA goes on in clip 0001BB on card AAA0001BB"]),
    (P2_PARTS, "B", ["clip 0001BB continues clip 0001AA", "clip 0001BB goes on in clip 0001CC on card AAA0001CC"]),
    (P2_PARTS, "C", ["clip 0001CC continues clip 0001BB on card AAA0001BB"]),
    (P2_PARTS, "AC", ["clip 0001AA goes on in clip 0001BB", "clip 0001CC continues clip 0001BB"]),
    (EX_PARTS, "ABC", []),
    (EX_PARTS, "A", [f"{TAKE} goes on on another card"]),
    (EX_PARTS, "AB", [f"{TAKE} goes on on another card"] * 2),
    (EX_PARTS, "BC", [f"part 01 of {TAKE} is on another card", f"{TAKE} has a clip on another card"]),
    (EX_PARTS, "AC", [f"{TAKE} has a clip on another card"]),
    (EX_PARTS, "C", [f"{TAKE} has a clip on another card"]),
    (XD_PARTS, "AB", []),
    (XD_PARTS, "A", ["take T0001 goes on on another card"]),
    # The last list of a take names the clips, and not the lists before it.
    (XD_PARTS, "B", []),
    (XD_PARTS, "N", []),
]


@pytest.mark.parametrize(("cards", "there", "open_parts"), JOINED)
def test_a_clip_that_spans_cards_is_joined_where_all_of_them_are_there(
    cards: dict[str, Tree], there: str, open_parts: list[str]
) -> None:
    tree = {path: content for card in there for path, content in cards[card].items()}
    verdicts = [verdict_of(Fixture(tree), Level.COMPLETE, seed=seed) for seed in (1, 2, 3)]
    for one in verdicts:
        assert said(one) == [], "a part that is on another card is not missing from this one"
        assert one.answer is (Answer.NOT_PROVABLE if open_parts else Answer.PROVEN), gaps(one)
        found = [line for line in gaps(one) if line.startswith("order")]
        assert len(found) == len(open_parts)
        assert all(any(part in line for line in found) for part in open_parts), found
