"""Root becomes a user without rights but to read; what that user cannot use is refused with the next step."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT
from workers.config.settings import make_child_environment
from workers.processes.service_user import OWN_ENTRIES, choose_service_user, give_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = pwd.getpwnam("nobody")
BECOME = """
import os, sys
from pathlib import Path
from models.core.capabilities import permitted_capabilities
from services.core.errors import DomainError
from services.storages.storages import resolve_readable_root
from workers.processes.process import ProcessError
from workers.processes.service_user import leave_root, refuse_closed_paths
data, rushes, secret = map(Path, sys.argv[1:])
sys.prefix, sys.path[:] = "/usr", ["/usr"]  # a program that others can read
try:
    print(leave_root(data), os.geteuid(), permitted_capabilities())
    resolve_readable_root(rushes)
    refuse_closed_paths({"TAPELESS_SECRET_KEY_FILE": secret}, {"TAPELESS_MEDIA": rushes})
except (ProcessError, DomainError) as error:
    print(error)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter; pytest's own may not be."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@needs_root
def test_the_folder_of_a_user_is_run_as_that_user_and_one_of_root_as_nobody(tmp_path: Path) -> None:
    def chosen(uid: int) -> str:
        os.chown(tmp_path, uid, uid)
        user = choose_service_user(tmp_path)
        assert user is not None
        return user.pw_name

    users = {user.pw_name for user in pwd.getpwall()}
    unprivileged = "tapeless" if "tapeless" in users else "nobody"
    assert [chosen(uid) for uid in (0, pwd.getpwnam("daemon").pw_uid, 54321)] == [unprivileged, "daemon", unprivileged]


@needs_root
@pytest.mark.parametrize("own", OWN_ENTRIES)
def test_a_data_folder_of_root_is_given_away_with_all_in_it_but_not_what_links_lead_to(
    folder: Path, own: str, tmp_path: Path
) -> None:
    data, outside = folder / "data", tmp_path / "outside"
    outside.write_text("root's")
    for path in (data / "supervisor.lock", data / "postgres" / "runs-as", data / "media" / "ab" / "poster.jpg"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("unshare")
    for name in set(OWN_ENTRIES) - {own}:
        (data / name).rename(data / f"{name}.old")
    (data / "link").symlink_to(outside)
    give_folder(data, NOBODY)
    found = [data, *data.rglob("*")]
    assert len(found) == 8
    assert {path.lstat().st_uid for path in found} == {NOBODY.pw_uid}
    assert outside.stat().st_uid == 0
    assert own != "postgres" or (data / "postgres" / "runs-as").read_text() == "caller"


@needs_root
@pytest.mark.parametrize("how", ["other files", "another name"])
def test_what_may_not_be_tapelesss_alone_is_not_given_away(tmp_path: Path, how: str) -> None:
    data, outside = tmp_path / "data", tmp_path / "outside"
    outside.write_text("root's")
    data.mkdir()
    if how == "another name":
        (data / "supervisor.lock").hardlink_to(outside)
    else:
        (data / "letters").mkdir()
    with pytest.raises(Exception, match=how) as refused:
        give_folder(data, NOBODY)
    assert 'user "nobody"' in str(refused.value)
    assert {path.stat().st_uid for path in (data, outside)} == {0}


@needs_root
@pytest.mark.parametrize(
    ("closed", "said"),
    [
        (None, 'running as user "nobody" in place of root; it reads what that user may 65534 0'),
        ("up", 'is closed to user "nobody", which Tapeless runs as, not as root; give another with --data'),
        ("rushes", 'rushes": cannot be read (Permission denied); give read permission to the user that runs Tapeless'),
        ("key", 'cannot be read by user "nobody", which Tapeless runs as in place of root; make it, and give it to'),
    ],
)
def test_what_this_user_cannot_read_is_refused_with_the_next_step(folder: Path, closed: str | None, said: str) -> None:
    """As in a container, whose root has no right to read that it could hand on."""
    for name in ("up", "rushes"):
        (folder / name).mkdir()
    (folder / "key").write_text("k" * 40)
    os.chown(folder / "rushes", NOBODY.pw_uid, NOBODY.pw_gid)
    (folder / "rushes").chmod(0o700)
    if closed == "rushes":
        os.chown(folder / "rushes", 0, 0)
    elif closed is not None:
        (folder / closed).chmod(0o600)
    words = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_read_search,-lease", sys.executable, "-P", "-c", BECOME]
    paths = [str(folder / name) for name in ("up/data", "rushes", "key")]
    env = make_child_environment(PYTHONPATH=str(ROOT))
    run = subprocess.run([*words, *paths], capture_output=True, text=True, env=env, check=False)
    assert said in run.stdout, run.stdout + run.stderr
