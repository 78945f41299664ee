"""A whole take as people make one: python -m benchmarks.room_session [--seconds 90]

Three real Chromiums, each with a microphone fed by a file of speech, two of them with a camera of 640x360, in a room of
a real `clipd up`. What it shows: every byte that browsers recorded is a file of the take, each placed on one clock; the
server's backups play; clips are cut while the take runs and cut again from the local tracks.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from imageio_ffmpeg import get_ffmpeg_exe
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, sync_playwright

from benchmarks.common import ROOT, render_table, write_json
from daemon.demo import Recipe
from tests.browser.conftest import ARGUMENTS
from tests.browser.rooms.conftest import PERMISSIONS, WITNESS
from tests.browser.rooms.real_server import RealServer, real_server
from tests.browser.rooms.steps import SMALL, knock
from tests.needs import require
from tests.synthetic_streams import write_stream

RESULTS: Final = ROOT / "docs" / "results" / "room_session.json"
NAMES: Final = ("Hanna", "Gil", "Ola")
SEEDS: Final = (23, 11, 3)  # of recipes: speech with planted moments, another for each person
CAMERAS: Final = 2
SPEECH: Final = {"CLIPD_SPEECH__ENABLED": "true", "CLIPD_SPEECH__MODEL": "tiny.en"}  # browsers need the two cores
VIEW: Final = ViewportSize(width=1024, height=480)  # pages are painted by the processor
NARROW: Final = ViewportSize(width=390, height=640)
FPS: Final = 10  # of the cameras: three browsers code and decode on the server's two cores
NO_CAMERA: Final = '{"withCam": false}'
LIMIT_S: Final = 300.0


class Person(NamedTuple):
    """One browser, and where its owner comes in."""

    name: str
    page: Page
    link: str


def main() -> None:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(real_server(folder / "data", SPEECH))
        playwright = stack.enter_context(sync_playwright())
        rows = Session(server, folder, playwright).measure(options.seconds)
    print(render_table(["what", "found", "wanted"], [[row["what"], row["found"], row["wanted"]] for row in rows]))
    write_json(options.out, rows, seconds=options.seconds, people=len(NAMES), cameras=CAMERAS, fps=FPS)


class Session:
    """One room, one take."""

    def __init__(self, server: RealServer, folder: Path, playwright: Playwright) -> None:
        self._server, self._folder, self._playwright = server, folder, playwright
        self._room = str(server.ask("rooms", {"name": "studio", "layout": "grid"})["id"])

    def measure(self, seconds: float) -> list[dict[str, Any]]:
        """Rows of what was found."""
        people = [self._person(number) for number in range(len(NAMES))]
        host = people[0].page
        server, room = self._server, self._room
        server.until(lambda found: found["worker"] == "running", f"rooms/{room}")
        for number, (name, page, link) in enumerate(people):
            page.goto(link)
            page.evaluate(
                "value => localStorage.setItem('clipd.devices', value)", SMALL if number < CAMERAS else NO_CAMERA
            )
            knock(page, link, name)
            page.get_by_role("button", name="Go in").click()
            if number:
                host.get_by_role("button", name="Let in").first.click()
        for each in people:
            each.page.get_by_text("Good connection").wait_for()
        host.get_by_role("button", name="Record", exact=True).click()
        self._live(host, seconds)
        host.get_by_role("button", name="Stop recording").click()
        recorded = [digest for each in people for digest in self._leave(each.page)]
        return [
            *self._tracks(recorded),
            self._backups(),
            *self._clips(),
            *self._aligned(),
        ]

    # -- the take

    def _person(self, number: int) -> Person:
        """A Chromium of their own: its microphone is one of the process."""
        invite = self._server.ask(f"rooms/{self._room}/invites", {"role": "guest" if number else "host"})
        link = f"{self._server.url}/room/{self._room}#{invite['secret']}"
        browser = chromium(self._playwright, self._folder, SEEDS[number])
        context = browser.new_context(
            permissions=PERMISSIONS, reduced_motion="reduce", viewport=NARROW if number else VIEW
        )
        context.add_init_script(WITNESS)
        return Person(NAMES[number], context.new_page(), link)

    def _live(self, host: Page, seconds: float) -> None:
        """Two clips by hand beside those that are found; the page lives on meanwhile."""
        stream = self._server.ask(f"rooms/{self._room}")["stream"]
        ends = time.monotonic() + seconds
        marks = [ends - seconds * 2 / 3, ends - seconds / 2]
        while time.monotonic() < ends:
            if marks and time.monotonic() > marks[0]:
                marks.pop(0)
                self._server.ask(f"streams/{stream}/clip-now", {"last_s": 10})
            host.wait_for_timeout(250)

    def _leave(self, page: Page) -> list[str]:
        """When all is safe; hashes of what this browser's recorders gave."""
        page.get_by_role("button", name="Leave").click()
        page.get_by_role("heading", name="Safe to close").wait_for(timeout=LIMIT_S * 1000)
        found: list[str] = page.evaluate("hashes()")
        return found

    # -- what came of it

    def _tracks(self, recorded: list[str]) -> Iterator[dict[str, Any]]:
        kept = sorted(self._server.data_dir.glob(f"rooms/{self._room}/*/*/*/local-*"))
        same = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in kept)
        yield row("local tracks", len(kept), len(NAMES) + CAMERAS)
        yield row("of them byte for byte what the browser recorded", sum(map(recorded.count, same)), len(recorded))

    def _backups(self) -> dict[str, Any]:
        found = sorted(self._server.data_dir.glob(f"rooms/{self._room}/*/*/*/backup-*.mkv"))
        whole = sum(decodes(path) for path in found)
        return row("server backups, of which decode without an error", f"{len(found)}, {whole}", len(NAMES) + CAMERAS)

    def _clips(self) -> Iterator[dict[str, Any]]:
        def conformed() -> bool:
            return bool(self._take()["conform"] in ("done", "failed"))

        until(conformed, self._server.log)
        take = self._take()
        yield row("the take was conformed", take["conform"], "done")
        clips = self._server.ask("clips")["items"]
        during = [clip for clip in clips if clip["created"] <= take["stopped"]]
        yield row("clips, of which while the take ran", f"{len(clips)}, {len(during)}", ">= 2")
        sources = [self._server.data_dir.glob(f"sessions/*/clips/{clip['id']}/r*/clip.json") for clip in clips]
        rooms = [json.loads(next(found).read_text()).get("room", {}) for found in sources]
        anew = [room for room in rooms if str(room.get("source", "")).startswith("local tracks")]
        yield row("clips cut again from the local tracks", len(anew), len(clips))
        words = self._server.ask(f"sessions/{take['session']}/transcript")["words"]
        yield row("words heard", len(words), "> 0")

    def _take(self) -> dict[str, Any]:
        [take] = self._server.ask(f"rooms/{self._room}/takes")["items"]
        return dict(take)

    def _aligned(self) -> Iterator[dict[str, Any]]:
        [path] = self._server.data_dir.glob(f"rooms/{self._room}/*/align.json")
        files = json.loads(path.read_text())["files"]
        by = [each["method"] for each in files]
        yield row("files placed by their sound", by.count("content"), len(files))
        yield row(
            "stated bound of their place, median and most, ms", spread([each["bound_ms"] for each in files]), "<= 20"
        )
        yield row(
            "drift found, least and most, ppm",
            f"{min(each['ppm'] for each in files):.1f}, {max(each['ppm'] for each in files):.1f}",
            "",
        )


def until(is_so: Callable[[], object], log: Sequence[bytes] = ()) -> None:
    """Ask again and again; gives up with the end of a server's log."""
    ends = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > ends:
            raise SystemExit("it did not come to this in time:\n" + b"".join(log[-30:]).decode())
        time.sleep(0.5)


def chromium(playwright: Playwright, folder: Path, seed: int) -> Browser:
    """With a microphone and a camera that play files, for ever. It ends with playwright."""
    media = write_stream(folder, Recipe.from_seed(seed)).media
    sound, picture = folder / f"{seed}.wav", folder / f"{seed}.mjpeg"
    ffmpeg("-i", str(media), "-vn", "-ac", "1", "-ar", "48000", str(sound))
    ffmpeg("-i", str(media), "-an", "-t", "10", "-vf", f"scale=640:360,fps={FPS}", "-q:v", "6", str(picture))
    devices = [
        "--use-fake-ui-for-media-stream", f"--use-fake-device-for-media-stream=fps={FPS}",
        f"--use-file-for-fake-audio-capture={sound}", f"--use-file-for-fake-video-capture={picture}",
    ]  # fmt: skip
    # People's browsers have machines of their own: here they may not take the server's. Linux weighs sessions against
    # each other, and a browser is one; within it, Chromium sets the niceness of its processes by itself.
    starter = folder / "browser"
    starter.write_text(f'#!/bin/sh\necho 10 > /proc/self/autogroup\nexec {require("chromium")} "$@"\n')
    starter.chmod(0o755)
    return playwright.chromium.launch(executable_path=starter, args=[*ARGUMENTS, *devices])


def ffmpeg(*arguments: str) -> None:
    """Raises CalledProcessError."""
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def decodes(path: Path) -> bool:
    """Whether every frame can be decoded, strictly."""
    command = [get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def row(what: str, found: object, wanted: object) -> dict[str, Any]:
    """Of the table."""
    return {"what": what, "found": found, "wanted": wanted}


def spread(values: list[float]) -> str:
    """For people."""
    return f"{statistics.median(values):.1f}, {max(values):.1f}"


if __name__ == "__main__":
    main()
