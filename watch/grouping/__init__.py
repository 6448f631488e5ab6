"""Grouping of files into assets: a pure function of file names, the storage's profile and manual pins."""

from watch.grouping.frames import Frames
from watch.grouping.ignored import Ignore, ignored_by
from watch.grouping.items import Bucket, Item, Single, summarise
from watch.grouping.names import Described, describe
from watch.grouping.pins import NO_PINS, Pin, Pins
from watch.grouping.plan import (
    KINDS,
    AssetPlan,
    ComponentPlan,
    FileSetPlan,
    FormatPlan,
    Grouping,
    Orphan,
    Sequence,
    Tree,
)
from watch.grouping.profile import DEFAULT_PROFILE, Profile, ProfileError
from watch.grouping.regroup import arrange, regroup
from watch.grouping.tree import group_tree

RULES_VERSION = 1
"""Increment with every rule change that can group the same names differently."""

__all__ = [
    "DEFAULT_PROFILE",
    "KINDS",
    "NO_PINS",
    "RULES_VERSION",
    "AssetPlan",
    "Bucket",
    "ComponentPlan",
    "Described",
    "FileSetPlan",
    "FormatPlan",
    "Frames",
    "Grouping",
    "Ignore",
    "Item",
    "Orphan",
    "Pin",
    "Pins",
    "Profile",
    "ProfileError",
    "Sequence",
    "Single",
    "Tree",
    "arrange",
    "describe",
    "group_tree",
    "ignored_by",
    "regroup",
    "summarise",
]
