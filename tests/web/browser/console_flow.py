"""Steps in the console that tests in a browser share."""

from pathlib import Path

from playwright.sync_api import Page

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
