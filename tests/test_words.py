"""Vocabulary: one name has one meaning in the whole tree, and prose uses the words of the field."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest

from tests.test_house import PRODUCTION, ROOT, TESTS, WRITTEN_ONCE, Page, read_pages

DOUBLED = {
    "__all__": "the public names of a package",
    "log": "each module's logger",
    "main": "the entry point of a program",
    "routes": "the routes of a module of the API",
    **dict.fromkeys(("add", "create", "show"), "a subcommand: click takes its name from the function"),
}
"""Public top-level names that two modules may define, each with its reason."""
MAX_DOUBLED = 60

DIALECT = re.compile(
    r"\b(whoever|whomever|whatever|nobody|somebody|tells?|told|telling|stands|stood|anew|doorbells?|rings?|rung|shall|park(?:s|ing)?)\b",
    re.I,
)
"""Words that say in a private way what documentation of this field says in standard terms."""
MAX_PER_TEN_THOUSAND = 5
SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|JOIN|WHERE|FROM)\b")
MARKUP = re.compile(r"<[^>]*>|\{[{%#].*?[%#}]\}", re.S)
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.M | re.S)
"""What documentation quotes: commands, output, names."""


def public_names(tree: ast.Module) -> set[str]:
    """Return the names that the top level of a module defines, without private ones and imports."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return {name for name in found if name == "__all__" or not name.startswith("_")}


def doubled_names(pages: Iterable[Page]) -> dict[str, list[str]]:
    """Return names that more than one module defines, with those modules."""
    modules = defaultdict(list)
    for each in pages:
        if not each.name.startswith(WRITTEN_ONCE):
            for name in public_names(each.tree):
                modules[name].append(each.module)
    return {name: found for name, found in modules.items() if len(found) > 1}


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield docstrings, those under constants and attributes included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def messages(tree: ast.Module) -> Iterator[str]:
    """Yield the texts that people may see: strings of several words that are neither docstrings nor SQL."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    for node in texts:
        if id(node) not in documentation and " " in node.value.strip() and not SQL.search(node.value):
            yield node.value


def dialect_rate(texts: Iterable[str]) -> tuple[float, list[str]]:
    """Return how many words of ten thousand are dialect, and those found."""
    words, found = 0, []
    for each in texts:
        prose = CODE.sub(" ", each)
        words += len(prose.split())
        found += DIALECT.findall(prose)
    return len(found) * 10_000 / max(words, 1), found


def test_a_public_name_has_one_meaning_in_the_whole_tree() -> None:
    found = doubled_names(PRODUCTION)
    assert {name: modules for name, modules in found.items() if name not in DOUBLED} == {}
    assert DOUBLED.keys() - found.keys() == set(), "these are no longer doubled: remove them from DOUBLED"
    assert len(found) <= MAX_DOUBLED


def test_docstrings_use_the_words_of_the_field() -> None:
    pages = [each for each in (*PRODUCTION, *TESTS, *read_pages("benchmarks")) if "migrations" not in each.name]
    rate, found = dialect_rate(text for each in pages for text in docstrings(each.tree))
    assert rate <= MAX_PER_TEN_THOUSAND, found


def test_messages_use_the_words_of_the_field() -> None:
    rate, found = dialect_rate(text for each in PRODUCTION for text in messages(each.tree))
    assert rate <= MAX_PER_TEN_THOUSAND, found


def test_pages_and_alerts_use_the_words_of_the_field() -> None:
    templates = [file.read_text(encoding="utf-8") for file in (ROOT / "web/templates").rglob("*.html")]
    shipped = [file.read_text(encoding="utf-8") for file in (ROOT / "deploy").rglob("*") if file.is_file()]
    rate, found = dialect_rate([*(MARKUP.sub(" ", text) for text in templates), *shipped])
    assert templates
    assert shipped
    assert rate <= MAX_PER_TEN_THOUSAND, found


def test_documentation_uses_the_words_of_the_field() -> None:
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    rate, found = dialect_rate(file.read_text(encoding="utf-8") for file in files)
    assert rate <= MAX_PER_TEN_THOUSAND, found


def test_a_doubled_name_is_noticed() -> None:
    pages = [Page("tasks/a.py", "PLACE = 1\n_x = 2"), Page("web/b.py", "class PLACE: ...\n_x: int = 3")]
    assert doubled_names(pages) == {"PLACE": ["tasks.a", "web.b"]}


def test_messages_are_found_between_docstrings_and_sql() -> None:
    (each,) = [
        Page("tasks/a.py", '"""What whoever asks is told."""\nX = f"nobody asked {1}"\nY = "SELECT told FROM x"')
    ]
    assert list(messages(each.tree)) == ["nobody asked "]


@pytest.mark.parametrize("word", ["whoever", "Nobody", "told", "anew"])
def test_a_word_of_dialect_is_noticed(word: str) -> None:
    rate, found = dialect_rate([f"This is {word} and `{word}` in code."])
    assert (rate > MAX_PER_TEN_THOUSAND, found) == (True, [word])
