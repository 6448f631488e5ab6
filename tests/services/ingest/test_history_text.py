"""Sentences of history: which files, how many, and by which rule."""

import pytest

from grouping import AssetPlan, FormatPlan
from services.ingest import history_text
from tests.services.ingest.catalog import Catalog


def plan_of(*paths: str) -> AssetPlan:
    catalog = Catalog()
    catalog.arrive(*paths)
    [plan] = catalog.group()
    return plan


def format_of(kind: str, role: str = "original") -> FormatPlan:
    return FormatPlan(role, kind, role, "eyes", ())


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/b.mov"], "b.mov"),
        (["a.mov", "b.mov", "c.mov"], "a.mov, b.mov, c.mov"),
        (["a.mov", "b.mov", "c.mov", "d.mov"], "a.mov, b.mov, c.mov and 1 more"),
        ([f"{number:04}.mov" for number in range(2_003)], "0000.mov, 0001.mov, 0002.mov and 2,000 more"),
        (["a\nb.mov"], "a\\x0ab.mov"),
    ],
)
def test_the_first_names_are_listed_and_the_others_counted(paths: list[str], expected: str) -> None:
    catalog = Catalog()
    assert history_text.list_file_names(catalog.arrive(*paths)) == expected
    assert history_text.list_first_names([path.rpartition("/")[2].replace("\n", "\\x0a") for path in paths]) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            history_text.describe_creation(plan_of("a.mov"), "a.mov"),
            "Created from a.mov: single video (rule: single file).",
        ),
        (
            history_text.describe_added_format(format_of("image", "transcode"), "a.jpg"),
            "Added transcode a.jpg: picture (rule: eyes).",
        ),
        (
            history_text.describe_structure_change("single", format_of("stereoscopic"), "original"),
            "Became a stereoscopic pair (was a single video; rule: eyes).",
        ),
        (
            history_text.describe_structure_change("image", format_of("image_sequence"), "original"),
            "Became an image sequence (was a picture; rule: eyes).",
        ),
        (
            history_text.describe_structure_change("audio", format_of("separate_tracks"), "original"),
            "Became picture and sound in separate files (was sound; rule: eyes).",
        ),
        (
            history_text.describe_structure_change("single", format_of("single", "transcode"), "original"),
            "Is now the transcode (was the original; rule: eyes).",
        ),
        (
            history_text.describe_structure_change("new_kind", format_of("other_kind"), "original"),
            "Became an other_kind (was a new_kind; rule: eyes).",
        ),
        (
            history_text.describe_joined_files(Catalog().arrive("a_R.mov"), format_of("stereoscopic")),
            "a_R.mov joined the stereoscopic pair (rule: eyes).",
        ),
        (
            history_text.describe_unmerge(["a.wav"], plan_of("a.wav")),
            "Is an asset of its own again: a.wav, sound (rule: file by itself).",
        ),
        (
            history_text.describe_left_files(["a.wav", "b.wav"], plan_of("a.wav")),
            'a.wav, b.wav left: now in "a" (rule: file by itself).',
        ),
        (history_text.describe_growth("a.#.exr", 1, 1_240, 0), "a.#.exr: 1 file became 1,240."),
        (history_text.describe_growth("a.#.exr", 1_240, 1, 0), "a.#.exr: 1,240 files became 1."),
        (history_text.describe_growth("a.#.exr", 5, 5, 1), "a.#.exr: 1 file rewritten."),
        (history_text.describe_growth("a.#.exr", 5, 6, 2_000), "a.#.exr: 5 files became 6, 2,000 files rewritten."),
        (history_text.describe_missing_files(Catalog().arrive("a.mov")), "1 file missing: a.mov."),
        (history_text.describe_missing_files(Catalog().arrive("a.mov", "b.mov")), "2 files missing: a.mov, b.mov."),
        (history_text.describe_rediscovered_files(Catalog().arrive("a.mov")), "1 file found again: a.mov."),
        (history_text.describe_rename("a.mov", "b/a.mov"), "Renamed from a.mov to b/a.mov."),
        (
            history_text.describe_merged_into("talk", "tracks"),
            'Merged into "talk": its files belong to that clip (rule: tracks).',
        ),
        (
            history_text.describe_merged_from("talk", "tracks"),
            'Took in "talk": its files belong to this clip (rule: tracks).',
        ),
    ],
)
def test_a_sentence_names_files_and_rule(found: str, expected: str) -> None:
    assert found == expected
