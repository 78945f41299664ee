"""Two people in a room of a real server: made in the control room, recorded in their browsers, lined up on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.browser.rooms.conftest import PERMISSIONS, WITNESS
from tests.browser.rooms.real_server import RealServer
from tests.browser.rooms.steps import go_in, go_on, wait

NARROW = ViewportSize(width=390, height=844)
PLAYING = "videos => videos.length === 2 && videos.every((each) => each.videoWidth > 0)"
TOO_WIDE = "main => [document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth]"


@pytest.fixture
def guest(browser: Browser) -> Iterator[Page]:
    """Somebody else's browser, on a phone."""
    context = browser.new_context(permissions=PERMISSIONS, viewport=NARROW)
    context.add_init_script(WITNESS)
    yield context.new_page()
    context.close()


def link(control: Page, role: str, server: RealServer) -> str:
    """Made on the room's page; as this machine reaches it."""
    control.get_by_role("button", name="New link").click()
    control.get_by_label("For whom").select_option(role)
    control.get_by_role("button", name="Make link").click()
    url = urlsplit(control.get_by_label(f"Link for a {role}").last.input_value())
    control.get_by_role("dialog").get_by_role("button", name="Close").click()
    return f"{server.url}{url.path}#{url.fragment}"


@pytest.mark.timeout(240)
def test_a_take_of_two_people_from_the_first_link_to_the_files(
    page: Page, guest: Page, context: BrowserContext, server: RealServer, shots: Callable[[Page, str], None]
) -> None:
    """Both see each other; the worker is killed in the middle, and what they record does not notice; at the end every
    byte that was recorded is a file of the take, and the control room says so."""
    control = context.new_page()
    control.goto(f"{server.url}/#/rooms")
    control.get_by_label("Token").fill(server.token)
    control.keyboard.press("Enter")
    control.get_by_role("button", name="New room").first.click()
    control.get_by_label("Name").fill("Tuesday show")
    control.get_by_role("button", name="Make room").click()
    expect(control.get_by_role("heading", name="Tuesday show")).to_be_visible()
    for_host, for_guest = link(control, "host", server), link(control, "guest", server)
    room = server.ask("rooms")["items"][0]["id"]
    server.until(lambda found: found["worker"] == "running", f"rooms/{room}")

    go_in(page, for_host, "Hanna")
    go_in(guest, for_guest, "Gil")
    page.get_by_role("button", name="Let in").click()
    for each in (page, guest):
        expect(each.get_by_text("Good connection")).to_be_visible()
        expect(each.locator(".tile video:visible")).to_have_count(2)
        wait(each, partial(each.locator(".tile video").evaluate_all, PLAYING))
    page.get_by_role("button", name="Record", exact=True).click()
    go_on(guest, slices=3)
    shots(page, "recording-wide")
    shots(guest, "recording-narrow")
    server.kill_worker()
    expect(guest.locator(".line-band").first).to_contain_text("Your recording continues on this device")
    for each in (page, guest):
        expect(each.get_by_text("Good connection")).to_be_visible()
        expect(each.get_by_role("status", name="Recording")).to_be_visible()
    page.get_by_role("button", name="Stop recording").click()
    for each in (guest, page):
        expect(each.get_by_role("status", name="Recording")).to_be_hidden()
        each.get_by_role("button", name="Leave").click()
        expect(each.get_by_role("heading", name="Safe to close")).to_be_visible()
    recorded = [each for one in (page, guest) for each in one.evaluate("hashes()")]
    assert len(recorded) == 4  # camera and microphone of each: no recorder was ended by what happened
    kept = sorted(server.data_dir.glob(f"rooms/{room}/*/*/*/local-*"))
    assert sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in kept) == sorted(recorded)

    expect(control.get_by_text("all tracks here")).to_be_visible()
    expect(control.get_by_text("local complete")).to_have_count(4)
    for width in (390, 1440):
        control.set_viewport_size({"width": width, "height": 900})
        assert control.locator("main").evaluate(TOO_WIDE) == [0, 0]
        shots(control, f"control-{width}")
