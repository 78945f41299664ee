"""From the moment to the people: python -m benchmarks.moment_to_alert --streams 4 --seed 700

Real `clipd up` with live synthetic streams (HLS over loopback, two minutes, speech on, masters), a Discord and a Slack
of ours that keep the real ones' rules, and Chromium on the page Clips. Of every first revision: when its file was
complete, when it stood in the grid, when each service had taken the first message, and when the clip was in it. Times
from the truth count from the moment's end plus the profile's post-roll, as in benchmarks/latency.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from aiohttp import web
from playwright.async_api import Page, async_playwright

from benchmarks.common import render_table, write_json
from configs import load_settings
from core.times import NS_PER_S
from daemon.demo import LiveOrigin, Recipe
from telemetry import SystemClock
from tests.browser.conftest import ARGUMENTS
from tests.fakes_discord import PATH as DISCORD_PATH
from tests.fakes_discord import FakeDiscord
from tests.fakes_slack import CHANNEL as SLACK_CHANNEL
from tests.fakes_slack import TOKEN as SLACK_TOKEN
from tests.fakes_slack import FakeSlack
from tests.needs import require
from tests.scenario.command import SPEECH
from tests.scenario.upping import Supervisor, supervisor

QUIET_S: Final = 20.0  # after the last stream: edits with their videos come
LINK: Final = re.compile(r"#/clips/([a-z0-9._-]+)")
WATCH_GRID: Final = """() => {
  window.seen = {};
  const look = () => document.querySelectorAll('.clip-card[data-id]').forEach(
    card => { window.seen[card.dataset.id] ??= Date.now() / 1000; });
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
  look();
}"""
FIRST_PAINT: Final = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


@dataclass
class Service:
    """When a fake had each clip for the first time, and when with its video (wall-clock s)."""

    told: dict[str, float] = field(default_factory=dict)
    shown: dict[str, float] = field(default_factory=dict)

    def look(self, messages: Mapping[str, tuple[str, bool]]) -> None:
        """`messages`: texts, and whether a video is attached."""
        now_s = time.time()
        for text, has_video in messages.values():
            for clip in LINK.findall(text):
                self.told.setdefault(clip, now_s)
                if has_video:
                    self.shown.setdefault(clip, now_s)


def seen_by(app: web.Application, look: Callable[[], None]) -> web.Application:
    """Looks at what a fake holds after each request."""

    @web.middleware
    async def after(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        look()
        return response

    app.middlewares.append(after)
    return app


async def serve(stack: AsyncExitStack, app: web.Application) -> str:
    """Its address on loopback."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def settle(here: Supervisor, sessions: int) -> list[dict[str, Any]]:
    """All clips with their revisions, once every session has ended."""
    await here.until(
        lambda answer: len([each for each in answer["items"] if each["ended"]]) >= sessions,
        "/api/v1/sessions?limit=200",
        limit_s=400,
    )
    await asyncio.sleep(QUIET_S)
    answer = await here.get("/api/v1/clips?limit=200")
    return [await here.get(f"/api/v1/clips/{each['id']}") for each in answer["items"]]


async def open_page(stack: AsyncExitStack, here: Supervisor) -> Page:
    """Signed in, on the page Clips."""
    playwright = await stack.enter_async_context(async_playwright())
    browser = await playwright.chromium.launch(executable_path=require("chromium"), args=ARGUMENTS)
    stack.push_async_callback(browser.close)
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(f"{here.url}/#/clips")
    token = (here.data_dir / "owner-token").read_text().strip()
    await page.get_by_label("Token", exact=False).first.fill(token)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".shell")
    return page


async def judge(page: Page, here: Supervisor, clip: str, picture: Path | None) -> bool:
    """Plays the clip, approves it by keyboard, and says whether the server has it so."""
    await page.goto(f"{here.url}/#/clips/{clip}")
    await page.wait_for_selector("video")
    await page.keyboard.press(" ")
    await page.wait_for_function("() => document.querySelector('video').currentTime > 0.5")
    await page.keyboard.press(" ")
    if picture is not None:
        await page.screenshot(path=picture)
    await page.keyboard.press("y")
    answer = await here.until(lambda each: each["review"] == "approved", f"/api/v1/clips/{clip}", limit_s=10)
    return bool(answer)


async def run(
    streams: int, seed: int, folder: Path, picture: Path | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row for each first revision, and what the page took."""
    clock = SystemClock()
    discord, slack = FakeDiscord(clock), FakeSlack(clock)
    at_discord, at_slack = Service(), Service()

    def look_at_discord() -> None:
        at_discord.look(
            {id: (json.dumps(each.embeds), any(name.endswith(".mp4") for name, _ in each.attachments.values()))
             for id, each in discord.messages.items()}
        )  # fmt: skip

    def look_at_slack() -> None:
        at_slack.look(
            {
                id: (json.dumps(each.blocks), any(data[4:8] == b"ftyp" for data in each.files.values()))
                for id, each in slack.messages.items()
            }
        )

    async with AsyncExitStack() as stack:
        to_discord = await serve(stack, seen_by(discord.app(), look_at_discord))
        to_slack = await serve(stack, seen_by(slack.app(), look_at_slack))
        settings = f"net: {{allow: [127.0.0.0/8]}}\nalerts: {{slack_api: '{to_slack}/api'}}\n"
        settings += "api: {public_url: 'http://127.0.0.1:1', requests_per_minute: 6000}\n"
        here = await stack.enter_async_context(supervisor(folder / "data", settings=settings, extra=SPEECH))
        page = await open_page(stack, here)
        paint_ms = await page.evaluate(FIRST_PAINT)
        await page.evaluate(WATCH_GRID)
        await here.post("/api/v1/channels", {"name": "d", "kind": "discord", "target": to_discord + DISCORD_PATH})
        await here.post("/api/v1/channels", {"name": "s", "kind": "slack", "target": f"{SLACK_TOKEN}@{SLACK_CHANNEL}"})
        recipes = [Recipe.from_seed(seed + index) for index in range(streams)]
        origins = [await stack.enter_async_context(LiveOrigin(recipe, clock)) for recipe in recipes]
        names: dict[str, int] = {}
        for index, origin in enumerate(origins):
            body = {"source": origin.url, "chat": origin.chat_url, "profile": "gaming", "rights": "own"}
            made = await here.post("/api/v1/streams", {**body, "name": f"s{index}"})
            names[made["id"]] = index
        clips = await settle(here, streams)
        seen: dict[str, float] = await page.evaluate("() => window.seen")
        approved = await judge(page, here, clips[0]["id"], picture) if clips else False
        post_s = load_settings(profile="gaming", data_dir=folder / "data").detection_profile().clip.post_s
    rows = []
    for clip in clips:
        index = names[clip["stream"]]
        began_ns = origins[index].wall_start_ns
        assert began_ns is not None
        rows.append(row(clip, recipes[index], post_s, began_ns / NS_PER_S, at_discord, at_slack, seen))
    return rows, {
        "first paint ms": round(paint_ms),
        "limited": discord.limited + slack.limited,
        "played and approved": approved,
    }


def row(
    clip: dict[str, Any],
    recipe: Recipe,
    post_s: float,
    began_s: float,
    discord: Service,
    slack: Service,
    seen: Mapping[str, float],
) -> dict[str, Any]:
    """Seconds; None for what did not come. `truth`: from the moment's end plus the post-roll."""
    first = min(clip["revisions"], key=lambda each: each["revision"])["line"]
    moment = next((m for m in recipe.moments if first["start_s"] <= m.start_s and m.end_s <= first["end_s"]), None)
    file_s = datetime.fromisoformat(first["wall"]).timestamp()
    due_s = None if moment is None else began_s + moment.end_s + post_s

    def after(begin_s: float | None, at_s: float | None) -> float | None:
        return None if begin_s is None or at_s is None else round(at_s - begin_s, 2)

    id_ = clip["id"]
    return {
        "heard": moment is not None and moment.families != ["chat"],
        "truth to file": after(due_s, file_s),
        "file to grid": after(file_s, seen.get(id_)),
        "file to Discord": after(file_s, discord.told.get(id_)),
        "truth to Discord": after(due_s, discord.told.get(id_)),
        "truth to Slack": after(due_s, slack.told.get(id_)),
        "file to video in Discord": after(file_s, discord.shown.get(id_)),
        "file to video in Slack": after(file_s, slack.shown.get(id_)),
    }


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each figure: how many clips have it, of how many."""
    made = []
    for name in [key for key in rows[0] if key != "heard"]:
        values = [each[name] for each in rows if each[name] is not None]
        p50, p95, most = np.percentile(values, [50, 95, 100]) if values else [float("nan")] * 3
        made.append(
            {
                "s": name,
                "n": len(values),
                "of": len(rows),
                "p50": round(p50, 2),
                "p95": round(p95, 2),
                "max": round(most, 2),
            }
        )
    return made


def main() -> None:
    """Print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--seed", type=int, default=700)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="A screenshot of the page of a clip, as PNG.")
    parser.add_argument("--out", type=Path, default=Path("docs/results/moment_to_alert.json"))
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    pages = []
    for turn in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            found, page = asyncio.run(run(args.streams, args.seed + turn * args.streams, Path(folder), args.picture))
        rows += found
        pages.append(page)
    table = summary([each for each in rows if each["heard"]])
    print(render_table(list(table[0]), [list(each.values()) for each in table]))
    print(pages)
    write_json(args.out, table, streams=args.streams, seed=args.seed, rounds=args.rounds, pages=pages, all=rows)


if __name__ == "__main__":
    main()
