"""The console in a browser, as its administrator uses it in a day, in steps that follow each other."""

from pathlib import Path

from playwright.sync_api import Page, expect

from media.demo.production import DEMO_PIECES, write_atomically
from tests.web.browser.conftest import Site, check_page

HOSTILE = "<img src=x onerror=alert(1)>\"'</title><script>alert(2)</script>"
ADA = {"email": "ada@example.org", "password": "correct horse battery", "first_name": "Ada", "is_admin": True}


def sign_in(site: Site, visitor: Page, path: str, shots: Path | None = None) -> None:
    """Open a page of the console as Ada."""
    if not site.request("GET", f"/users/v1/users/?email={ADA['email']}")["objects"]:
        site.request("POST", "/users/v1/users/", json=ADA)
    visitor.goto(f"{site.root}{path}")
    if shots is not None:
        check_page(visitor, "sign-in", shots)
    visitor.get_by_label("E-mail").fill(str(ADA["email"]))
    visitor.get_by_label("Password").fill(str(ADA["password"]))
    visitor.keyboard.press("Enter")


def drop_and_collect(site: Site, visitor: Page, shots: Path) -> None:
    """A file that is dropped appears in the open list; it is chosen with another, and collected."""
    poster = next(piece.files["artwork/poster.png"] for piece in DEMO_PIECES if "artwork/poster.png" in piece.files)
    write_atomically(site.media / "dropped" / "beach.png", poster())
    expect(visitor.get_by_role("link", name="beach", exact=True)).to_be_visible(timeout=30_000)
    visitor.get_by_label("Select beach", exact=True).check()
    visitor.get_by_label("Select poster", exact=True).check()
    expect(visitor.get_by_text("2 selected")).to_be_visible()
    visitor.get_by_text("Collect", exact=True).click()
    visitor.get_by_label("or a new one").or_(visitor.get_by_label("New collection")).fill(f"Dailies {HOSTILE}")
    check_page(visitor, "selection", shots)
    visitor.get_by_role("button", name="Add to the collection").click()
    expect(visitor.get_by_text("Added to the collection.")).to_be_visible()
    visitor.get_by_role("link", name="Collections").click()
    check_page(visitor, "collections", shots)
    visitor.get_by_role("link", name="Dailies").click()
    expect(visitor.get_by_role("link", name="beach")).to_be_visible()
    check_page(visitor, "collection", shots)


def split_and_undo(visitor: Page, shots: Path) -> None:
    """The captions of a clip leave it, and come back."""
    visitor.get_by_role("link", name="Assets").click()
    visitor.get_by_role("link", name="fix_it_in_post").click()
    visitor.get_by_role("link", name="Files", exact=True).click()
    check_page(visitor, "files", shots)
    visitor.get_by_label("All files of").first.check()
    visitor.get_by_label("Title of the new asset").fill("split off")
    visitor.get_by_role("button", name="Split off").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("split off")
    visitor.get_by_role("button", name="Undo grouping").click()
    expect(visitor.get_by_text("Undone. The files")).to_be_visible()
