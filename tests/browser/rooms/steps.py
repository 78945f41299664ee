"""What people do in a room's page, as tests say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.rooms.fake_server import FakeRoom

SMALL = '{"height": 360}'


def knock(page: Page, link: str, name: str = "Ann") -> None:
    """Through the door: a name, and consent."""
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Continue").click()


def go_in(page: Page, link: str, name: str = "Ann", **choices: bool) -> None:
    """As far as the room, or its lobby, with a small picture."""
    page.goto(link)
    page.evaluate("value => localStorage.setItem('clipd.devices', value)", SMALL)
    knock(page, link, name)
    for label, wanted in choices.items():
        page.locator(f"input[name={label}]").set_checked(wanted)
    page.get_by_role("button", name="Go in").click()


def record(page: Page, room: FakeRoom, parts: int = 2) -> None:
    """Begin a take, and wait until so many parts of each track are with the server."""
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("status", name="Recording")).to_be_visible()
    wait(page, lambda: len(room.segments) >= 2 and all(len(each.parts) >= parts for each in room.segments.values()))


# What each recorder, by `audio` or `video`, has given until a second of the page's life ago: slices and bytes
GIVEN = """async () => {
  const given = witnessed.map(({ mime, blobs }) => [
    mime.split("/")[0], [blobs.length, blobs.reduce((sum, { size }) => sum + size, 0)],
  ]);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setTimeout(done, 50));
  return Object.fromEntries(given);
}"""


def wait(page: Page, is_so: Callable[[], Any], limit_s: float = 60) -> None:
    """Until something is so on the server; the page lives on meanwhile."""
    for _ in range(int(limit_s * 20)):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come to this in time")


def go_on(page: Page, slices: int) -> None:
    """Until recorders run, and each has given so many slices of a second."""
    wait(
        page,
        lambda: (
            page.evaluate("Math.min(...witnessed.map(({ blobs }) => blobs.length), witnessed.length * 1e9)") >= slices
        ),
    )
