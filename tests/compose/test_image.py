"""What the Dockerfile takes is there, and what it keeps of PostgreSQL runs; no engine builds the image here."""

import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from tests.compose.host import read_compose
from tests.servers import ROOT

DOCKERFILE = ROOT / "Dockerfile"
INSTALLED = "/opt/tapeless"


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its arguments, without comments, continued lines in one."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest) for line in text.splitlines() if line for name, _, rest in [line.partition(" ")]]


def sources() -> list[str]:
    """What is copied out of the checkout."""
    copies = [shlex.split(rest)[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    return [source for words in copies for source in words]


def test_everything_that_is_copied_exists_and_is_sent_to_the_engine() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [source for source in sources() if not (ROOT / source).exists()] == []
    assert sorted(sources()) == sorted(sent)


def test_every_package_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert [pattern for pattern in wanted if not any(fnmatch(source, pattern) for source in sources())] == []
    assert {project["project"]["readme"], "requirements.lock"} <= set(sources())


def test_it_runs_as_a_user_that_it_made_and_that_is_not_root() -> None:
    made = [rest.split()[-1] for name, rest in instructions() if name == "RUN" and rest.startswith("useradd")]
    users = [rest for name, rest in instructions() if name == "USER"]
    assert users
    assert set(users) <= set(made)
    assert users[-1] != "root"


def test_the_image_s_programs_for_backups_run_and_are_those_of_the_server(tmp_path: Path) -> None:
    """The lines of the Dockerfile, with this environment's packages in the place of the image's."""
    packages = tmp_path / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.parent.mkdir(parents=True)
    packages.symlink_to(sysconfig.get_path("purelib"))
    (tmp_path / "bin").mkdir()
    (kept,) = (rest for name, rest in instructions() if name == "RUN" and "pg_dump" in rest)
    subprocess.run(["sh", "-ec", kept.replace(INSTALLED, str(tmp_path))], check=True)
    packages.unlink()
    major = read_compose()["services"]["postgres"]["image"].partition(":")[2]
    for program in ("pg_dump", "pg_restore"):
        done = subprocess.run([tmp_path / "bin" / program, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.split()[-1].partition(".")[0] == major
