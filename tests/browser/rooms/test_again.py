"""A page that is loaded again in the middle of a take, beside a real server."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import Page, expect

from tests.browser.rooms.real_server import RealServer
from tests.browser.rooms.steps import GIVEN, go_in, go_on


@pytest.mark.timeout(240)
def test_a_page_that_is_loaded_again_in_mid_take_is_back_in_it(page: Page, server: RealServer) -> None:
    """Continue and Go in, no more: the name and the consent are remembered, the take still runs, and what was recorded
    before lies beside what is recorded from then on."""
    room = server.ask("rooms", {"name": "Again"})["id"]
    secret = server.ask(f"rooms/{room}/invites", {"role": "host"})["secret"]
    server.until(lambda found: found["worker"] == "running", f"rooms/{room}")
    go_in(page, f"{server.url}/room/{room}#{secret}", "Hanna")
    page.get_by_role("button", name="Record", exact=True).click()
    go_on(page, slices=4)
    given = page.evaluate(GIVEN)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Go in").click()
    expect(page.get_by_role("status", name="Recording")).to_be_visible()
    go_on(page, slices=3)
    page.get_by_role("button", name="Stop recording").click()
    expect(page.get_by_role("status", name="Recording")).to_be_hidden()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    kept = {path: path.read_bytes() for path in server.data_dir.glob(f"rooms/{room}/*/*/*/local-*")}
    after = set(page.evaluate("hashes()"))
    assert len(kept) == 4
    before = [data for data in kept.values() if hashlib.sha256(data).hexdigest() not in after]
    assert len(before) == 2
    assert sum(map(len, before)) >= sum(size for _, size in given.values())
