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
    visitor.get_by_role("button", name="Merge").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Merge 2 assets into one")
    check_page(visitor, "merge")
    visitor.go_back()
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


def vote_in_the_inbox(site: Site, visitor: Page, shots: Path) -> None:
    """What was asked of Ada waits for her, until she votes."""
    (ada,) = site.request("GET", f"/users/v1/users/?email={ADA['email']}")["objects"]
    path = f"/assets/v1/assets/{site.asset('poster')}/approvals/request/"
    site.request("POST", path, json={"users": [ada["id"]]})
    visitor.get_by_role("link", name="Approvals").click()
    check_page(visitor, "approvals", shots)
    visitor.get_by_label("Reason for poster").fill("The blue is right.")
    visitor.get_by_role("button", name="Approve poster").click()
    expect(visitor.get_by_text("Your vote was recorded.")).to_be_visible()


def preview_and_pause(visitor: Page, shots: Path) -> None:
    """Other patterns and another profile are tried without a change; the storage is paused and resumed."""
    visitor.get_by_role("link", name="Storages").click()
    check_page(visitor, "storages", shots)
    visitor.get_by_role("link", name="media", exact=True).click()
    visitor.get_by_label("Patterns").fill("*.png")
    visitor.locator("#patterns").get_by_role("button", name="Show what changes").click()
    expect(visitor.get_by_text("2 files of 2 assets would be ignored")).to_be_visible()
    visitor.get_by_label("Rules that differ").fill('{"min_frames": 500}')
    visitor.locator("#profile").get_by_role("button", name="Show what changes").click()
    expect(visitor.locator("#profile .notice")).to_contain_text("coffee_cup")
    check_page(visitor, "storage", shots)
    visitor.get_by_role("button", name="Pause").click()
    visitor.get_by_role("button", name="Resume").click()
    expect(visitor.get_by_text("It is watched again")).to_be_visible()


def retry_and_discard(site: Site, visitor: Page, shots: Path) -> None:
    """A clip that cannot be read is tried again, and given up with a reason that the audit log keeps."""
    write_atomically(site.media / "dropped" / "broken.mov", b"no clip" * 100)
    visitor.get_by_role("link", name="Work").click()
    row = visitor.get_by_role("row").filter(has_text="broken.mov")
    retry = row.get_by_role("button", name="Retry")
    expect(retry).to_be_visible(timeout=60_000)
    retry.click()
    expect(retry).to_be_visible(timeout=60_000)
    check_page(visitor, "work", shots)
    row.get_by_text("Discard").first.click()
    row.get_by_label("Why is it discarded?").fill("It was a text.")
    row.get_by_role("button", name="Discard").click()
    expect(row).to_have_count(0, timeout=30_000)
    visitor.get_by_role("link", name="Audit").click()
    expect(visitor.get_by_text("It was a text.")).to_be_visible()
    check_page(visitor, "audit", shots)


def confirm_deletions_and_remove(site: Site, visitor: Page, shots: Path) -> None:
    """Deletions wait for a person where another disk is in the place of the watched one; then it is removed."""
    visitor.get_by_role("link", name="Storages").click()
    visitor.get_by_role("link", name="media", exact=True).click()
    site.media.rename(site.media.with_name("unplugged"))
    write_atomically(site.media / "other.txt", b"of another disk")
    visitor.get_by_role("button", name="Scan now").click()
    confirm = visitor.get_by_role("button", name="Yes, follow the disk as it is now")
    expect(confirm).to_be_visible(timeout=30_000)
    check_page(visitor, "storage-held", shots)
    confirm.click()
    expect(visitor.get_by_text("Confirmed.")).to_be_visible()
    visitor.get_by_text("Remove", exact=True).click()
    visitor.get_by_role("button", name="Remove the storage").click()
    expect(visitor.get_by_text("The storage was removed.")).to_be_visible()


def add_a_user(visitor: Page, shots: Path) -> None:
    """A user with a password that is shown once, in a group; and the own tokens."""
    visitor.get_by_role("link", name="Users").click()
    visitor.get_by_label("Name of the new group").fill("Editors")
    visitor.get_by_role("button", name="Make it").click()
    visitor.get_by_role("link", name="← Users and groups").click()
    visitor.get_by_label("E-mail", exact=True).fill("bo@example.org")
    visitor.get_by_role("button", name="Add").click()
    check_page(visitor, "secret")
    visitor.get_by_role("link", name="I have it").click()
    check_page(visitor, "user")
    visitor.get_by_role("link", name="Users", exact=True).click()
    check_page(visitor, "users", shots)
    visitor.get_by_role("link", name="Editors").click()
    visitor.get_by_label("E-mail of a user").fill("bo@example.org")
    visitor.get_by_role("button", name="Add").click()
    expect(visitor.get_by_role("link", name="bo@example.org")).to_be_visible()
    check_page(visitor, "group")
    visitor.get_by_role("link", name="Ada").click()
    check_page(visitor, "tokens", shots)
