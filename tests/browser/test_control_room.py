"""The control room in a real Chromium, over a real server: signing in, clips as they come, review by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.ids import StreamId
from tests.browser.control_room import PAGES, ControlRoom, clip, control_room, session_of, sign_in
from tests.unit.api.recorded import record
from tests.unit.clips.footage import MEDIA
from tests.unit.clips.footage import encode as encode_clip
from tests.unit.ringbuffer.kit import encode, load

SHOTS = Path(__file__).with_name("shots")  # left for people to look at; git ignores it
MISSED = {"id": "m7", "t_s": 99, "state": "rejected", "p": 0.5, "bar": 0.7, "reason": "below_bar"}
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
TOO_WIDE = "main => [document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth]"
REFUSED = ("401 (Unauth", "404 (Not Found)", "422 (Unproc", "503 (Service")  # before signing in; where a test says so
BROKEN = {"error": {"code": "chunk_damaged", "message": "Send it again.", "details": [], "trace_id": ""}}
PLAYING = (
    "v => v.currentTime > 0.2 || new Promise((done) => v.addEventListener('timeupdate', () =>"
    " v.currentTime > 0.2 && done()))"
)
# All that notes have said: some stay for two seconds only
NOTED = """() => {
  globalThis.noted = "";
  const look = () => { noted += document.querySelector(".notes")?.textContent ?? ""; };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ControlRoom]:
    """A server of its own for each test."""
    with control_room(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some seconds."""
    return encode_clip(tmp_path_factory.mktemp("film") / "film.mp4", MEDIA["h264"][1])


@pytest.fixture
def footage(room: ControlRoom, film: Path, tmp_path_factory: pytest.TempPathFactory) -> StreamId:
    """A stream with a journal, a ring, and a clip that plays."""
    stream = room.stream("studio")
    record(room.folder, session_of(stream), load(encode(tmp_path_factory.getbasetemp(), "h264_aac")))
    folder = room.clip_folder(stream, "c90000")
    folder.mkdir(parents=True)
    (folder / "master.mp4").hardlink_to(film)
    room.tell(stream, "clip", clip(90000, files={"master": folder / "master.mp4"}, title="Plays", start_s=55, end_s=63))
    room.tell(stream, "moment", {**MISSED, "start_s": 4.0, "end_s": 9.0, "anchor_s": 6.0})
    room.beat(stream)
    return stream


@pytest.fixture
def page(browser: Browser, room: ControlRoom) -> Iterator[Page]:
    """Signed in as nobody; closed before its server ends. An error in a script, a load that fails or a breach of the
    policy fails the test."""
    context = browser.new_context(reduced_motion="reduce")
    fresh = context.new_page()
    said: list[str] = []
    fresh.on("pageerror", lambda error: said.append(str(error)))
    fresh.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield fresh
    context.close()
    assert [text for text in said if not any(each in text for each in REFUSED)] == []


def test_signing_in_with_a_token_lasts_until_signing_out(page: Page, room: ControlRoom) -> None:
    """A wrong one is told; a page that is loaded again is still signed in; signing out ends it."""
    page.goto(room.url)
    field = page.locator("input[name=token]")
    field.fill("cd_wrong_token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That is not right")
    field.fill(room.token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Streams")).to_be_visible()
    expect(page.locator(".link-state")).to_have_text("Live")
    page.reload()
    expect(page.get_by_role("heading", name="Streams")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("input[name=token]")).to_be_visible()


def test_signing_in_by_name_and_password(page: Page, room: ControlRoom) -> None:
    """A member that an admin has added; the page shows only what the role may."""
    body = {"name": "ann", "role": "viewer", "password": "correct horse battery"}
    assert room.run(room.api.ask("POST", "members", body)).status == 201
    page.goto(room.url)
    page.get_by_role("button", name="Use a name and password").click()
    page.locator("input[name=name]").fill("ann")
    page.locator("input[name=password]").fill("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Streams")).to_be_visible()
    assert page.get_by_role("button", name="Add stream").count() == 0


def test_a_clip_stands_in_the_grid_as_soon_as_it_is_told_of(page: Page, room: ControlRoom) -> None:
    """Without a reload, said to screen readers too; what a worker wrote into it is text."""
    stream = room.stream("live")
    sign_in(page, room, "clips")
    expect(page.locator(".link-state")).to_have_text("Live")
    expect(page.get_by_text("No clips yet")).to_be_visible()  # what is there by then is not news
    room.tell(stream, "clip", clip(1, title=HOSTILE))
    card = page.locator("[data-id=c00001]")
    expect(card).to_be_visible()
    expect(card.locator("h2")).to_have_text(HOSTILE)
    expect(page.locator("#said")).to_contain_text("New clip")
    assert page.title() == "Clips · clipd"
    room.tell(stream, "clip", clip(1, revision=2, title="Better"))
    expect(card).to_contain_text("Better")
    expect(card).to_contain_text("revised · r2")
    room.tell(stream, "clip", clip(1, revision=2, state="withdrawn", title="Better"))
    expect(card).to_contain_text("withdrawn")


def test_a_clip_that_comes_while_one_reads_further_down_waits(page: Page, room: ControlRoom) -> None:
    """Nothing moves under the reader; a button brings it in."""
    stream = room.stream("crowd")
    room.tell(stream, "clip", *(clip(2000 + number) for number in range(120)))
    sign_in(page, room, "clips")
    page.wait_for_selector(".clip-card")
    page.locator("#main").evaluate("main => { main.scrollTop = 600; }")
    expect(page.locator(".link-state")).to_have_text("Live")
    room.tell(stream, "clip", clip(2500))
    page.get_by_role("button", name="1 new clip").click()
    expect(page.locator("[data-id=c02500]")).to_be_visible()


def test_clips_are_judged_by_keyboard(page: Page, room: ControlRoom) -> None:
    """j chooses, y approves, n rejects; the server keeps it, with who it was."""
    stream = room.stream("judged")
    room.tell(stream, "clip", clip(3001), clip(3002))
    sign_in(page, room, "clips")
    page.wait_for_selector("[data-id=c03002]")
    page.evaluate(NOTED)
    page.keyboard.press("j")
    expect(page.locator("[data-id=c03002]")).to_have_attribute("aria-current", "true")
    page.keyboard.press("y")
    expect(page.locator("[data-id=c03002]")).to_contain_text("approved")
    page.keyboard.press("j")
    page.keyboard.press("n")
    expect(page.locator("[data-id=c03001]")).to_contain_text("rejected")
    page.wait_for_function("() => noted.includes('Rejected')")
    kept = {id: room.run(room.api.ask("GET", f"clips/{id}")).body["review"] for id in ("c03001", "c03002")}
    assert kept == {"c03001": "rejected", "c03002": "approved"}
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Approve the chosen clip")


def test_a_clip_plays_and_is_trimmed(page: Page, room: ControlRoom, footage: StreamId) -> None:
    """Space plays; the handles of the strip move by keyboard; the order goes to the session's worker."""
    sign_in(page, room, "clips/c90000")
    handle = page.get_by_role("slider", name="Start of the clip")
    expect(handle).to_be_visible()
    expect(page.locator(".played")).to_contain_text("kill: me > <b>")
    page.keyboard.press(" ")
    page.locator("video").evaluate(PLAYING)
    page.keyboard.press(" ")
    handle.focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")
    expect(page.locator(".trim-row").first).to_contain_text("0:57.0 to 1:03.0, 6 s")
    page.get_by_role("button", name="Apply trim").click()
    expect(page.locator(".notes")).to_contain_text("Being cut again")
    [job] = room.run(room.api.ask("GET", "jobs")).body["items"]
    assert (job["kind"], job["clip"], job["start_s"], job["end_s"]) == ("trim", "c90000", 57.0, 63.0)


def test_words_are_selected_to_trim(page: Page, room: ControlRoom, footage: StreamId) -> None:
    """From the first word of the selection to the last, with a breath around."""
    sign_in(page, room, "clips/c90000")
    page.locator(".transcript span", has_text="word58.").evaluate(
        "first => getSelection().setBaseAndExtent(first, 0, first.nextElementSibling.nextElementSibling, 1)"
    )
    page.get_by_role("button", name="Trim to these words").click()
    expect(page.locator(".trim-row").first).to_contain_text("0:57.9 to 1:00.8")


def test_a_stream_can_be_gone_back_in(page: Page, room: ControlRoom, footage: StreamId) -> None:
    """Footage by hls.js from signed segments, signals by uPlot, near-misses with what is left of their footage."""
    sign_in(page, room, f"streams/{footage}")
    room.beat(footage, 2)  # what is heard is forgotten after 10 s
    expect(page.locator(".watch")).to_contain_text("never going to work")
    page.locator("video").evaluate(PLAYING)
    expect(page.locator(".strip canvas")).to_be_visible()
    expect(page.locator(".watch .list").first).to_contain_text("below bar")
    expect(page.locator(".played")).to_contain_text("0:58 kill: me > <b>")


def test_what_a_stream_does_is_seen_as_it_happens(page: Page, room: ControlRoom) -> None:
    """Its state, words, events, and what was nearly cut; a button cuts the last seconds."""
    stream = room.stream("talk")
    room.beat(stream)
    sign_in(page, room)
    card = page.locator(f"[data-id={stream}]")
    expect(card).to_contain_text("Live")
    room.beat(stream, 2)  # what is heard is forgotten after 10 s
    expect(card).to_contain_text("never going to work")
    room.tell(stream, "event", {"t_s": 99, "kind": "laughter", "peak_s": 99.0, "why": "loud"})
    expect(card).to_contain_text("laughter 1:39")
    room.tell(stream, "moment", {**MISSED, "start_s": 85.0, "end_s": 95.0, "anchor_s": 90.0})
    expect(card.get_by_role("button", name="Cut anyway")).to_be_visible()
    card.locator("h2 a").focus()
    page.keyboard.press("c")
    expect(page.locator(".notes")).to_contain_text("Cutting the last 30 s")
    card.get_by_role("button", name="Pause").click()
    expect(card).to_contain_text("Paused")


def test_the_page_says_that_the_server_is_away_and_goes_on_where_it_was(page: Page, room: ControlRoom) -> None:
    """What was told meanwhile comes then: by the id of the last event."""
    stream = room.stream("resumed")
    sign_in(page, room, "clips")
    expect(page.locator(".link-state")).to_have_text("Live")
    room.tell(stream, "clip", clip(5001))
    expect(page.locator("[data-id=c05001]")).to_be_visible()
    page.route("**/api/v1/events", lambda route: route.fulfill(status=503))
    room.loop.call_soon_threadsafe(room.api.services.draining.set)
    expect(page.locator(".link-state")).to_contain_text("trying again")
    room.loop.call_soon_threadsafe(room.api.services.draining.clear)
    room.tell(stream, "clip", clip(5002))
    page.unroute("**/api/v1/events")
    expect(page.locator("[data-id=c05002]")).to_be_visible()


def test_a_file_is_uploaded_in_chunks_and_goes_on_where_it_broke_off(page: Page, room: ControlRoom, film: Path) -> None:
    """The second chunk fails, the same file is chosen again: the first is not sent twice, and a job is made of it."""
    recording = room.folder / "talk.mp4"
    recording.write_bytes(film.read_bytes().ljust(9 << 20, b"\0"))
    sign_in(page, room, "jobs")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url[-6:]) if request.method == "PUT" else None)
    page.route("**/chunks/1.part", lambda route: route.fulfill(status=422, json=BROKEN), times=1)
    page.get_by_role("button", name="Clip a recording").first.click()
    page.locator("input[type=file]").set_input_files(recording)
    expect(page.get_by_role("alert").filter(has_text="Send it again")).to_be_visible()
    page.locator("input[type=file]").set_input_files(recording)
    expect(page.locator(".notes")).to_contain_text("The job has begun")
    assert sent == ["0.part", "1.part", "1.part"]
    [job] = room.run(room.api.ask("GET", "jobs")).body["items"]
    assert (job["kind"], job["state"]) == ("recording", "created")


def test_every_page_fits_in_both_themes(page: Page, room: ControlRoom, footage: StreamId) -> None:
    """On a phone and on a large screen: no sideways scrolling; and nothing that the page's policy refuses."""
    SHOTS.mkdir(exist_ok=True)
    sign_in(page, room)
    for where in (*PAGES, f"streams/{footage}", "clips/c90000"):
        page.evaluate("where => { location.hash = `#/${where}`; }", where)
        page.wait_for_selector(".page-head h1, .title-edit")
        page.wait_for_selector("[aria-busy]", state="detached")
        for width, theme in ((1920, "dark"), (1920, "light"), (390, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            (SHOTS / f"{where.replace('/', '-')}-{width}-{theme}.png").write_bytes(page.screenshot())
            assert max(page.locator("#main").evaluate(TOO_WIDE)) <= 0, (where, width)


def test_five_thousand_clips_are_scrolled_with_few_elements(page: Page, room: ControlRoom) -> None:
    """What is not seen is not in the document."""
    stream = room.stream("archive")
    room.keep(stream, [clip(10_000 + number) for number in range(5000)])
    sign_in(page, room, "clips")
    page.get_by_label("Stream", exact=True).select_option(label="archive")
    page.wait_for_selector("[data-id=c14999]")
    most, shown = 0, 0
    while shown < 5000:
        page.locator("#main").evaluate("main => { main.scrollTop = main.scrollHeight; }")
        page.wait_for_function(
            f"() => parseInt(document.querySelector('.page-head p').textContent.replace(/\\D/g, '')) > {shown}"
        )
        shown = int("".join(filter(str.isdigit, page.locator(".page-head p").inner_text())))
        most = max(most, page.locator("*").count())
    page.locator("#main").evaluate("main => { main.scrollTop = main.scrollHeight; }")
    expect(page.locator("[data-id=c10000]")).to_be_visible()
    assert most < 1500
