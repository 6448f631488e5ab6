"""The pages in a browser, on the real processes: what people click, type and see."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.servers import ROOT
from tests.waiting import wait_until
from tests.web.browser.conftest import DESKTOP, PHONE, Site, check_page
from tests.web.browser.console_flow import (
    HOSTILE,
    add_a_user,
    confirm_deletions_and_remove,
    drop_and_collect,
    preview_and_pause,
    retry_and_discard,
    sign_in,
    split_and_undo,
    vote_in_the_inbox,
)

UNKNOWN = "00000000-0000-0000-0000-000000000001"
LAYOUT_SHIFT = """() => new Promise((done) => {
    let sum = 0;
    const add = (list) => { for (const entry of list.getEntries()) sum += entry.value; };
    new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 500);
})"""
"""How far parts of the page moved since it was loaded (CLS)."""
RIGHTS = {
    "allow_approving_comments": False,
    "allow_comments": True,
    "allow_download": True,
    "allow_setting_approve_status": True,
    "allow_view_transcriptions": True,
}


@pytest.fixture(scope="module")
def shots() -> Path:
    """Where the tests leave screenshots; some of them are copied into the documentation."""
    folder = ROOT / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def plain_context(browser: Browser) -> Iterator[Page]:
    """A phone without scripts and without an account."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Page]:
    """A browser without an account; errors of scripts and of the policy fail the test."""
    context = chromium.new_context(viewport=DESKTOP, timezone_id="Asia/Kathmandu")
    yield watched_page(context)
    context.close()


def watched_page(context: BrowserContext) -> Page:
    page = context.new_page()
    page.set_default_timeout(15_000)

    def fail(what: Any) -> None:
        raise AssertionError(str(what))

    page.on("pageerror", fail)
    page.on("dialog", fail)
    page.on("console", lambda said: fail(said.text) if "Content Security Policy" in said.text else None)
    return page


def share(site: Site, asset: str, kind: str = "assets", **body: Any) -> str:
    made = site.request("POST", f"/assets/v1/{kind}/{asset}/shares/", json={**RIGHTS, **body})
    return str(made["users"][0]["url"])


def test_a_guest_watches_comments_and_votes(site: Site, visitor: Page, shots: Path) -> None:
    asset = site.asset("fix_it_in_post")
    site.request("POST", f"/assets/v1/assets/{asset}/approvals/request/", json={"externals": ["ann@example.org"]})
    url = share(site, asset, emails=["ann@example.org"], message="Please look at the cut at one second.\nThank you!")
    visitor.goto(url)
    expect(visitor.get_by_text("This is being made ready to watch.").or_(visitor.locator("video"))).to_be_visible()
    video = visitor.locator("video")
    expect(video).to_be_visible(timeout=60_000)
    wait_until(lambda: visitor.evaluate("document.querySelector('video').readyState >= 2"), what="the clip is loaded")
    assert video.evaluate("video => video.videoWidth") > 0
    visitor.get_by_role("button", name="1 frame ›").click()
    visitor.get_by_role("button", name="1 frame ›").click()
    expect(visitor.locator("[data-timecode]")).to_have_text(re.compile(r"\d\d:\d\d:\d\d[:;]02"))
    visitor.get_by_role("button", name="Use this moment").click()
    visitor.get_by_label("Your comment").fill(HOSTILE)
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.locator(".said")).to_have_text(HOSTILE)
    expect(visitor.locator("[data-timecode]")).to_have_text(re.compile(r"[:;]02"))
    expect(visitor.locator(".mark")).to_have_count(1)
    visitor.get_by_role("link", name="Reply to ann@example.org").click()
    expect(visitor.get_by_text("You reply to")).to_be_visible()
    visitor.get_by_label("Your comment").fill("That is in the script.")
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.locator(".answer .said")).to_have_text("That is in the script.")
    visitor.get_by_label("Reason").fill("The glass is empty.")
    visitor.get_by_role("button", name="Reject").click()
    expect(visitor.get_by_text("You rejected it.")).to_be_visible()
    votes = site.request("GET", f"/assets/v1/assets/{asset}/approvals/")
    assert "The glass is empty." in str(votes)
    check_page(visitor, "share", shots)


def test_a_sequence_is_watched_by_its_frame_numbers_and_holes_are_marked(
    site: Site, visitor: Page, shots: Path
) -> None:
    visitor.goto(share(site, site.asset("coffee_cup_v042"), emails=["bo@example.org"]))
    expect(visitor.locator("video")).to_be_visible(timeout=60_000)
    wait_until(lambda: visitor.locator("[data-frame]").inner_text() == "Frame 1001", what="the first frame")
    scrub = visitor.get_by_label("Frame", exact=True)
    scrub.fill("23")
    expect(visitor.locator("[data-frame]")).to_have_text("Frame 1024 has no file; the frame before is shown")
    scrub.press("ArrowRight")
    expect(visitor.locator("[data-frame]")).to_have_text("Frame 1025")
    visitor.get_by_label("Loop").check()
    visitor.get_by_label("Speed").select_option("2")
    assert visitor.locator("video").evaluate("video => [video.loop, video.playbackRate]") == [True, 2]
    expect(visitor.get_by_text("Frames without a file: 1024.")).to_be_visible()
    expect(visitor.locator(".hole")).to_have_count(1)
    check_page(visitor, "share-sequence", shots)


def test_a_collection_with_a_password_is_opened_looked_at_and_ended(
    site: Site, visitor: Page, chromium: Browser, shots: Path
) -> None:
    collection = site.request("POST", "/assets/v1/collections/", json={"title": f"Reels {HOSTILE}"})["id"]
    site.request("POST", "/assets/v1/collections/", json={"title": "Older ones", "parent_id": collection})
    for title in ("fix_it_in_post", "coffee_cup_v042", "poster", "room_tone", "client_notes_final_v7"):
        body = {"object_id": site.asset(title), "object_type": "assets"}
        site.request("POST", f"/assets/v1/collections/{collection}/contents/", json=body)
    rights = {**RIGHTS, "password": "sesame"}
    made = site.request("POST", f"/assets/v1/collections/{collection}/shares/url/", json=rights)
    visitor.goto(made["url"])
    check_page(visitor, "share-password")
    visitor.get_by_label("Password").fill("simsalabim")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("alert")).to_have_text("The password is wrong.")
    visitor.get_by_label("Password").fill("sesame")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", level=1)).to_have_text(f"Reels {HOSTILE}")
    pictures = visitor.locator(".thumb img")
    wait_until(lambda: visitor.reload() and pictures.count() >= 4, what="posters were made")
    wait_until(lambda: pictures.evaluate_all("all => all.every(one => one.naturalWidth)"), what="they are loaded")
    check_page(visitor, "share-collection", shots)
    visitor.get_by_role("link", name="poster").click()
    expect(visitor.get_by_role("img", name="poster")).to_be_visible()
    check_page(visitor, "share-still", shots)
    visitor.get_by_role("link", name="Reels").click()
    visitor.get_by_role("link", name="Older ones").click()
    expect(visitor.get_by_text("There is nothing in it yet.")).to_be_visible()
    check_page(visitor, "share-empty")
    site.request("DELETE", f"/assets/v1/collections/{collection}/shares/{made['id']}/")
    visitor.reload()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("This link is not valid")
    check_page(visitor, "share-ended", shots)


def test_a_phone_without_scripts_looks_downloads_comments_and_votes(site: Site, chromium: Browser) -> None:
    asset = site.asset("client_notes_final_v7")
    site.request("POST", f"/assets/v1/assets/{asset}/approvals/request/", json={"externals": ["cy@example.org"]})
    with plain_context(chromium) as page:
        page.goto(share(site, asset, emails=["cy@example.org"]))
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == "client_notes_final_v7.txt"
        page.get_by_label("Your comment").fill("Which version?")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("Which version?")).to_be_visible()
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("You approved it.")).to_be_visible()


def search_and_filter(visitor: Page) -> None:
    """In the list of assets."""
    visitor.get_by_label("Search").press_sequentially("coffee")
    expect(visitor.locator("#total")).to_have_text("1 asset")
    assert "q=coffee" in visitor.url
    visitor.get_by_label("Search").fill("nothing like it")
    expect(visitor.get_by_text("Nothing is found.")).to_be_visible()
    visitor.get_by_role("link", name="Show all assets").click()
    visitor.get_by_role("link", name="image 1", exact=True).click()
    expect(visitor.locator("#total")).to_have_text("1 asset")
    visitor.get_by_role("link", name="Remove all filters").click()


def review_an_asset(visitor: Page) -> None:
    """From the list: watch, comment, ask for approval and vote."""
    visitor.get_by_role("link", name="fix_it_in_post").click()
    expect(visitor.locator("video")).to_be_visible(timeout=60_000)
    visitor.get_by_label("Your comment").fill(f"Note {HOSTILE}")
    visitor.locator("#at").fill("0:01")
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.get_by_text(f"Note {HOSTILE}")).to_be_visible()
    visitor.get_by_text("Ask for approval").or_(visitor.get_by_text("Ask again")).click()
    visitor.get_by_role("button", name="Ask", exact=True).click()
    visitor.get_by_label("Reason").fill("Cut it at one second.")
    visitor.get_by_role("button", name="Approve").click()
    expect(visitor.locator("#approval .badge.good").first).to_have_text("approved")


def edit_metadata(visitor: Page) -> None:
    """In the page of the asset, which stays where it is: the clip keeps its moment."""
    visitor.locator("[data-scrub]").fill("30")
    card = visitor.locator("#metadata")
    card.get_by_text("Edit", exact=True).click()
    card.get_by_label("Scene").fill(HOSTILE)
    card.get_by_label("Take").fill("two")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_role("alert")).to_be_visible()
    expect(card.get_by_label("Take")).to_be_focused()
    check_page(visitor, "metadata")
    card.get_by_label("Take").fill("2")
    card.get_by_role("button", name="Save").click()
    expect(card.locator("dd")).to_have_text([HOSTILE, "2"])
    expect(visitor.locator("[data-timecode]")).to_have_text(re.compile(r":01[:;]06"))


def share_and_end(visitor: Page, chromium: Browser) -> None:
    """Share the asset of the page, open it outside, and end the share."""
    visitor.get_by_text("Share it").click()
    visitor.get_by_label("may download").check()
    visitor.get_by_role("button", name="Share", exact=True).click()
    link = visitor.get_by_label("Link", exact=True).first.input_value()
    check_page(visitor, "share-link")
    with plain_context(chromium) as outside:
        outside.goto(link)
        expect(outside.get_by_role("heading", name="fix_it_in_post")).to_be_visible()
        visitor.get_by_role("button", name="End the share with everyone").first.click()
        expect(visitor.get_by_label("Link", exact=True)).to_have_count(0)
        outside.reload()
        expect(outside.get_by_role("heading", level=1)).to_have_text("This link is not valid")


def test_a_user_signs_in_finds_reviews_shares_and_ends_it(
    site: Site, visitor: Page, chromium: Browser, shots: Path
) -> None:
    for name, kind in (("scene", "string"), ("take", "integer")):
        field = {"name": name, "label": name.capitalize(), "field_type": kind}
        site.request("POST", "/metadata/v1/fields/", json=field)
    view = {"name": "Slate", "view_fields": [{"name": "scene"}, {"name": "take"}]}
    site.request("POST", "/metadata/v1/views/", json=view)
    sign_in(site, visitor, "/assets?view=table", shots)
    expect(visitor.get_by_role("rowheader", name="coffee_cup_v042")).to_be_visible()
    check_page(visitor, "assets-table", shots)
    visitor.get_by_role("link", name="Grid").click()
    wait_until(lambda: visitor.locator(".thumb img").count() >= 4, what="posters are listed")
    check_page(visitor, "assets", shots)
    visitor.reload()
    assert visitor.evaluate(LAYOUT_SHIFT) < 0.01
    search_and_filter(visitor)
    review_an_asset(visitor)
    edit_metadata(visitor)
    check_page(visitor, "asset", shots)
    share_and_end(visitor, chromium)
    visitor.get_by_role("link", name="Work").click()
    check_page(visitor, "work", shots)
    visitor.get_by_role("link", name="Explain").click()
    visitor.get_by_label("Path").fill(str(site.media / "artwork" / "poster.png"))
    visitor.get_by_role("button", name="Explain").click()
    expect(visitor.get_by_role("link", name="Open its asset")).to_be_visible()
    check_page(visitor, "explain", shots)
    visitor.goto(f"{site.root}/assets/{UNKNOWN}")
    expect(visitor.get_by_role("heading", level=1)).to_have_text("That did not work")
    check_page(visitor, "error")
    visitor.get_by_role("link", name="Go back").click()
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_administrator_runs_the_system_from_the_console(site: Site, visitor: Page, shots: Path) -> None:
    sign_in(site, visitor, "/assets")
    drop_and_collect(site, visitor, shots)
    split_and_undo(visitor, shots)
    vote_in_the_inbox(site, visitor, shots)
    preview_and_pause(visitor, shots)
    retry_and_discard(site, visitor, shots)
    add_a_user(visitor, shots)
    # Last, for no other test has assets after it.
    confirm_deletions_and_remove(site, visitor, shots)
