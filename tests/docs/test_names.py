"""Names of our own code in documentation, deployment files and strings exist, and those of before are nowhere left."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import FENCED, ROOT, pages
from tests.test_house import LAYERS, MAY_IMPORT, PRODUCTION, TESTS, WRITTEN_ONCE, read_pages

MOVED_PAGE = "docs/decisions/0014-domain-packages.md"
"""The only page that may hold old names: its table has one row for each moved module."""
PREVIOUS_PROGRAM = "tests/upgrade/previous_content.py"
"""Runs in the tree of the version before, with its modules."""
MOVED_ROW = re.compile(r"^\| `([\w.]+)` \| `([\w.]+)` \|$", re.MULTILINE)
PAGES_OF_URLS = "docs/api"
"""Their paths are those of the API."""
DOTTED = re.compile(r"(?<![\w./-])[a-z]\w*(?:\.\w+)+")
PATH = re.compile(r"(?<![\w.-])(?<!\w/)[a-z]\w*(?:/\w+)+")
PACKAGES_ROW = re.compile(
    r"^\| `(\w+)` \| ((?:`[\w.]+`|its root)(?:, (?:`[\w.]+`|its root))*) \| [^|]+ \|$", re.MULTILINE
)
DOMAIN_ROW = re.compile(r"^\| `services/(\w+)` \|", re.MULTILINE)
IMPORT = re.compile(r"\bfrom (\w[\w.]*) import (\w+(?:, \w+)*)")
CONSTANT = re.compile(r'"([\w.]+)"')
QUOTED = re.compile(r"`([^`\n]+)`")
LABEL = re.compile(r">([^<]+)</text>")
CALLED = re.compile(r"\b([a-z_]\w*)\(")
CODE_WORD = re.compile(r"[A-Za-z_]\w*")
FILE = re.compile(r"[\w.-]*/[\w./-]*|[\w-]+\.(?:mov|mp4|py)\b")
FILES_OF_NO_ROOM = (".ci", "docs", "deploy")
OF_OTHERS = frozenset(
    {
        *("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "parentbased_traceidratio"),
        *("PR_SET_PDEATHSIG", "SystemMaxUse", "containerLogMaxFiles", "containerLogMaxSize", "flat_object"),
        *("bash_source", "zsh_source", "fish_source"),
    }
)
"""Names in documentation that belong to other programs."""
PREFIXES = ("TAPELESS_", "tapeless_", "color_")
"""Names that code puts together from a prefix and a name."""
ROOMS = frozenset({*MAY_IMPORT, "tests", "benchmarks"})
EVERYTHING = [*PRODUCTION, *TESTS, *read_pages("benchmarks")]
SAMPLES = {"tests/test_house.py", "tests/test_words.py", "tests/docs/test_names.py"}
"""Tests of rules, whose samples name what does not exist."""
CHECKED = [each for each in EVERYTHING if each.name not in {*SAMPLES, PREVIOUS_PROGRAM}]


@cache
def moved_modules() -> dict[str, str]:
    return dict(MOVED_ROW.findall((ROOT / MOVED_PAGE).read_text(encoding="utf-8")))


@cache
def defined_names() -> dict[str, frozenset[str]]:
    """Return, for every module, the names that it defines or imports, those of its classes included."""
    return {each.module: frozenset(_names(each.tree.body)) for each in EVERYTHING}


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            yield from _names(node.body) if isinstance(node, ast.ClassDef) else ()


@cache
def constants() -> frozenset[str]:
    """Return short strings of the product: names of tasks, of spans, of files that it makes."""
    return frozenset(value for each in PRODUCTION for value in CONSTANT.findall(each.text))


def is_name_of_ours(name: str) -> bool:
    """Whether a dotted name leads to a module, or to a name in one."""
    module, rest = name, ""
    while module and module not in defined_names():
        module, _, rest = module.rpartition(".")
    return bool(module) and (not rest or module == name or rest in defined_names()[module])


def text_files() -> Iterator[tuple[str, str]]:
    """Yield the files of the repository that people wrote, with their text."""
    folders = [ROOT / name for name in (*ROOMS, *FILES_OF_NO_ROOM)]
    inside = (file for folder in folders for file in folder.rglob("*") if "__pycache__" not in file.parts)
    beside = (file for file in ROOT.iterdir() if file.name != "requirements.lock" and not file.name.startswith("."))
    for file in sorted(file for file in (*inside, *beside) if file.is_file()):
        try:
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def old_names(name: str, text: str) -> Iterator[str]:
    """Yield mentions of moved modules by their old names or old paths.

    Some old names belong to another module today (`tasks.index`): these cannot be told apart, and are left out.
    """
    old = moved_modules().keys() - defined_names().keys()
    for word in (*DOTTED.findall(text), *PATH.findall(text)):
        module = word.replace("/", ".")
        while module and module not in old:
            module = module.rpartition(".")[0]
        if module:
            yield f"{name}: {word} is {moved_modules()[module]} now"


def missing_places(name: str, text: str) -> Iterator[str]:
    """Yield paths and dotted names in backticks that lead to nothing."""
    for quoted in QUOTED.findall(text):
        paths = () if name.startswith(PAGES_OF_URLS) else PATH.findall(quoted)
        for word in (*DOTTED.findall(quoted), *paths):
            if word.split("/")[0].split(".")[0] in ROOMS and not _exists(word, quoted):
                yield f"{name}: `{quoted}` names {word}, which does not exist"


def names_without_code(name: str, text: str) -> Iterator[str]:
    """Yield names in backticks of a page that are in no code."""
    plain = FENCED.sub("", text)
    yield from missing_places(name, plain)
    for quoted in QUOTED.findall(plain):
        for word in CALLED.findall(quoted):
            if word not in functions_and_classes():
                yield f"{name}: `{quoted}` calls {word}, which is no function of ours"
        for word in CODE_WORD.findall(FILE.sub("", quoted)):
            is_code = "_" in word.strip("_") or re.search(r"[a-z][A-Z]", word)
            if is_code and not word.startswith(PREFIXES) and word not in words_of_code():
                yield f"{name}: `{quoted}` names {word}, which is in no code"


def _exists(word: str, quoted: str) -> bool:
    if "/" in word:
        return any((ROOT / f"{word}{end}").exists() for end in ("", ".py", Path(quoted).suffix))
    return is_name_of_ours(word) or word in constants() or (ROOT / "docs" / word).exists()


@cache
def functions_and_classes() -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = (node for each in PRODUCTION for node in ast.walk(each.tree))
    return frozenset(node.name for node in nodes if isinstance(node, kinds)) | {"time"}


@cache
def words_of_code() -> frozenset[str]:
    texts = (
        text
        for name, text in text_files()
        if not name.startswith("docs/") and not name.endswith(".md") and name != "tests/docs/test_names.py"
    )
    return frozenset(word for text in texts for word in CODE_WORD.findall(text)) | OF_OTHERS


def missing_imports(name: str, text: str) -> Iterator[str]:
    """Yield what a file imports, or names for another process to import, that does not exist: a program in a string is
    seen by no linter."""
    for module, names in IMPORT.findall(text):
        wanted = [f"{module}.{each}" for each in names.split(", ")] if module.split(".")[0] in ROOMS else []
        yield from (f"{name} imports {each}" for each in wanted if not is_name_of_ours(each))
    for word in DOTTED.findall(text):
        if word.startswith(("tests.", "benchmarks.")) and not is_name_of_ours(word):
            yield f"{name} names {word}"


def test_every_moved_module_is_where_the_decision_says() -> None:
    assert len(moved_modules()) > 400
    assert [new for new in moved_modules().values() if new not in defined_names()] == []


def test_no_file_names_a_moved_module_by_its_old_name() -> None:
    assert [
        fault
        for name, text in text_files()
        if name not in (MOVED_PAGE, PREVIOUS_PROGRAM)
        for fault in old_names(name, text)
    ] == []


def test_every_name_in_the_documentation_is_in_the_code() -> None:
    texts = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in pages()}
    found = [fault for name, text in texts.items() for fault in names_without_code(name, MOVED_ROW.sub("", text))]
    assert found == []


def test_every_name_in_a_diagram_is_in_the_code() -> None:
    diagrams = sorted((ROOT / "docs" / "diagrams").glob("*.svg"))
    labels = [LABEL.findall(diagram.read_text(encoding="utf-8")) for diagram in diagrams]
    names = {word for found in labels for label in found for word in CODE_WORD.findall(label) if "_" in word}
    assert len(names) > 20
    assert names - words_of_code() == set()


def test_the_architecture_page_has_the_packages_in_their_order() -> None:
    rows = PACKAGES_ROW.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    found = {package: QUOTED.findall(inner.replace("its root", "`its root`")) for package, inner in rows}
    short = {
        package: [each.removeprefix(package).removeprefix(".") or "its root" for each in packages.split()]
        for package, packages in LAYERS.items()
    }
    assert found == short


def test_the_page_for_contributors_has_every_domain_in_its_order() -> None:
    found = DOMAIN_ROW.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    domains = [package.split(".")[1] for package in LAYERS["services"].split() if "." in package]
    assert found == list(dict.fromkeys(domains))


def test_docstrings_and_comments_name_what_exists() -> None:
    files = [each for each in CHECKED if not each.name.startswith(WRITTEN_ONCE)]
    assert [fault for each in files for fault in missing_places(each.name, each.text)] == []


def test_programs_in_strings_can_be_imported() -> None:
    found = [fault for each in CHECKED for fault in missing_imports(each.name, each.text)]
    assert found == []


@pytest.mark.parametrize("sentence", ["from {} import x", "see {}.x()", "in {path}.py", "[x](../{path}.py)"])
def test_an_old_name_is_noticed(sentence: str) -> None:
    old = max(moved_modules().keys() - defined_names().keys(), key=len)
    assert list(old_names("page.md", sentence.format(old, path=old.replace(".", "/")))) != []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (names_without_code, "the rule in `grouping.rules.nowhere`"),
        (names_without_code, "a table in `tests/watch/nowhere`"),
        (names_without_code, "`services.ingest.run.never_written()` groups"),
        (names_without_code, "`never_written` groups"),
        (names_without_code, "`arrange(paths)` groups"),
        (missing_imports, "PROGRAM = 'from models.core.sessions import never_written'"),
        (missing_imports, "PROGRAM = 'tests.media.never_written'"),
    ],
)
def test_a_name_that_does_not_exist_is_noticed(rule: Callable[[str, str], Iterator[str]], text: str) -> None:
    assert list(rule("page.md", text)) != []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (old_names, "the tasks media.tidy, metadata.probe and tasks.index; workers.app and workers.beat:Bell"),
        (names_without_code, "`services.ingest.run.ingest_islands` in `services/ingest/run.py`, task `media.tidy`"),
        (missing_imports, "PROGRAM = 'from models.core.sessions import make_engine, make_sessions'"),
    ],
)
def test_a_name_that_exists_passes(rule: Callable[[str, str], Iterator[str]], text: str) -> None:
    assert list(rule("page.md", text)) == []
