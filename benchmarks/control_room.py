"""How soon the control room is there: first paint, clips in the grid, a clip that has just been told of; 5,000 clips.

A real Chromium on loopback, the catalog filled beforehand: python -m benchmarks.control_room [--clips 5000] [--runs 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks.common import ROOT, render_table, write_json
from tests.browser.conftest import ARGUMENTS
from tests.browser.control_room import ControlRoom, clip, control_room, sign_in
from tests.needs import require

PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
RESULTS: Final = ROOT / "docs" / "results" / "control_room.json"
SCROLLS: Final = 40


def main() -> None:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        control_room(Path(folder)) as room,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=require("chromium"), args=ARGUMENTS)
        rows = measure(browser, room, options.clips, options.runs)
        browser.close()
    table = [[name, round(statistics.median(values)), round(max(values))] for name, values in rows.items()]
    print(render_table(["what", "median", "worst"], table))
    write_json(RESULTS, rows, clips=options.clips, runs=options.runs)


def measure(browser: Browser, room: ControlRoom, clips: int, runs: int) -> dict[str, list[float]]:
    """By what is measured: a value for each run; ms, but elements are a number."""
    stream = room.stream("bench")
    room.keep(stream, [clip(number) for number in range(clips)])
    names = ("first paint, ms", "clips in the grid, ms", "a clip told of is in the grid, ms", "most elements")
    rows: dict[str, list[float]] = {name: [] for name in names}
    for run in range(runs):
        context = browser.new_context(viewport={"width": 1920, "height": 1080})
        page = context.new_page()
        sign_in(page, room, "clips")
        began = time.perf_counter()
        page.reload()
        page.wait_for_selector(".clip-card")
        rows[names[1]].append((time.perf_counter() - began) * 1000)
        rows[names[0]].append(page.evaluate(PAINT))
        page.wait_for_selector(".link-state.good")
        began = time.perf_counter()
        room.tell(stream, "clip", clip(100_000 + run))
        page.wait_for_selector(f"[data-id=c{100_000 + run}]")
        rows[names[2]].append((time.perf_counter() - began) * 1000)
        most = 0
        for _ in range(SCROLLS):
            page.locator("#main").evaluate("main => { main.scrollTop = main.scrollHeight; }")
            page.wait_for_timeout(50)
            most = max(most, page.locator("*").count())
        rows[names[3]].append(most)
        context.close()
    return rows


if __name__ == "__main__":
    main()
