"""Enforced architecture rules: allowed imports, owners of external calls, and the maximum length of a file.

A rule with exceptions names them here, so that a new one is a line in a review.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from workers.celery.app import TASK_MODULES

ROOT = Path(__file__).parent.parent
LAYERS = {
    "grouping": "grouping.model grouping.rules grouping",
    "models": "models.core models.catalog models.access models.queues models models.migrations "
    "models.migrations.versions",
    "watch": "watch.disk watch.rows watch",
    "media": "media.sandbox media.sound media.demo media.probe media.pictures media.renditions media.sidecars "
    "media.evidence media.captions media.stills media",
    "search": "search.query search search.documents search.postgres search.opensearch",
    "services": "services.core services.access services.outbound services.catalog services.catalog.assets "
    "services.jobs services.ingest services.catalog.collections services.catalog.segments services.objects "
    "services.metadata services.approvals services.shares services.downloads services.renditions services.viewing "
    "services.media services.sidecars services.lifecycle services.storages services.grouping services.searching "
    "services.indexing services.operations services.readiness services.mails services.triggers services",
    "tasks": "tasks",
    "asgi": "asgi.limits asgi",
    "api": "api.routes.jobs api.routes.permissions api.routes.search api.routes.shares api.routes.users "
    "api.routes.files api.routes.integrations api.routes.metadata api.routes.segments api.routes.catalog api.routes "
    "api.descriptions api",
    "web": "web",
    "workers": "workers.processes workers.embedded workers.config workers.celery workers workers.commands "
    "workers.commands.catalog workers.commands.server workers.commands.admin",
}
"""The packages of every top-level package, lowest first: a package imports only from packages before it."""

MAY_IMPORT = {
    "grouping": set(),
    "models": set(),
    "watch": {"models", "grouping"},
    "media": {"models", "grouping"},
    "search": {"models", "grouping"},
    "services": {"models", "grouping", "watch", "media", "search"},
    "tasks": {"models", "services"},
    "asgi": {"models", "grouping", "watch", "media", "search", "services"},
    "api": {"models", "grouping", "watch", "media", "search", "services", "asgi"},
    "web": {"models", "grouping", "watch", "media", "search", "services", "asgi"},
    "workers": {"models", "grouping", "watch", "media", "search", "services", "tasks", "asgi", "api", "web"},
}
"""What a top-level package imports from others: the same way as the data, and neighbours do not know each other."""

MAX_MODULES = 20
"""Modules in one folder, tests included; a folder near that asks for a subfolder."""

MEDIA_LIBRARIES = {"OpenEXR", "av", "PIL", "numpy", "imagecodecs", "pi_heif", "rawpy", "tifffile"}
LOADS_MEDIA_LIBRARIES = {"workers.commands.server.demo"}
"""Outside of `media`: no other process needs their memory, and they read untrusted files."""

OWNERS = {
    "commit": {"models/core/sessions.py"},
    "delay": set(),
    "apply_async": {"workers/celery/app.py", "workers/celery/scheduler.py"},
    "send_task": {"workers/celery/app.py"},
}
"""Calls that only the owner of an edge makes: a function that takes a session never ends its transaction."""

READ_ENVIRONMENT = {
    "workers/config/data_folders.py",
    "workers/config/settings.py",
    "workers/processes/command_server.py",
    "workers/processes/fork_server.py",
    "tests/compose/host.py",
    "tests/conftest.py",
    "tests/media/sandbox/misbehaving_child.py",
    "tests/properties/test_grouping.py",
    "tests/workers/config/test_search_choice.py",
    "tests/workers/config/test_data_folders.py",
    "tests/workers/config/test_settings.py",
    "tests/workers/processes/command_program.py",
}
LET_TIME_PASS = {"tests/waiting.py", "tests/keeper.py", "tests/search/opensearch/keeper.py"}
ONLY_ROOM = {"opensearchpy": "search", "watchdog": "watch"}
NO_NOUN = {"utils", "helpers", "common", "misc", "manager", "functions"}
LONGEST_LINES = 400
ADVISORY_LOCK = re.compile(r"\b7_411_\d{3}\b")
"""Two locks of one number would wait for each other, and could deadlock."""
TESTED_DIRECTLY = ("services.ingest.", "services.grouping.", "services.metadata.", "services.media.")
TESTED_ELSEWHERE = {
    "services.ingest.affected": "by tests/properties: any order of arrivals ends as a grouping from scratch",
    "services.ingest.effects": "it only declares hooks, which the tests of the domains call",
}
WRITTEN_ONCE = "models/migrations/versions/"
"""Migrations are never edited again, so their length is not limited."""


@dataclass(frozen=True)
class Page:
    """One source file: its path in the repository, and its text."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree, parsed when a rule asks for it: every worker imports this module."""
        return ast.parse(self.text, self.name)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        return list(imported(self.nodes))

    @property
    def room(self) -> str:
        return self.name.split("/", 1)[0]

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def read_pages(*rooms: str) -> list[Page]:
    found = sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))
    return [Page(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in found]


PRODUCTION = read_pages(*MAY_IMPORT)
TESTS = read_pages("tests")


def imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Every module that is imported by one of these, with its line; `from a import b` may mean `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


PACKAGES = {package for packages in LAYERS.values() for package in packages.split()}


def package_of(name: str) -> str:
    """Return the package that a module, or a name in it, belongs to."""
    while name and name not in PACKAGES:
        name = name.rpartition(".")[0]
    return name


def wrong_way(page: Page) -> Iterator[str]:
    own = package_of(page.module)
    layers = LAYERS[page.room].split()
    for line, name in page.imports:
        room = name.split(".", 1)[0]
        if ONLY_ROOM.get(room, page.room) != page.room:
            yield f"{page.name}:{line} imports {name}: only {ONLY_ROOM[room]} does"
        if room == page.room:
            target = package_of(name)
            if layers.index(target) > layers.index(own):
                yield f"{page.name}:{line} imports {name}: {target} is above {own} in LAYERS"
        elif room in {*MAY_IMPORT, "tests", "benchmarks"} - MAY_IMPORT[page.room]:
            allowed = ", ".join(sorted(MAY_IMPORT[page.room])) or "nothing"
            yield f"{page.name}:{line} imports {name}: {page.room} may import {allowed} of our own"


def hidden_imports(page: Page) -> Iterator[str]:
    functions = (node for node in page.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for function in functions:
        inside = range(function.lineno, (function.end_lineno or function.lineno) + 1)
        found = [(line, name) for line, name in page.imports if line in inside]
        yield from (f"{page.name}:{line} imports {name} inside {function.name}()" for line, name in found)


def calls_of_another_owner(page: Page) -> Iterator[str]:
    for node in page.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in OWNERS:
            owners = OWNERS[node.func.attr]
            if page.name not in owners:
                yield f"{page.name}:{node.lineno} calls .{node.func.attr}(): only {sorted(owners) or 'nobody'} does"


def readings_of_the_environment(page: Page) -> Iterator[str]:
    for node in page.nodes:
        attribute = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
        if attribute and node.attr in ("environ", "environb", "getenv") and page.name not in READ_ENVIRONMENT:
            yield f"{page.name}:{node.lineno} reads os.{node.attr}: only {sorted(READ_ENVIRONMENT)} do"
    for line, name in page.imports:
        if name in ("os.environ", "os.environb", "os.getenv"):
            yield f"{page.name}:{line} imports {name}: say os.environ where it is read"


def sleeps(page: Page) -> Iterator[str]:
    for node in page.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "sleep" and page.name not in LET_TIME_PASS:
            yield f"{page.name}:{node.lineno} sleeps: wait for a condition with tests.waiting.wait_until"


def shapeless(page: Page) -> Iterator[str]:
    if Path(page.name).stem in NO_NOUN:
        yield f"{page.name} has no noun for a name"
    lines = page.text.count("\n")
    if lines > LONGEST_LINES and not page.name.startswith(WRITTEN_ONCE):
        yield f"{page.name} has {lines} lines: at {LONGEST_LINES} it holds a second thing with a name of its own"
    if page.room in MAY_IMPORT and page.text.strip() and ast.get_docstring(page.tree) is None:
        yield f"{page.name} does not say in a docstring why it is there"


def circles(pages: list[Page]) -> Iterator[str]:
    """Yield modules that import each other, directly or indirectly; packages are excluded, only their modules count."""
    modules = {page.module for page in pages if not page.name.endswith("__init__.py")}
    edges: dict[str, set[str]] = {name: set() for name in modules}
    for one in pages:
        for _, name in one.imports if one.module in modules else ():
            target = name if name in modules else name.rpartition(".")[0]
            if target in modules:
                edges[one.module].add(target)
    while leaves := {name for name, targets in edges.items() if not targets & edges.keys()}:
        edges = {name: targets for name, targets in edges.items() if name not in leaves}
    yield from (f"{name} imports in a circle: {sorted(targets & edges.keys())}" for name, targets in edges.items())


@pytest.mark.parametrize(
    "rule", [wrong_way, hidden_imports, calls_of_another_owner, readings_of_the_environment, shapeless]
)
def test_every_page_keeps_the_rule(rule) -> None:  # type: ignore[no-untyped-def]
    assert [fault for page in PRODUCTION for fault in rule(page)] == []


@pytest.mark.parametrize("rule", [hidden_imports, readings_of_the_environment, shapeless, sleeps])
def test_every_test_keeps_the_rule(rule) -> None:  # type: ignore[no-untyped-def]
    assert [fault for page in TESTS for fault in rule(page)] == []


def crowded(pages: list[Page]) -> Iterator[str]:
    """Folders with more modules than a reader takes in at a glance; migrations are read one at a time."""
    folders = Counter(str(Path(page.name).parent) for page in pages if not page.name.endswith("__init__.py"))
    for folder, count in folders.items():
        if count > MAX_MODULES and not WRITTEN_ONCE.startswith(folder):
            yield f"{folder} has {count} modules: at {MAX_MODULES} it asks for a subfolder"


def test_every_advisory_lock_has_a_number_of_its_own() -> None:
    found = Counter(number for page in PRODUCTION for number in ADVISORY_LOCK.findall(page.text))
    assert {number for number, count in found.items() if count > 1} == set()
    assert len(found) >= 6


def test_no_folder_is_crowded() -> None:
    assert list(crowded([*PRODUCTION, *TESTS])) == []


def test_a_crowded_folder_is_noticed() -> None:
    assert len(list(crowded([Page(f"tasks/part_{number}.py", "") for number in range(MAX_MODULES + 1)]))) == 1


def test_the_layers_name_every_package_and_no_other() -> None:
    found = {page.module for page in PRODUCTION if page.name.endswith("__init__.py")}
    assert found == PACKAGES
    assert LAYERS.keys() == MAY_IMPORT.keys()


def test_what_groups_and_describes_files_is_tested_in_the_folder_of_its_name() -> None:
    """One of the tests of `services/ingest` imports `services.ingest.matching`, so that its cases are found there."""
    tested = {
        module
        for page in TESTS
        for _, name in page.imports
        for module in (name, name.rpartition(".")[0])
        if module.startswith(page.module.removeprefix("tests.").rpartition(".")[0] + ".")
    }
    asked = {page.module for page in PRODUCTION if page.module.startswith(TESTED_DIRECTLY)}
    assert asked - tested == TESTED_ELSEWHERE.keys()


def test_tasks_hold_one_module_for_each_queue() -> None:
    assert {page.module for page in PRODUCTION if page.room == "tasks"} == {"tasks", *TASK_MODULES}


def test_only_the_programs_of_media_load_its_libraries() -> None:
    loaders = set(MEDIA_LIBRARIES)
    while found := {page.module for page in PRODUCTION if imports_any_of(page, loaders)} - loaders:
        loaders |= found
    assert {name for name in loaders - MEDIA_LIBRARIES if not name.startswith("media.")} == LOADS_MEDIA_LIBRARIES


def imports_any_of(page: Page, modules: set[str]) -> bool:
    return any({name, name.rpartition(".")[0]} & modules for _, name in page.imports)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert list(circles(PRODUCTION)) == []


def test_every_folder_of_tests_is_a_package_so_that_none_shadows_a_room() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (wrong_way, "models/core/reel.py", "from watch.disk.clock import now"),
        (wrong_way, "models/core/reel.py", "from models.catalog.asset import Asset"),
        (wrong_way, "services/access/reel.py", "from services.ingest.run import ingest_islands"),
        (wrong_way, "services/core/reel.py", "from services import jobs"),
        (wrong_way, "services/ingest/reel.py", "from services.approvals.reopen import reopen_approvals"),
        (wrong_way, "grouping/model/reel.py", "from models.core import paths"),
        (wrong_way, "grouping/rules/reel.py", "import grouping.dry_run"),
        (wrong_way, "api/routes/jobs/reel.py", "from api.routes.catalog.assets import routes"),
        (wrong_way, "watch/reel.py", "import search.engine"),
        (wrong_way, "tasks/reel.py", "from workers import settings"),
        (wrong_way, "tasks/reel.py", "from opensearchpy import OpenSearch"),
        (wrong_way, "workers/reel.py", "from tests.waiting import wait_until"),
        (hidden_imports, "tasks/reel.py", "def f():\n    if True:\n        import json"),
        (hidden_imports, "tasks/reel.py", "async def f():\n    from models import base"),
        (calls_of_another_owner, "tasks/reel.py", "def f(session):\n    session.commit()"),
        (calls_of_another_owner, "tasks/reel.py", "drain.apply_async((), queue='index')"),
        (readings_of_the_environment, "tasks/reel.py", "import os\nhome = os.environ['HOME']"),
        (readings_of_the_environment, "tasks/reel.py", "from os import getenv"),
        (sleeps, "tests/test_reel.py", "import time\ntime.sleep(1)"),
        (shapeless, "tasks/utils.py", '"""Why."""'),
        (shapeless, "tasks/reel.py", '"""Why."""\n' + "x = 1\n" * 400),
        (shapeless, "tasks/reel.py", "x = 1"),
    ],
)
def test_a_rule_notices_its_breach(rule, name: str, text: str) -> None:  # type: ignore[no-untyped-def]
    assert len(list(rule(Page(name, text)))) == 1


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (wrong_way, "tasks/reel.py", "import json\nfrom models import asset\nfrom tasks import history"),
        (hidden_imports, "media/reel.py", "import av\ndef f():\n    return av.open"),
        (shapeless, "models/migrations/versions/1.py", '"""Why."""\n' + "x = 1\n" * 400),
    ],
)
def test_a_rule_lets_the_rest_pass(rule, name: str, text: str) -> None:  # type: ignore[no-untyped-def]
    assert list(rule(Page(name, text))) == []


def test_a_circle_is_noticed() -> None:
    pages = [
        Page("tasks/a.py", "from tasks import b"),
        Page("tasks/b.py", "from tasks.c import x"),
        Page("tasks/c.py", "import tasks.a"),
        Page("tasks/d.py", "import tasks.a"),
    ]
    assert len(list(circles(pages))) >= 3
