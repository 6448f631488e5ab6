"""Orphans: captions and sidecars that wait for their host, with a description of it."""

from __future__ import annotations

from grouping.model.extensions import UNSURE_CAPTION_EXTENSIONS
from grouping.model.items import Single
from grouping.model.languages import parse_caption_words
from grouping.model.plan import AssetPlan, FileSetPlan, FormatPlan, Orphan
from grouping.model.units import COMPONENT_BY_CLASS, OTHER_COMPONENT, decode_name, single_file_asset
from grouping.rules.attachments import dotted_prefixes, strip_extension
from grouping.rules.captions import CaptionFiles


def caption_orphan(caption: CaptionFiles) -> Orphan:
    """Return the orphan of a caption without its video or sequence."""
    path = caption[0].path
    name = strip_extension(path[path.rfind(b"/") + 1 :])
    wanted = name
    for cut in dotted_prefixes(name):
        if parse_caption_words(wanted[len(cut) + 1 :]).title:
            break
        wanted = cut
    return Orphan(path, f'a video or sequence named "{decode_name(wanted)}"', _asset(caption, name))


def sidecar_orphan(single: Single) -> Orphan:
    """Return the orphan of a sidecar without its file."""
    name = strip_extension(single.name)
    return Orphan(single.path, f'a file named "{decode_name(name)}"', _asset((single,), name))


def paper_orphan(single: Single) -> Orphan:
    """Return the orphan of a file about a card or reel without any clip."""
    if single.described.media_class == "sidecar":
        return Orphan(single.path, "a clip below its folder", _asset((single,), strip_extension(single.name)))
    return Orphan(single.path, "a clip below its folder", single_file_asset(single, "no host"))


def _asset(members: tuple[Single, ...], name: bytes) -> AssetPlan:
    path = members[0].path
    is_sure = path[path.rfind(b".") + 1 :].lower() not in UNSURE_CAPTION_EXTENSIONS
    component = COMPONENT_BY_CLASS[members[0].described.media_class] if is_sure else OTHER_COMPONENT
    file_set = FileSetPlan("", members, (component,))
    plan = FormatPlan("original", "other", "other", "no host", (file_set,))
    return AssetPlan(decode_name(name), path, (plan,), "no host")
