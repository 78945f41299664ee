"""The report in a real Chromium, from disk and over HTTP, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from core.edits import RenderSpec
from daemon.clips import ClipContext, make_clip
from daemon.report import ReportData, write_report
from tests.unit.clips.conftest import decide
from tests.unit.clips.footage import MEDIA, encode, open_footage
from tests.unit.report.sample import HOSTILE, sample

PLAY = """
async (video) => {
  video.muted = true;
  await video.play();
  await new Promise((resolve) => video.addEventListener("timeupdate", () => video.currentTime > 0.2 && resolve()));
  video.pause();
  return {time: video.currentTime, error: video.error && video.error.message};
}
"""

# Not wait_for_function: it polls with eval, which the page's policy refuses
PLAYING = "v => !v.paused || new Promise((done) => v.addEventListener('play', () => done(true), {once: true}))"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ReportData]:
    """A report beside three clips of one source."""
    folder = tmp_path_factory.mktemp("report")
    footage = open_footage(encode(tmp_path_factory.getbasetemp() / "h264.ts", MEDIA["h264"][1]))
    files = []
    for name, start_s in (("first", 2), ("second clip", 4), ("third", 6)):
        clip = make_clip(footage, decide(start_s, start_s + 2), RenderSpec(), folder / name, ClipContext(source="s"))
        files.append((clip.files["master"], clip.files["thumbnail"]))
    data = sample(files)
    write_report(folder / "report.html", data)
    return folder / "report.html", data


@pytest.mark.parametrize("over", ["file", "http"])
def test_every_clip_of_the_report_plays(
    page: Page, report: tuple[Path, ReportData], serve: Callable[[Path], str], over: str
) -> None:
    """The policy lets the media through both ways, posters are there, and only one clip plays at a time."""
    path, _ = report
    page.goto(path.as_uri() if over == "file" else f"{serve(path.parent)}/{path.name}")
    videos = page.locator("video")
    assert videos.count() == 3
    for index in range(3):
        seen = videos.nth(index).evaluate(PLAY)
        assert seen["error"] is None
        assert seen["time"] > 0.2
    posters = videos.evaluate_all(
        "all => Promise.all(all.map(v => new Promise(done => { const i = new Image();"
        " i.onload = () => done(i.naturalWidth); i.onerror = () => done(0); i.src = v.poster; })))"
    )
    assert posters == [320, 320, 320]


def test_a_number_on_the_strip_plays_its_clip_and_pauses_the_others(
    page: Page, report: tuple[Path, ReportData]
) -> None:
    """By keyboard too: the marks are links."""
    page.goto(report[0].as_uri())
    page.locator("video").evaluate_all("all => all.forEach(v => { v.muted = true; v.loop = true; })")
    for number in (1, 3):
        page.locator(f'a[data-clip="{number}"]').focus()
        page.keyboard.press("Enter")
        page.locator(f"#clip-{number} video").evaluate(PLAYING)
    page.wait_for_function("[...document.querySelectorAll('video')].filter(v => !v.paused).length === 1")
    assert not page.locator("#clip-3 video").evaluate("v => v.paused")


def test_hostile_titles_are_shown_and_do_nothing(page: Page, report: tuple[Path, ReportData]) -> None:
    """The markup stands there to be read; the page's title is still ours."""
    page.goto(report[0].as_uri())
    assert "clipd report" in page.title()
    assert '<script>document.title="owned"</script>' in page.locator("#title-2").inner_text()
    assert page.locator("main img").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (320, "dark")])
def test_nothing_overflows_on_a_desk_or_a_phone(
    page: Page, report: tuple[Path, ReportData], tmp_path: Path, width: int, scheme: str
) -> None:
    """No horizontal scrolling of the page from 320 pixels on; text stays readable against its ground."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(report[0].as_uri())
    page.get_by_text("3 sentences, with their times").click()
    assert page.get_by_text("Did you see that?").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []


def test_the_page_of_a_session_without_clips_says_why(page: Page, report: tuple[Path, ReportData]) -> None:
    """Visible without scrolling past anything but the strip."""
    path = report[0].with_name("empty.html")
    write_report(path, replace(report[1], clips=(), why_no_clips=f"nothing over the bar {HOSTILE}"))
    page.goto(path.as_uri())
    assert "nothing over the bar" in page.locator(".empty").inner_text()


CONTRAST = """
() => {
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const texts = "p, dt, dd, th, td, h1, h2, h3, summary, .tag, code, button, footer, li, span, blockquote, em, time";
  for (const element of document.querySelectorAll(texts)) {
    if (!element.innerText || element.closest("svg") || element.hidden) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${element.className || element.tagName} ${ratio.toFixed(2)}`);
  }
  return bad;
}
"""
