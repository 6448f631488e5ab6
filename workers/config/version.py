"""The version of this program: of the source tree that it runs from, else of the installed distribution."""

import tomllib
from importlib.metadata import version as distribution_version
from pathlib import Path

DISTRIBUTION = "tapeless"
SOURCE_TREE = Path(__file__).parent.parent.parent


def read_version(tree: Path = SOURCE_TREE) -> str:
    """Return the version that `pyproject.toml` declares, or that of the installed distribution if there is none.

    The file comes first because an editable installation keeps the version that the tree had when it was installed.
    """
    try:
        project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        project = {}
    # Installed, the folder belongs to all distributions, and some leave their own file in it.
    return project["version"] if project.get("name") == DISTRIBUTION else distribution_version(DISTRIBUTION)
