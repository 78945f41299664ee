"""Loads a game's HUD: a shipped one by its name, or a folder that a user made. Everything in it is hostile.

Only files that hud.yaml names are opened, each a plain file of the folder itself and no link, with bounds on bytes,
pixels and seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from configs.games import HUD_FILE, hud_folder, hud_names
from configs.plain_files import plain_file, plain_path
from configs.strict_yaml import MAX_BYTES, parse_yaml
from configs.tiny_media import read_png, read_wav
from core.errors import UsageError
from detectors.hud.model import Cue, Hud, LoadedHud, ModelRule, marks_of
from detectors.hud.places import most_lines

__all__ = ["LoadedHud", "hud_names", "load_hud", "parse_hud"]

_GUIDE: Final = "docs/huds.md explains every key."
_PICTURE_BYTES: Final = 1024 * 1024
_SOUND_BYTES: Final = 1024 * 1024  # 3 s of 48 kHz in 24 bits take 432,000
_MODEL_BYTES: Final = 200 * 1024 * 1024
_ALL_PIXELS: Final = 4_000_000  # of all marks together; sixty of 200 by 200 are 2.4 million


def load_hud(name_or_path: str) -> LoadedHud:
    """A shipped HUD by its name, or the folder with hud.yaml, marks and sounds at a path. Raises UsageError."""
    folder = hud_folder(name_or_path)
    where = str(folder / HUD_FILE)
    try:
        text = plain_file(folder, HUD_FILE, MAX_BYTES).decode()
        document = parse_yaml(text)
    except ValueError as err:
        raise UsageError(f"{where} is not YAML we accept: {err}", remedy=_GUIDE, code="bad_hud") from err
    hud = parse_hud(document, where)
    marks = {name: _picture(folder, mark.file) for name, mark in hud.marks.items()}
    if sum(picture.shape[0] * picture.shape[1] for picture in marks.values()) > _ALL_PIXELS:
        raise _bad(f"The marks of {where} have more than {_ALL_PIXELS:,} pixels together", "Cut them smaller.")
    _fit(hud, marks, where)
    cues = {
        name: Cue(rule=sound, samples=read_wav(plain_file(folder, sound.file, _SOUND_BYTES), str(folder / sound.file)))
        for name, sound in hud.sounds.items()
    }
    models = {
        rule.name: str(plain_path(folder, rule.file, _MODEL_BYTES)) for rule in hud.rules if isinstance(rule, ModelRule)
    }
    return LoadedHud(hud=hud, marks=marks, cues=cues, models=models)


def parse_hud(document: Any, where: str) -> Hud:
    """The document of a hud.yaml. Raises UsageError that names the key and what is wrong with it."""
    if not isinstance(document, dict):
        raise _bad(f"{where} is not a mapping", "Write one `key: value` a line.")
    try:
        return Hud.model_validate(document)
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        path = _path(first["loc"], document)
        what = first["msg"].removeprefix("Value error, ")
        raise _bad(f"{path} in {where}: {what}", _GUIDE) from err


def _path(loc: Sequence[str | int], document: Any) -> str:
    """`rules.medal.marks`: a rule by its name where it has one, and without pydantic's tag of its kind."""
    words: list[str] = []
    for place, part in enumerate(loc):
        if place == 2 and loc[0] == "rules":
            continue  # the tag
        named = document.get("rules") if place == 1 and loc[0] == "rules" and isinstance(part, int) else None
        rule = named[part] if isinstance(named, list) and isinstance(part, int) and part < len(named) else None
        name = rule.get("name") if isinstance(rule, dict) else None
        words.append(str(name)[:40] if isinstance(name, str) else str(part)[:40])
    return ".".join(words) or "The file"


def _picture(folder: Path, name: str) -> NDArray[np.uint8]:
    return read_png(plain_file(folder, name, _PICTURE_BYTES), str(folder / name))


def _fit(hud: Hud, marks: dict[str, NDArray[np.uint8]], where: str) -> None:
    """Refuse a mark that cannot be found in the region of its rule."""
    for rule in hud.rules:
        region = hud.regions[rule.region]
        for name in marks_of(rule):
            height, width = marks[name].shape[:2]
            if height > most_lines(hud, region.h) or width > most_lines(hud, region.w):
                raise _bad(
                    f"The mark {name} in {where} is {width} by {height} pixels, larger than the region {rule.region}",
                    f"Regions are measured in heights of the picture: {hud.height} pixels of a mark are 1.",
                )


def _bad(what: str, remedy: str) -> UsageError:
    return UsageError(what, remedy=remedy, code="bad_hud")
