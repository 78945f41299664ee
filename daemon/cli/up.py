"""`clipd up`: the supervisor, its API and its workers, until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from configs import Settings, load_settings
from configs.streams import StreamEntry
from core.errors import EXIT_INTERRUPTED
from daemon.cli import options as o
from daemon.cli.replaying import ReplayChild
from daemon.platforms import platform_names
from daemon.speech.models import refuse_unknown
from daemon.worker.ranks import ranking_of
from telemetry import SystemClock

if TYPE_CHECKING:
    from supervisor.up import Up

LeaveWorkers = Annotated[
    bool, typer.Option("--detach-workers", help="At the end workers run on, for the next clipd up to go on with.")
]


def up(
    config: o.Config = None,
    data_dir: o.DataDir = None,
    detach_workers: LeaveWorkers = False,
) -> None:
    """Watch all streams of the settings file and of the API, each in a worker of its own, until Ctrl-C.

    The first Ctrl-C lets workers finish what is open, a second one kills them; finished clips are kept both ways.
    """
    from daemon.cli.configured import ConfiguredStreams, door_row, row_of  # noqa: PLC0415
    from daemon.rooms.checking import TrackCheck  # noqa: PLC0415
    from daemon.showing import JournalReader  # noqa: PLC0415
    from supervisor.up import Up  # noqa: PLC0415 - databases and engines: 40 MB that no other command needs

    settings = load_settings(config=config, data_dir=data_dir)
    if settings.speech.enabled:
        refuse_unknown(settings.speech.model)
    ranking_of(settings.ranking, None)  # its prompts: what is wrong with them is said now, not by every worker
    Path(settings.data_dir).mkdir(parents=True, exist_ok=True)

    door = settings.supervisor.door

    def of_stream(entry: StreamEntry) -> Settings:
        own = entry.model_dump()
        return load_settings(
            config=config,
            data_dir=data_dir,
            profile=own["profile"],
            game=own["game"],
            player=own["player"],
            clips={name: own[name] for name in ("layout", "facecam", "brand")},
        )

    asked = Up(
        settings=settings,
        streams=ConfiguredStreams(of_stream),
        entries=[*map(row_of, settings.streams), *([door_row(door)] if door else [])],
        formats=platform_names(),
        sessions=JournalReader(Path(settings.data_dir)),
        replays=ReplayChild(config, Path(settings.data_dir)),
        check=TrackCheck(),
        clock=SystemClock(),
        say=typer.echo,
        leave_workers=detach_workers,
    )
    asyncio.run(_until_stopped(asked))
    raise typer.Exit(EXIT_INTERRUPTED)


async def _until_stopped(asked: Up) -> None:
    from supervisor.up import run  # noqa: PLC0415

    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked_to_stop)
    try:
        await run(asked, stop, hurry)
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
