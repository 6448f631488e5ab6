"""A running system with the paths of the documentation, on which each documented line is executed unchanged."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from click.testing import CliRunner

from models.core.base import new_id
from models.core.sessions import make_engine, make_sessions
from models.queues.job import Job, JobStatus
from tests.docs.not_run import listed
from tests.docs.pages import FENCED, IN_A_SHELL, ROOT, Command, pages, simple_commands, typed_lines
from tests.e2e.system import System, free_port, open_system
from tests.files import write
from tests.services.mail_server import mail_server
from tests.services.media_clips import put
from workers.config.connection import find_system_connection
from workers.config.settings import Settings, make_child_environment
from workers.local_stack import FLOWER_USER
from workers.main import main

FIRST = ("docs/tutorial.md", "docs/run.md", "docs/storages.md", "docs/users.md", "docs/operate.md", "docs/backup.md")
"""Pages in the order in which people read them; the others use what these made."""
PASSWORD = "not a word but many"
A_JOB = "01930000-0000-7000-8000-000000000000"
FILES = ("sc07_kitchen.mov", "kitchen/take.mov", ".DS_Store")
NAMED_LATER = ("asset", "move")
"""This command names an asset by the title that the previous command set, which takes seconds to apply."""
BY_HAND = ("poster.jpg", "room_tone.wav", "sc07_camA.mov", "sc07_camB.mp4", "notes.txt", "final_final_really_final.mov")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page, with the commands in it."""

    page: str
    text: str
    commands: tuple[tuple[str, ...], ...]

    @property
    def program(self) -> str:
        """The program that the line runs."""
        return PurePosixPath(self.commands[0][0]).name

    @property
    def is_for_a_shell(self) -> bool:
        """Whether the line contains more than one of our programs."""
        return any(words[0] in IN_A_SHELL for words in self.commands)


def lines() -> list[Line]:
    """Every line that can be run, once, in the order of the pages."""
    found: dict[object, Line] = {}
    for page in sorted(pages(), key=lambda page: _place(page.relative_to(ROOT).as_posix())):
        name = page.relative_to(ROOT).as_posix()
        for text in typed_lines(page.read_text(encoding="utf-8")):
            line = Line(name, text, tuple(simple_commands(text)))
            if line.commands and not any(listed(Command(name, words)) for words in line.commands):
                found.setdefault(text if line.is_for_a_shell else line.commands, line)
    return list(found.values())


def _place(page: str) -> tuple[int, str]:
    return (FIRST.index(page) if page in FIRST else len(FIRST), page)


@dataclass(slots=True)
class Documented:
    """The system with the folders, files and users that the pages mention."""

    system: System
    folder: Path
    flower_port: int
    made: list[Path] = field(default_factory=list)
    _token: dict[str, str] | None = None

    def run(self, line: Line) -> tuple[int, str]:
        """Run the line; return its exit code and output."""
        if line.commands[0][1:3] == NAMED_LATER:
            self.system.wait_for(lambda status: status.idle, "the asset has its new name")
        if line.is_for_a_shell:
            return self._run_in_a_shell(line.text)
        if line.program == "curl":
            return self._run_program([self.here(self._signed_in(word)) for word in line.commands[0]])
        return self._run_tapeless([self._named(line, word) for word in line.commands[0][1:]])

    def here(self, word: str) -> str:
        """Replace the paths in a word by those of this system."""
        for there, here in self._places().items():
            word = word.replace(there, here)
        return word

    def _places(self) -> dict[str, str]:
        names = ("rushes", "archive", "plates", "proxies")
        named = {f"/mnt/{name}": str(self.folder / name) for name in names}
        backups = {f"/backup/{name}": str(self.folder / name) for name in ("monday.tar", "before.tar")}
        ports = {"http://127.0.0.1:8780": self.api, "http://127.0.0.1:8781": f"http://127.0.0.1:{self.flower_port}"}
        again = {"/srv/tapeless-again": str(self.folder / "again"), "rules.toml": str(self.folder / "rules.toml")}
        own = {"demo-media/rushes": str(self.folder / "rushes"), '"Rushes"': '"rushes"'}
        return {**own, **named, **backups, **ports, **again}

    @property
    def api(self) -> str:
        """The address of the API."""
        printed = re.search(r"(http://127\.0\.0\.1:\d+)/API", self.system.printed())
        assert printed is not None
        return printed[1]

    def _named(self, line: Line, word: str) -> str:
        """Pages add the same storage repeatedly; use a different one each time."""
        is_added = line.commands[0][1:3] == ("storage", "add")
        if is_added and word == "/mnt/rushes":
            self.made.append(self.folder / f"added{len(self.made)}")
            write(self.made[-1], "cut.mov")
            return str(self.made[-1])
        if word == "Rushes":
            return f"Rushes{len(self.made)}" if is_added else "rushes"
        return self.here(word)

    def _signed_in(self, word: str) -> str:
        if self._token is None:
            self._token = self.system.ask("token", "create", "admin@localhost")
        flower = (self.system.data / "flower" / "password").read_text().strip()
        word = word.replace("$APP", self._token["app_id"]).replace("$TOKEN", self._token["token"])
        return word.replace("tapeless:PASSWORD", f"{FLOWER_USER}:{flower}")

    def _run_tapeless(self, words: list[str]) -> tuple[int, str]:
        if A_JOB in words:
            job = self._make_job(JobStatus.FAILED if words[1] in ("retry", "discard") else JobStatus.STARTED)
            words = [job if word == A_JOB else word for word in words]
        if words[0] != "restore" and words[0] != "plan":
            words = [*(words[: words.index("--data")] if "--data" in words else words), "--data", str(self.system.data)]
        typed = f"{PASSWORD}\n" * 2 if words[:2] in (["user", "add"], ["user", "passwd"]) else None
        done = CliRunner().invoke(main, words, input=typed)
        return done.exit_code, f"{done.output}{done.exception or ''}"

    def _make_job(self, status: JobStatus) -> str:
        """Create a job that replaces the placeholder of a page."""
        engine = make_engine(find_system_connection(Settings.for_data(self.system.data)).database_url)
        job = Job(id=new_id(), type="CUSTOM", title="A job", status=status)
        with make_sessions(engine).begin() as session:
            session.add(job)
        engine.dispose()
        return str(job.id)

    def _run_in_a_shell(self, text: str) -> tuple[int, str]:
        return self._run_program(["sh", "-ec", text])

    def _run_program(self, words: list[str]) -> tuple[int, str]:
        """A program of the machine; curl says where it is refused, as it does not by itself."""
        path = f"{Path(sys.executable).parent}:{make_child_environment()['PATH']}"
        env = make_child_environment(PATH=path, TAPELESS_DATA=str(self.system.data), PYTHONPATH=str(ROOT))
        if words[0] == "curl":
            words = [*words, "--silent", "--show-error", "--fail-with-body"]
        done = subprocess.run(
            words, cwd=self.folder / "shell", env=env, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr


@contextmanager
def open_documented(folder: Path) -> Iterator[Documented]:
    """Yield the idle system with everything that the pages mention."""
    write(folder / "rushes", *FILES, *BY_HAND)
    put(folder / "rushes", "plate.mp4")
    for name in ("archive", "plates"):
        write(folder / name, f"{name}.mov")
    for name in ("proxies", "shell"):
        (folder / name).mkdir()
    (folder / "proxies").chmod(0o777)  # root gives its processes to another user, who writes renditions there
    blocks = [block for _, block in FENCED.findall((ROOT / "docs" / "settings.md").read_text())]
    (folder / "rules.toml").write_text(next(block for block in blocks if block.startswith("# rules.toml")))
    with mail_server() as mailbox:
        own = {"SMTP_URL": f"smtp+plain://127.0.0.1:{mailbox.port}", "SMTP_FROM": "tapeless@example.org"}
        own |= {"TRIGGER_USER": "admin@localhost"}
        with open_system(folder, **{f"TAPELESS_{name}": value for name, value in own.items()}) as system:
            port = free_port()
            flower = ("--flower-port", str(port), "--flower-writable")
            system.start(folder / "rushes", *flower, "--broker-port", str(free_port()))
            system.wait_until_idle(files=len(FILES) - 1 + len(BY_HAND) + 1)
            write(folder / "rushes", "late.srt", "a.mov")
            yield Documented(system, folder, port)
