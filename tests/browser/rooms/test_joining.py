"""The way into a room, and what a closed door says."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.rooms.conftest import PERMISSIONS
from tests.browser.rooms.fake_server import FakeRoom
from tests.browser.rooms.steps import go_in, knock, wait


def test_nothing_is_opened_before_the_notice_was_accepted(page: Page, room: FakeRoom) -> None:
    """The button stays shut until there are a name and a consent; then the devices are asked for."""
    page.add_init_script(
        "globalThis.opened = 0; const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = (wanted) => { opened += 1; return real(wanted); };"
    )
    page.goto(room.link("guest-secret"))
    expect(page.get_by_text("recorded on this device")).to_be_visible()
    go = page.get_by_role("button", name="Continue")
    expect(go).to_be_disabled()
    page.get_by_label("Your name").fill("Ann")
    expect(go).to_be_disabled()
    assert page.evaluate("opened") == 0
    page.get_by_label("I have read this").check()
    go.click()
    expect(page.get_by_role("heading", name="Check your camera and microphone")).to_be_visible()
    expect(page.get_by_role("button", name="Go in")).to_be_enabled()
    assert page.evaluate("opened") == 2


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("", "This invite link is not valid"),
        ("expired", "This invite link has expired"),
        ("revoked", "This invite link was taken back"),
        ("used", "This invite link was for one person"),
    ],
)
def test_a_link_that_is_no_good_gets_a_sentence(page: Page, room: FakeRoom, code: str, sentence: str) -> None:
    """And what to do about it; no device is opened."""
    room.invites |= {"bad": code} if code else {}
    knock(page, room.link("bad"))
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_contain_text("host")


def test_a_link_without_its_end_is_said(page: Page, room: FakeRoom) -> None:
    """Chat programs cut links."""
    page.goto(f"{room.url}/room/rm1")
    expect(page.get_by_role("alert")).to_contain_text("The link is not complete")


def test_a_guest_waits_until_the_host_lets_them_in(browser: Browser, page: Page, room: FakeRoom) -> None:
    """Two people: the host sees who waits, lets them in, mutes them and removes them."""
    room.admits_at_once = False
    go_in(page, room.link(), "Host Hanna")
    other = browser.new_context(permissions=PERMISSIONS, viewport=ViewportSize(width=390, height=844))
    guest = other.new_page()
    go_in(guest, room.link("guest-secret"), "Guest Gil")
    expect(guest.get_by_text("The host knows that you are here")).to_be_visible()
    page.get_by_role("button", name="Let in").click()
    expect(guest.get_by_role("group", name="Controls")).to_be_visible()
    page.get_by_role("button", name="Mute", exact=True).nth(0).click()
    unmute = guest.get_by_role("button", name="Unmute")
    wait(guest, lambda: room.do(room.peers()) or unmute.is_visible())  # what is said at first may be an echo
    page.get_by_role("complementary").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(guest.get_by_role("heading", name="The host has removed you")).to_be_visible()
    other.close()


def test_a_second_tab_does_not_record(page: Page, room: FakeRoom) -> None:
    """One tab of a room at a time."""
    go_in(page, room.link())
    expect(page.get_by_role("group", name="Controls")).to_be_visible()
    second = page.context.new_page()
    go_in(second, room.link())
    expect(second.get_by_role("heading", name="This room is open in another tab")).to_be_visible()


def test_leaving_is_said_to_the_room(page: Page, room: FakeRoom) -> None:
    """At once, not when a connection times out."""
    go_in(page, room.link())
    page.get_by_role("button", name="Leave").click()
    wait(page, lambda: room.of("bye"))
