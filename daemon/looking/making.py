"""Makes a HUD out of a frame and of what a person marked on it; adds to one that is there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import yaml

from configs.games import HUD_FILE
from configs.huds import parse_hud
from configs.plain_files import plain_file
from configs.strict_yaml import MAX_BYTES, parse_yaml
from configs.tiny_media import read_png
from core.errors import UsageError
from core.game import GameKind
from core.ids import slug
from daemon.files import make_folder, publish_file
from daemon.looking.draw import png_of
from detectors.hud.frames import Box, Picture
from detectors.hud.sketch import grown, letters_gate, mark_gate, region_of, words_gate

HEIGHTS: Final = (240, 720)  # lines of a HUD's working picture: no more than the frame has, and no more than are of use
_HEAD: Final = "# Made by `clipd hud record`, which writes this file anew each time; docs/huds.md explains every key.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a person marked: a box, and what it is.

    `kind` is feed, row, icon, banner, counter, scene or playing. `name` is a scene's; `event` and `count` are a
    banner's and a counter's.
    """

    kind: str
    box: Box
    name: str = ""
    event: GameKind = GameKind.KILL
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is said in words beside the boxes; empty: as it was."""

    title: str = ""
    player: str = ""
    phrases: tuple[str, ...] = ()
    shown_s: float | None = None  # of the feed and the banners that are drawn


def record(folder: Path, picture: Picture, drawn: Sequence[Drawn], wishes: Wishes) -> list[str]:
    """Write hud.yaml and the marks; returns the files. Raises UsageError before anything is written."""
    height, width = picture.shape[:2]
    for one in drawn:
        if one.box.x + one.box.w > width or one.box.y + one.box.h > height or min(one.box.w, one.box.h) < 4:
            raise UsageError(
                f"The box {','.join(map(str, one.box))} does not lie in the frame of {width} by {height} pixels",
                remedy="A box is X,Y,WIDTH,HEIGHT in pixels of the frame, at least 4 by 4.",
                code="bad_box",
            )
    tree = _read(folder)
    maker = _Maker(tree, picture, slug(folder.name, limit=40))
    maker.add(drawn, wishes)
    hud = parse_hud(maker.tree, str(folder / HUD_FILE))
    for file, raw in maker.files.items():
        read_png(raw, file)
    make_folder(folder)
    text = _HEAD + yaml.safe_dump(maker.tree, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)
    assert parse_hud(parse_yaml(text), HUD_FILE) == hud
    for file, raw in {**maker.files, HUD_FILE: text.encode()}.items():
        publish_file(folder / file, lambda partial, raw=raw: partial.write_bytes(raw))  # type: ignore[misc]
    return [*maker.files, HUD_FILE]


class _Maker:
    def __init__(self, tree: dict[str, Any], picture: Picture, game: str) -> None:
        lines = picture.shape[0]
        low, high = HEIGHTS
        self.tree: dict[str, Any] = {
            "game": game,
            "title": game,
            "height": max(low, min(high, lines)),
            **tree,
        }
        self.files: dict[str, bytes] = {}
        self._shown: dict[str, float] = {}
        self._picture = picture

    def add(self, drawn: Sequence[Drawn], wishes: Wishes) -> None:
        """Everything that was marked; a rule, mark or region of the same name is replaced."""
        self._shown = {} if wishes.shown_s is None else {"shown_s": wishes.shown_s}
        self.tree |= {key: said for key, said in (("title", wishes.title), ("player", wishes.player)) if said}
        by_kind: dict[str, list[Drawn]] = {}
        for one in drawn:
            by_kind.setdefault(one.kind, []).append(one)
        for section, empty in (("regions", {}), ("marks", {}), ("rules", [])):
            self.tree.setdefault(section, empty)
        if "feed" in by_kind:
            self._feed(by_kind["feed"][-1], by_kind.get("row", []), by_kind.get("icon", []), wishes.phrases)
        elif {"row", "icon"} & set(by_kind) or wishes.phrases:
            raise UsageError(
                "Rows and phrases belong to a feed", remedy="Say where its rows come, too: --feed X,Y,WIDTH,HEIGHT."
            )
        makers = {"banner": self._banner, "counter": self._counter, "scene": self._scene, "playing": self._scene}
        for kind, make in makers.items():
            for one in by_kind.get(kind, []):
                make(one)
        if not self.tree["marks"]:
            del self.tree["marks"]

    def _feed(self, feed: Drawn, rows: Sequence[Drawn], icons: Sequence[Drawn], phrases: Sequence[str]) -> None:
        if not rows:
            raise UsageError(
                "A feed needs one of its rows", remedy="Draw a box close around one row: --row X,Y,WIDTH,HEIGHT."
            )
        row = rows[-1].box
        rule: dict[str, Any] = {"kind": "feed", "name": "feed", "region": "feed"}
        rule["row_h"] = round(row.h / self._picture.shape[0], 4)
        if icons:
            rule["marks"] = [self._mark(f"row{n}" if n else "row", icon.box) for n, icon in enumerate(icons)]
        else:
            gate = letters_gate(self._cut(row), self._cut(feed.box))
            rule["gate"] = gate.model_dump(mode="json", exclude_defaults=True)
        if phrases:
            rule["phrases"] = list(phrases)
        rule |= self._shown
        self._region("feed", feed.box)
        self._rule(rule)

    def _banner(self, one: Drawn) -> None:
        name = one.name or f"{one.event.value.replace('_', '-')}{one.count if one.count > 1 else ''}"
        mark = self._mark(name, one.box)
        self._region(name, self._grown(one.box))
        count = {"count": one.count} if one.count > 1 else {}
        self._rule(
            {"kind": "banner", "name": name, "region": name, "marks": [mark], "event": one.event.value}
            | count
            | self._shown
        )

    def _counter(self, one: Drawn) -> None:
        name = f"{one.event.value.replace('_', '-')}s"
        self._region(name, one.box)
        gate = words_gate(self._cut(one.box)).model_dump(mode="json", exclude_defaults=True)
        self._rule({"kind": "counter", "name": name, "region": name, "event": one.event.value, "gate": gate})

    def _scene(self, one: Drawn) -> None:
        requires = one.kind == "playing"
        name = one.name or ("playing" if requires else "scene")
        mark = self._mark(name, one.box)
        self._region(name, self._grown(one.box))
        rule = {"kind": "scene", "name": name, "region": name, "marks": [mark]}
        self._rule({**rule, "requires": True} if requires else rule)

    def _mark(self, name: str, box: Box) -> str:
        """Cut a mark out of the frame at the HUD's working height."""
        scale = self.tree["height"] / self._picture.shape[0]
        cut = self._cut(box)
        gate = mark_gate(cut)
        size = (max(1, round(box.w * scale)), max(1, round(box.h * scale)))
        small = cut if scale == 1 else np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
        file = f"{name}.png"
        self.files[file] = png_of(small)
        mark: dict[str, Any] = {"file": file}
        if gate is not None:
            mark["gate"] = gate.model_dump(mode="json", exclude_defaults=True)
        self.tree["marks"][name] = mark
        return name

    def _region(self, name: str, box: Box) -> None:
        height, width = self._picture.shape[:2]
        self.tree["regions"][name] = region_of(box, width, height).model_dump(mode="json")

    def _rule(self, rule: dict[str, Any]) -> None:
        others = [one for one in self.tree["rules"] if one["name"] != rule["name"]]
        self.tree["rules"] = [*others, rule]

    def _grown(self, box: Box) -> Box:
        height, width = self._picture.shape[:2]
        return grown(box, width, height)

    def _cut(self, box: Box) -> Picture:
        return np.ascontiguousarray(self._picture[box.y : box.y + box.h, box.x : box.x + box.w])


def _read(folder: Path) -> dict[str, Any]:
    """The hud.yaml that is there, checked; an empty tree where none is."""
    if not os.path.lexists(folder / HUD_FILE):
        return {}
    where = str(folder / HUD_FILE)
    try:
        document = parse_yaml(plain_file(folder, HUD_FILE, MAX_BYTES).decode())
    except ValueError as err:
        raise UsageError(f"{where} is not YAML we accept: {err}", remedy="Mend it, or name another folder.") from err
    return parse_hud(document, where).model_dump(mode="json", exclude_defaults=True)
