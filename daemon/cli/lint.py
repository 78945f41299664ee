"""`clipd lint CLIP PLATFORM...`: why a finished clip does not fit a platform. Exit code 1 when one of them does not."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli import options as o
from daemon.platforms import fits, load_platform, read_facts
from daemon.sound import check_sound


def lint(
    clip: Annotated[Path, typer.Argument(help="A finished clip, an MP4.")],
    platforms: Annotated[list[str], typer.Argument(help="tiktok, reels, ..., or YAML files of your own.")],
    as_json: o.AsJson = False,
) -> None:
    """Say why a clip does not fit a platform, and what to do about it."""
    chosen = [load_platform(name) for name in platforms]
    facts = read_facts(clip)
    if facts.sound_codec is not None:
        heard = check_sound(clip)
        if not heard.silent:
            facts = replace(facts, integrated_lufs=heard.integrated_lufs, true_peak_dbtp=heard.true_peak_dbtp)
    found = {platform.name: fits(facts, platform) for platform in chosen}
    for name, misfits in found.items():
        if as_json:
            print(json.dumps({"platform": name, "misfits": [asdict(each) for each in misfits]}), flush=True)  # noqa: T201
        else:
            typer.echo(f"{name}: {'fits' if not misfits else 'does not fit'}")
            for each in misfits:
                typer.echo(f"  {each.message}. {each.remedy}")
    raise typer.Exit(1 if any(found.values()) else 0)
