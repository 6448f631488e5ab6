"""A command of root's checks folders with the rights of the system that runs as another user."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.core.capabilities import permitted_capabilities
from services.core.errors import DomainError
from services.core.folder_markers import is_folder_writable
from services.storages.storages import resolve_readable_root
from workers.config.system_rights import rights_of_system

NOBODY = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter; pytest's own may not be."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@needs_root
def test_root_finds_out_what_the_user_of_the_system_may_not(folder: Path) -> None:
    data, closed = folder / "data", folder / "closed"
    data.mkdir()
    closed.mkdir(mode=0o700)
    os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
    before = permitted_capabilities(), os.getgroups()
    with rights_of_system(data):
        assert os.geteuid() == NOBODY.pw_uid
        assert is_folder_writable(data)
        assert not is_folder_writable(closed)
        with pytest.raises(DomainError, match=r"closed.*cannot be read .*\(nobody\)"):
            resolve_readable_root(closed)
    assert os.geteuid() == os.getegid() == 0
    assert (permitted_capabilities(), os.getgroups()) == before
    assert resolve_readable_root(closed) == os.fsencode(closed.resolve())


@pytest.mark.parametrize("exists", [True, False])
def test_a_system_of_the_same_user_changes_nothing(folder: Path, exists: bool) -> None:
    with rights_of_system(folder if exists else folder / "none"):
        assert is_folder_writable(folder)
