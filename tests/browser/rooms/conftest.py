"""Chromium with a camera and a microphone of its own making, and a room's server that can be away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.browser.rooms.fake_server import FakeRoom, fake_server
from tests.browser.rooms.real_server import RealServer, real_server
from tests.needs import require

expect.set_options(timeout=60_000)  # a slow machine is no fault
DEVICES = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream=fps=5"]
PERMISSIONS = ["camera", "microphone"]
# Whatever a recorder gives is kept beside what the page makes of it: {mime, chunks: [Blob]}
WITNESS = """
  globalThis.witnessed = [];
  const Real = globalThis.MediaRecorder;
  globalThis.MediaRecorder = class extends Real {
    constructor(stream, options) {
      super(stream, options);
      const run = { mime: options.mimeType, blobs: [] };
      witnessed.push(run);
      this.addEventListener("dataavailable", ({ data }) => run.blobs.push(data));
    }
  };
  globalThis.hashes = () => Promise.all(witnessed.map(async ({ blobs }) => {
    const bytes = await new Blob(blobs).arrayBuffer();
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }));
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[Playwright]:
    """One a module: its event loop must not outlive the module's last test."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(driver: Playwright) -> Iterator[Browser]:
    """With devices that need no permission of a person."""
    started = driver.chromium.launch(executable_path=require("chromium"), args=[*ARGUMENTS, *DEVICES])
    yield started
    started.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A whole `clipd up` for a module."""
    with real_server(tmp_path_factory.mktemp("rooms") / "data") as running:
        yield running


@pytest.fixture
def room() -> Iterator[FakeRoom]:
    """A server of its own for each test."""
    with fake_server() as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A person's browser: small pictures, so that two cores will do."""
    made = browser.new_context(permissions=PERMISSIONS, reduced_motion="reduce")
    made.add_init_script(WITNESS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """An error in a script fails the test; a request that a test makes fail does not."""
    fresh = context.new_page()
    said: list[str] = []
    fresh.on("pageerror", lambda error: said.append(str(error)))
    yield fresh
    assert said == []


@pytest.fixture
def shots() -> Callable[[Page, str], None]:
    """Pictures for people to look at; git ignores their folder."""
    folder = Path(__file__).parents[1] / "shots"

    def take(page: Page, name: str) -> None:
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"room-{name}.png")

    return take
