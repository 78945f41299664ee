"""An API in a process of its own, which can be killed: `python -m tests.unit.api.serving FOLDER`, says its URL."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from daemon.showing import JournalReader
from supervisor.api import Health, make_app, serve
from supervisor.catalog import Catalog
from telemetry import SystemClock
from tests.unit.api.stage import no_replay, settings_of


async def main(folder: Path) -> None:
    """Until it is killed."""
    catalog = await Catalog.open(f"sqlite:///{folder}/catalog.db", SystemClock())
    settings = settings_of(folder)
    app = make_app(
        catalog,
        settings=settings,
        clock=SystemClock(),
        health=lambda: Health(lease="held"),
        formats=(),
        sessions=JournalReader(folder),
        replays=no_replay,
    )
    async with serve(app, settings) as url:
        sys.stdout.write(url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
