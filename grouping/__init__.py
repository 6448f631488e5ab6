"""Grouping of files into assets: a pure function of file names, the storage's profile and manual pins."""

from grouping.dry_run import count_numbered_photographs, group_tree
from grouping.group import group_items, group_paths
from grouping.model.frames import Frames
from grouping.model.ignore_patterns import IgnorePatterns, find_ignore_pattern
from grouping.model.items import GroupingItem, NumberedBucket, Single, bucket_paths
from grouping.model.names import ClassifiedPath, classify_path
from grouping.model.plan import (
    FORMAT_KINDS,
    AssetPlan,
    ComponentPlan,
    FileSetPlan,
    FormatPlan,
    FrameSequence,
    GroupingResult,
    Orphan,
    TreeGrouping,
)
from grouping.model.profile import DEFAULT_PROFILE, Profile, ProfileError
from grouping.rules.pins import NO_PINS, FilePin, IslandPins

RULES_VERSION = 2
"""Increment with every rule change that can group the same names differently."""

__all__ = [
    "DEFAULT_PROFILE",
    "FORMAT_KINDS",
    "NO_PINS",
    "RULES_VERSION",
    "AssetPlan",
    "ClassifiedPath",
    "ComponentPlan",
    "FilePin",
    "FileSetPlan",
    "FormatPlan",
    "FrameSequence",
    "Frames",
    "GroupingItem",
    "GroupingResult",
    "IgnorePatterns",
    "IslandPins",
    "NumberedBucket",
    "Orphan",
    "Profile",
    "ProfileError",
    "Single",
    "TreeGrouping",
    "bucket_paths",
    "classify_path",
    "count_numbered_photographs",
    "find_ignore_pattern",
    "group_items",
    "group_paths",
    "group_tree",
]
