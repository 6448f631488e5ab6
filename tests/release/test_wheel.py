"""The wheel: built from the checkout, installed into an empty environment, and used there from another folder."""

import json
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.schema import is_schema_current
from tests.servers import ROOT, Servers
from tests.test_house import LAYERS, PACKAGES
from workers.config.version import read_version

PROJECT_FILES = ("pyproject.toml", "README.md", "LICENSE")
TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with the wheel, and the folder where its commands run."""

    folder: Path
    elsewhere: Path

    @property
    def site_packages(self) -> Path:
        """Folder of the installed packages."""
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder), "platbase": str(self.folder)}))

    def run(self, program: str, *words: str, stdin: str = "", **env: str) -> str:
        """Run a program of the environment and return its output."""
        done = subprocess.run(
            [self.folder / "bin" / program, *words],
            input=stdin,
            cwd=self.elsewhere,
            env=env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{program} {words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def run_pip(*words: Path | str) -> None:
    """Run pip without its network: builds use the installed setuptools, dependencies are those of the tests."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree, because a build puts what an earlier one left in its tree into the wheel."""
    tree = tmp_path_factory.mktemp("tree")
    for name in PROJECT_FILES:
        shutil.copy(ROOT / name, tree)
    for package in (*LAYERS, "tests", "benchmarks"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run_pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, tree)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that has nothing of the checkout; the dependencies are those that the tests run with."""
    environment = Environment(tmp_path_factory.mktemp("venv"), tmp_path_factory.mktemp("elsewhere"))
    venv.create(environment.folder, symlinks=True)
    run_pip("--python", environment.folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    # Python reads no .pth files of a folder that a .pth file names, so the editable installation is not found there.
    (environment.site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment


def packaged(tree: Path) -> Iterator[str]:
    """Yield every file of the product's packages, whatever its kind."""
    for package in LAYERS:
        yield from (path.relative_to(tree).as_posix() for path in (tree / package).rglob("*") if path.is_file())


def test_the_wheel_has_every_file_of_the_product_and_no_other(tree: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == set(packaged(tree))
    assert {f"{package.replace('.', '/')}/__init__.py" for package in PACKAGES} <= names
    assert wheel.name == f"tapeless-{read_version()}-py3-none-any.whl"


def test_every_package_is_imported_from_the_wheel(environment: Environment) -> None:
    packages = sorted(LAYERS)
    program = "import importlib, sys\nfor name in sys.argv[1:]: print(importlib.import_module(name).__file__)"
    found = environment.run("python", "-c", program, *packages).splitlines()
    assert found == [str(environment.site_packages / package / "__init__.py") for package in packages]


def test_its_command_has_the_version_and_loads_every_subcommand(environment: Environment) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert environment.run("tapeless", "--version") == f"tapeless, version {declared}\n"
    assert "Migrate the database" in environment.run("tapeless", "--help")


def test_its_command_groups_names(environment: Environment) -> None:
    answer = json.loads(environment.run("tapeless", "plan", "--json", "-", stdin="sc07_camA.mp4\nsc07_camB.mp4\n"))
    assert [asset["title"] for asset in answer["assets"]] == ["sc07"]


def test_its_files_migrate_an_empty_database(
    environment: Environment, servers: Servers, database_names: Iterator[str]
) -> None:
    name = next(database_names)
    servers.postgres.create_database(name)
    url = servers.postgres.url(name)
    try:
        environment.run("tapeless", "migrate", TAPELESS_DATABASE_URL=url, TAPELESS_BROKER_URL="redis://localhost:1/0")
        assert is_schema_current(url)
    finally:
        servers.postgres.drop_database(name)
