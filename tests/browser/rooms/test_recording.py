"""A guest's browser records, keeps and hands over, whatever happens to it (rooms.md 4.4, 5)."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import av
from playwright.sync_api import BrowserContext, Page, Playwright, Route, expect

from tests.browser.conftest import ARGUMENTS
from tests.browser.rooms.conftest import DEVICES, PERMISSIONS, WITNESS
from tests.browser.rooms.fake_server import FakeRoom
from tests.browser.rooms.steps import GIVEN, go_in, go_on, record, wait
from tests.needs import require

KINDS = {"mic": "audio", "cam": "video"}


def digests(room: FakeRoom) -> list[str]:
    """Of what the server has of each segment."""
    return sorted(hashlib.sha256(each.bytes).hexdigest() for each in room.segments.values())


def test_what_was_recorded_is_what_arrives(page: Page, room: FakeRoom) -> None:
    """A take of some seconds: camera and microphone as tracks of their own, byte for byte, each part once; it is safe
    to close the page when the server has checked them, and then nothing is kept here."""
    go_in(page, room.link())
    record(page, room)
    page.get_by_role("button", name="Stop recording").click()
    expect(page.get_by_role("status", name="Recording")).to_be_hidden()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    assert {(each.facts["track"], each.state) for each in room.segments.values()} == {
        ("cam", "verified"),
        ("mic", "verified"),
    }
    assert sorted(page.evaluate("hashes()")) == digests(room)
    assert set(room.puts.values()) == {1}
    for each in room.segments.values():
        assert each.final["reason"] == "stopped"
        assert each.final["t_stop_ms"] > each.facts["t_ms"] + 2000
    assert [said["state"] for said in room.of("rec.state")].count("started") == 2
    assert page.evaluate(FILES) == []


FILES = """async () => {
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("rooms");
  return Array.fromAsync(folder.keys());
}"""


def test_a_screen_is_a_track_of_its_own_and_another_microphone_a_part(page: Page, room: FakeRoom) -> None:
    """It begins when it is shared and ends when it is not, while the others go on; lossless sound is asked for. Each
    file has the microphone in it: with another one, all begin anew."""
    page.add_init_script(A_SCREEN)
    go_in(page, room.link(), wav=True)
    record(page, room, parts=1)
    page.get_by_role("button", name="Share screen").click()
    wait(page, lambda: any(each.facts["track"] == "screen" and each.parts for each in room.segments.values()))
    page.get_by_role("button", name="Unshare screen").click()
    wait(page, lambda: any(each.facts["track"] == "screen" and each.final for each in room.segments.values()))
    by_track = {each.facts["track"]: each for each in room.segments.values()}
    assert by_track.keys() == {"mic", "cam", "screen"}
    assert by_track["mic"].facts["mime"] == "audio/webm;codecs=pcm"
    assert not by_track["cam"].final
    assert not by_track["mic"].final
    page.get_by_role("button", name="Devices").click()
    page.get_by_label("I wear headphones").check()
    page.get_by_role("button", name="Use these").click()
    wait(page, lambda: len(room.segments) == 5)
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    assert sorted(each.final["reason"] for each in room.segments.values()) == ["device"] * 3 + ["left"] * 2
    assert sorted(page.evaluate("hashes()")) == digests(room)


A_SCREEN = """navigator.mediaDevices.getDisplayMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  const paint = canvas.getContext("2d");
  const turn = () => { paint.fillStyle = `hsl(${performance.now() / 20} 60% 50%)`; paint.fillRect(0, 0, 640, 360); };
  setInterval(turn, 100);
  return canvas.captureStream(10);
};"""


def test_a_page_that_is_loaded_again_goes_on_uploading(page: Page, room: FakeRoom) -> None:
    """In the middle of a take, while nothing gets through: what is on the disk arrives without joining again."""
    go_in(page, room.link())
    record(page, room, parts=1)
    room.away = True
    sent = dict(room.puts)
    go_on(page, slices=5)
    given = page.evaluate(GIVEN)
    page.on("dialog", lambda dialog: dialog.accept())  # it asks whether to leave while something is unsent
    page.reload()
    expect(page.get_by_role("heading", name="Your recording is safe")).to_be_visible()
    room.away = False
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    assert {each.final["reason"] for each in room.segments.values()} == {"page_lost"}
    assert all(len(each.bytes) >= given[KINDS[each.facts["track"]]][1] for each in room.segments.values())
    assert set(room.puts.values()) == {1}
    assert sent.keys() <= room.puts.keys()


def test_a_browser_that_is_killed_loses_a_timeslice_at_most(driver: Playwright, room: FakeRoom, tmp_path: Path) -> None:
    """SIGKILL in the middle of a take; the link, opened again with the same profile, brings the rest."""
    profile = tmp_path / "profile"
    page = person(driver, profile)
    page.add_init_script(WITNESS)
    go_in(page, room.link())
    record(page, room, parts=1)
    room.away = True  # from now on nothing arrives
    go_on(page, slices=5)
    given = page.evaluate(GIVEN)
    pid = browser_pid(profile)
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][1] != "Z":
        os.sched_yield()
    for lock in profile.glob("Singleton*"):
        lock.unlink()
    room.away = False
    page = person(driver, profile)
    page.goto(room.link())
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    page.context.close()
    for each in room.segments.values():
        slices, size = given[KINDS[each.facts["track"]]]
        assert len(each.bytes) >= size
        assert length_s(each.bytes, tmp_path / "film") < 2 * (slices + 2)  # a slice is a second, unless it stood still


def person(driver: Playwright, profile: Path) -> Page:
    """Somebody's own browser, whose storage outlives it."""
    program, arguments = require("chromium"), [*ARGUMENTS, *DEVICES]
    context = driver.chromium.launch_persistent_context(
        str(profile), executable_path=program, args=arguments, permissions=PERMISSIONS
    )
    return context.pages[0]


def browser_pid(profile: Path) -> int:
    """Of the browser's first process: the lock names it."""
    return int((profile / "SingletonLock").readlink().name.rsplit("-", 1)[1])


def length_s(media: bytes, path: Path) -> float:
    """By its last packet: such a file has no length of its own."""
    path.write_bytes(media)
    with av.open(str(path)) as container:
        times = [packet.pts * packet.time_base for packet in container.demux() if packet.pts is not None]
    return float(max(times) - min(times))


def test_a_lost_network_and_a_server_that_is_away_cost_nothing(
    page: Page, context: BrowserContext, room: FakeRoom, soak: bool
) -> None:
    """The page says that it goes on recording, and comes back by itself; no part is sent twice. Twenty seconds of it in
    the soak."""
    go_in(page, room.link())
    record(page, room, parts=1)
    band = page.locator(".line-band").first
    context.set_offline(True)
    expect(band).to_contain_text("You are offline. Your recording continues on this device")
    go_on(page, slices=22 if soak else 4)
    context.set_offline(False)
    expect(band).to_be_hidden()
    room.away = True
    room.do(room.hang_up())
    expect(band).to_contain_text("reconnecting. Your recording continues on this device")
    sent = sum(room.puts.values())
    go_on(page, slices=45 if soak else 7)
    assert sum(room.puts.values()) == sent
    room.away = False
    expect(band).to_be_hidden()
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    assert sorted(page.evaluate("hashes()")) == digests(room)
    assert set(room.puts.values()) == {1}
    assert page.evaluate("witnessed.length") == 2  # the recorders never noticed


def test_a_device_without_space_records_nothing_and_says_so(page: Page, room: FakeRoom) -> None:
    """Less than three minutes of it: the host hears of it too."""
    page.add_init_script("navigator.storage.estimate = async () => ({ quota: 2e6, usage: 0 })")
    go_in(page, room.link())
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("status", name="Recording")).to_contain_text("There is no space for it on this device")
    wait(page, lambda: "failed" in [said["state"] for said in room.of("rec.state")])
    assert not room.segments
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Nothing was recorded here")).to_be_visible()


def changed(page: Page, script: str, old: str, new: str) -> None:
    """One of the page's modules with other words in it."""

    def answer(route: Route) -> None:
        text = route.fetch().text()
        assert old in text
        route.fulfill(body=text.replace(old, new, 1), content_type="text/javascript")

    page.route(f"**/room/{script}", answer)


def test_a_disk_that_fills_up_sends_straight_from_memory(page: Page, room: FakeRoom) -> None:
    """Nothing is lost while the page is open, and it is said at once."""
    full = "if (performance.now() > 1500) throw new DOMException('', 'QuotaExceededError');"
    changed(page, "chunk-files.js", "async append(seg, bytes) {", f"async append(seg, bytes) {{ {full}")
    go_in(page, room.link())
    record(page, room, parts=1)
    expect(page.get_by_text("This device's storage is full").first).to_be_visible()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    assert sorted(page.evaluate("hashes()")) == digests(room)


def test_a_browser_without_private_files_keeps_them_in_its_database(page: Page, room: FakeRoom) -> None:
    """The same bytes arrive."""
    changed(page, "chunk-files.js", "await navigator.storage.getDirectory()", "await Promise.reject()")
    go_in(page, room.link())
    record(page, room, parts=1)
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Safe to close")).to_be_visible()
    assert sorted(page.evaluate("hashes()")) == digests(room)
