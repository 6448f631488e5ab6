"""Orphans: captions and sidecars that wait for their host, with a description of it."""

from __future__ import annotations

from watch.grouping.attachments import cuts, without_extension
from watch.grouping.captions import Caption
from watch.grouping.items import Single
from watch.grouping.languages import read_words
from watch.grouping.plan import AssetPlan, FileSetPlan, FormatPlan, Orphan
from watch.grouping.units import COMPONENT_OF, text_of


def caption_orphan(caption: Caption) -> Orphan:
    """Return the orphan of a caption without its video or sequence."""
    path = caption[0].path
    name = without_extension(path[path.rfind(b"/") + 1 :])
    wanted = name
    for cut in cuts(name):
        if read_words(wanted[len(cut) + 1 :]).title:
            break
        wanted = cut
    return Orphan(path, f'a video or sequence named "{text_of(wanted)}"', _asset(caption, name))


def sidecar_orphan(single: Single) -> Orphan:
    """Return the orphan of a sidecar without its file."""
    name = without_extension(single.name)
    return Orphan(single.path, f'a file named "{text_of(name)}"', _asset((single,), name))


def _asset(members: tuple[Single, ...], name: bytes) -> AssetPlan:
    component = COMPONENT_OF[members[0].described.media_class]
    file_set = FileSetPlan("", members, (component,))
    plan = FormatPlan("original", "other", "other", "no host", (file_set,))
    return AssetPlan(text_of(name), members[0].path, (plan,), "no host")
