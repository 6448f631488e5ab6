"""The database of the previous revision, made by its own code: `python -P previous_content.py TREE ROOT FILE PORT`.

Everything here is imported from that revision's tree, which is first in PYTHONPATH. It migrates, adds a storage on
ROOT, ingests and indexes what is in it, creates two users, writes a login into FILE, and goes on as `program.py serve`.
"""

# ruff: noqa: I001 - ruff sorts by which of these modules the present tree has

import json
import runpy
import sys
from pathlib import Path

from models.schema import migrate
from models.sessions import make_engine, make_sessions
from search.postgres import PostgresEngine
from tasks.index import drain
from tasks.tokens import create_app, issue_token
from tasks.users import SETUP, NewUser, create_user
from tests.pipeline import Pipeline
from workers.running import find_running
from workers.settings import current_settings

PROGRAM = Path(__file__).with_name("program.py")


def fill(root: Path) -> dict[str, str]:
    """Fill a new database, and return the login of its administrator."""
    settings = current_settings()
    url = find_running(settings).database_url
    migrate(url)
    engine = make_engine(url)
    sessions = make_sessions(engine)
    pipeline = Pipeline(root, sessions)
    pipeline.add_storage(scan_interval_seconds=60)  # events show what is new
    pipeline.wait_until_quiet()
    pipeline.watcher.close()
    drain(sessions, PostgresEngine(sessions), settings.timing)
    with sessions.begin() as session:
        admin = create_user(session, NewUser(settings.trigger_user, is_admin=True), SETUP)
        reviewer = create_user(session, NewUser("reviewer@example.org"), SETUP)
        app = create_app(session, admin.id, "upgrade")
        _, secret = issue_token(session, admin.id, app.id)
        login = {"app_id": str(app.id), "token": secret, "admin": str(admin.id), "reviewer": str(reviewer.id)}
    engine.dispose()
    return login


def main(tree: str, root: str, file: str, port: str) -> None:
    """Fill the database, and serve it."""
    program = runpy.run_path(str(PROGRAM))
    program["require_tree"](tree)
    login = fill(Path(root))
    draft = Path(f"{file}.draft")
    draft.write_text(json.dumps(login))
    draft.rename(file)
    program["serve"](port)


if __name__ == "__main__":
    main(*sys.argv[1:])
