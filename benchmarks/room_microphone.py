"""One microphone, three browsers: python -m benchmarks.room_microphone [--seconds 60]

Three real Chromiums of a room hear one and the same microphone (PulseAudio's, into which speech is played), each in its
own take of it: the second joins 3 s later, the third records WAV in place of Opus. Whatever `clipd up` says of its
alignment, the three conformed files of one sound have to lie on each other. Needs pulseaudio.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, Playwright, sync_playwright

from benchmarks.common import ROOT, render_table, write_json
from benchmarks.room_session import VIEW, ffmpeg, row, until
from daemon.demo import Recipe
from recorder.align.gcc import RATE, best_lag
from tests.browser.conftest import ARGUMENTS
from tests.browser.rooms.conftest import PERMISSIONS
from tests.browser.rooms.real_server import RealServer, real_server
from tests.browser.rooms.steps import knock
from tests.needs import require
from tests.synthetic_streams import write_stream

RESULTS: Final = ROOT / "docs" / "results" / "room_microphone.json"
SEED: Final = 23
PEOPLE: Final = (
    ("Hanna", "Opus", 0.0),
    ("Gil", "Opus", 3.2),
    ("Ola", "WAV", 3.2),
)  # who, what, seconds after the one before
WINDOW_S: Final = 4.0
FAR_S: Final = 0.5
SHARP: Final = 20.0  # as recorder.align has it
LIMIT_S: Final = 120.0
WANTED_MS: Final = 20.0


def main() -> None:
    """Print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(real_server(folder / "data", {"CLIPD_SPEECH__ENABLED": "false"}))
        sound = stack.enter_context(microphone(folder))
        take = record(server, stack.enter_context(sync_playwright()), sound, options.seconds)
        rows = list(measured(take))
    print(render_table(["what", "found", "wanted"], [[each["what"], each["found"], each["wanted"]] for each in rows]))
    write_json(options.out, rows, seconds=options.seconds)


@contextmanager
def microphone(folder: Path) -> Iterator[Mapping[str, str]]:
    """A PulseAudio of its own that plays speech into its only microphone; the environment that reaches it."""
    wav, socket = folder / "speech.wav", folder / "pulse"
    ffmpeg("-i", str(write_stream(folder, Recipe.from_seed(SEED)).media), "-vn", "-ac", "1", "-ar", "48000", str(wav))
    env = {**os.environ, "XDG_RUNTIME_DIR": name_of(folder / "run"), "HOME": str(folder)}
    server = subprocess.Popen(
        [
            require("pulseaudio"), "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes",
            f"--load=module-native-protocol-unix auth-anonymous=1 socket={socket}",
            "--load=module-null-sink sink_name=room rate=48000",
            "--load=module-remap-source master=room.monitor source_name=microphone channels=1",
        ],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    env["PULSE_SERVER"] = f"unix:{socket}"
    try:
        until(socket.exists)
        subprocess.run([require("pactl"), "set-default-source", "microphone"], env=env, check=True)
        with subprocess.Popen([require("paplay"), str(wav)], env=env) as player:
            yield env
            player.kill()
    finally:
        server.kill()
        server.wait()


def name_of(folder: Path) -> str:
    """Of a folder for its owner alone, made here."""
    folder.mkdir(mode=0o700)
    return str(folder)


def record(server: RealServer, playwright: Playwright, sound: Mapping[str, str], seconds: float) -> Path:
    """A take in which people come one after the other; its folder, conformed."""
    room = str(server.ask("rooms", {"name": "studio"})["id"])
    server.until(lambda found: found["worker"] == "running", f"rooms/{room}")
    pages: list[Page] = []
    for name, kind, after_s in PEOPLE:
        invite = server.ask(f"rooms/{room}/invites", {"role": "guest" if pages else "host"})
        page = enter(playwright, sound, f"{server.url}/room/{room}#{invite['secret']}", name, kind)
        if pages:
            pages[0].wait_for_timeout(after_s * 1000)
            pages[0].get_by_role("button", name="Let in").first.click()
        page.get_by_text("Good connection").wait_for(timeout=LIMIT_S * 1000)
        if not pages:
            page.get_by_role("button", name="Record", exact=True).click()
        pages.append(page)
    pages[0].wait_for_timeout(seconds * 1000)
    pages[0].get_by_role("button", name="Stop recording").click()
    for page in pages:
        page.get_by_role("button", name="Leave").click()
        page.get_by_role("heading", name="Safe to close").wait_for(timeout=LIMIT_S * 1000)
    until(lambda: server.ask(f"rooms/{room}/takes")["items"][0]["conform"] in ("done", "failed"), server.log)
    [folder] = server.data_dir.glob(f"rooms/{room}/*/align.json")
    return folder.parent


def enter(playwright: Playwright, sound: Mapping[str, str], link: str, name: str, kind: str) -> Page:
    """A Chromium of their own, as far as the room or its lobby."""
    browser = playwright.chromium.launch(
        executable_path=require("chromium"),
        args=[*ARGUMENTS, "--use-fake-ui-for-media-stream"],
        env={key: str(value) for key, value in sound.items()},
    )
    page = browser.new_context(permissions=PERMISSIONS, reduced_motion="reduce", viewport=VIEW).new_page()
    page.goto(link)
    choices = json.dumps({"withCam": False, "hasHeadphones": True, "wav": kind == "WAV"})
    page.evaluate("value => localStorage.setItem('clipd.devices', value)", choices)
    knock(page, link, name)
    page.get_by_role("button", name="Go in").click()
    return page


def measured(take: Path) -> Iterator[dict[str, Any]]:
    """Each pair of conformed files against each other; what was said of their place beside it."""
    files = json.loads((take / "align.json").read_text())["files"]
    yield row("local tracks, by content", f"{len(files)}, {sum(f['method'] == 'content' for f in files)}", len(PEOPLE))
    kinds = {each["mime"].partition("=")[2] for each in json.loads((take / "local.json").read_text())}
    yield row("kinds of sound", ", ".join(sorted(kinds)), "two")
    sounds = [samples(take / Path(each["file"]).parent / "conformed.wav") for each in files]
    for (one, first), (two, second) in itertools.combinations(enumerate(sounds, 1), 2):
        apart = offsets_ms(first, second)
        found = f"{np.median(apart):.2f}, {np.max(np.abs(apart)):.2f} in {len(apart)} windows"
        yield row(f"files {one} and {two} apart, median and most, ms", found, f"<= {WANTED_MS:.0f}")
    bounds = [each["bound_ms"] for each in files]
    yield row(
        "what was said of their place, ms", ", ".join(f"+/- {each:.1f}" for each in bounds), f"<= {WANTED_MS:.0f}"
    )
    yield row("steps in them", sum(len(each["edits"]) for each in files), 0)


def samples(path: Path) -> NDArray[np.float32]:
    """One channel at RATE."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        parts = [
            one.to_ndarray().reshape(-1) for frame in container.decode(audio=0) for one in resampler.resample(frame)
        ]
    return np.concatenate(parts)


def offsets_ms(one: NDArray[np.float32], two: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far windows of the one lie behind in the other, of those that match at all."""
    size, far = round(WINDOW_S * RATE), round(FAR_S * RATE)
    found = []
    for at in range(far, min(len(one), len(two)) - size - far, size):
        peak = best_lag(one[at : at + size], two[at - far : at + size + far])
        if peak.unique and peak.sharpness >= SHARP:
            found.append((peak.lag - far) / RATE * 1000)
    if not found:
        raise SystemExit("none of the sound is in both files")
    return np.array(found)


if __name__ == "__main__":
    main()
