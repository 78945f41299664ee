"""What a HUD's rules see in one frame, and how far off they are: for people who make one. Pure but for OCR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.hud.frames import Box, HudFrame, Picture, TextReader
from detectors.hud.match import Template, find, template
from detectors.hud.model import BannerRule, CounterRule, FeedRule, Gate, LoadedHud, ModelRule, SceneRule, TextRule
from detectors.hud.phrases import fit, parse_phrase
from detectors.hud.places import region_box, screen_lines
from detectors.hud.rows import RowFinder
from detectors.hud.view import View, share

_LOOSEST: Final = 0.05  # a match worse than this is none at all
_ALIKE: Final = 0.5  # from here on it is the same thing, seen badly; judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look of one rule. `score` against `needs`: a match's, or a share of pixels. `box` is in the picture's pixels.

    `advice` says what to change where nothing was found.
    """

    rule: str
    kind: str
    region: str
    what: str
    found: bool
    score: float
    needs: float
    box: Box
    text: str = ""
    advice: str = ""


class Explainer:
    """For one HUD; `text` None reads nothing."""

    def __init__(self, loaded: LoadedHud, text: TextReader | None) -> None:
        self._hud, self._text = loaded.hud, text
        self._templates = {name: template(name, mark, loaded.marks[name]) for name, mark in loaded.hud.marks.items()}

    def look(self, frame: HudFrame) -> list[Seen]:
        """Every rule on its region, in the order of the rules."""
        scale = self._hud.height / screen_lines(self._hud, frame.height)
        seen: list[Seen] = []
        for rule in self._hud.rules:
            box = region_box(self._hud, self._hud.regions[rule.region], frame.width, frame.height)
            view = View(frame.crops[rule.region], scale)
            if isinstance(rule, FeedRule):
                seen += self._feed(rule, view, box)
            elif isinstance(rule, BannerRule | SceneRule):
                seen += [self._mark(rule, name, view, box) for name in rule.marks]
            elif isinstance(rule, CounterRule):
                seen.append(self._counter(rule, view, box))
            elif isinstance(rule, TextRule):
                seen += self._words(rule, view, box)
        return seen

    def _feed(self, rule: FeedRule, view: View, box: Box) -> list[Seen]:
        rows = RowFinder(rule, self._templates, rule.row_h * self._hud.height).find(view)
        if not rows:
            if rule.gate is not None:
                return [self._no_rows(rule, rule.gate, view, box)]
            return [self._mark(rule, name, view, box) for name in rule.marks]
        seen = []
        for row in rows:
            top, bottom, left, right = (round(v / view.scale) for v in (row.top, row.bottom, row.left, row.right))
            text = self._read(view.crop[top:bottom, left:right]) if rule.names != "none" or rule.phrases else ""
            whose = "own kill" if row.own_kill else "own death" if row.own_death else "row"
            fits = not rule.phrases or _fits(rule.phrases, text)
            advice = "" if fits else _row_advice(text)
            where = Box(box.x + left, box.y + top, right - left, bottom - top)
            seen.append(self._seen(rule, whose, fits, row.score, 0.0, where, text=text, advice=advice))
        return seen

    def _no_rows(self, rule: FeedRule, gate: Gate, view: View, box: Box) -> Seen:
        lines = np.count_nonzero(view.coloured(gate), axis=1) / view.rgb.shape[1]
        most = float(lines.max(initial=0.0))
        advice = (
            f"No row: at most {most:.3f} of a scanline has the gate's colours, and {gate.share[0]:g} is asked. Lower"
            " `share`, widen the colours, or make the region narrower."
            if most > 0
            else "No pixel of the region has the gate's colours. Is the region in the right place? Else widen them."
        )
        return self._seen(rule, "row", False, most, gate.share[0], box, advice=advice)

    def _mark(self, rule: FeedRule | BannerRule | SceneRule, name: str, view: View, box: Box) -> Seen:
        wanted = self._templates[name]
        loose = wanted.mark.model_copy(update={"threshold": _LOOSEST, "gate": None})
        hits = find(view, Template(name=name, mark=loose, grey=wanted.grey, mask=wanted.mask, half=None, outline=None))
        good = bool(find(view, wanted))
        if not hits:
            return self._seen(rule, name, good, 0.0, wanted.mark.threshold, box, advice=_too_small(view, wanted))
        hit = hits[0]
        left, top, width, height = (round(v / view.scale) for v in (hit.x, hit.y, *wanted.size))
        where = Box(box.x + left, box.y + top, width, height)
        advice = "" if good else _mark_advice(wanted, hit.score)
        return self._seen(rule, name, good, hit.score, wanted.mark.threshold, where, advice=advice)

    def _counter(self, rule: CounterRule, view: View, box: Box) -> Seen:
        if rule.digits:
            hits = {name: find(view, self._templates[name]) for name in rule.digits}
            best = max((hit[0].score for hit in hits.values() if hit), default=0.0)
            least = min(self._templates[name].mark.threshold for name in rule.digits)
            advice = "" if best else "No digit is found: cut the digits' marks anew from this frame."
            return self._seen(rule, "number", bool(best), best, least, box, advice=advice)
        text = self._read(view.crop)
        good = any(c.isdigit() for c in text)
        advice = "" if good else f"No number is read (but {text!r}). Draw the region close around the digits."
        return self._seen(rule, "number", good, float(good), 1.0, box, text=text, advice=advice)

    def _words(self, rule: TextRule, view: View, box: Box) -> list[Seen]:
        found = share(view.coloured(rule.gate))
        needs = rule.gate.share[0]
        text = self._read(view.crop)
        good = found >= needs and _fits(rule.phrases, text)
        advice = ""
        if found < needs:
            advice = f"{found:.3f} of the region has the gate's colours, and {needs:g} is asked: widen them."
        elif not good:
            advice = f"It reads {text!r}, and no phrase says so: write one that does."
        return [self._seen(rule, "words", good, found, needs, box, text=text, advice=advice)]

    def _read(self, crop: Picture) -> str:
        if self._text is None or min(crop.shape[:2]) < 2:
            return ""
        [lines] = self._text.read([crop])
        return " ".join(line.text for line in sorted(lines, key=lambda line: (round(line.y / 8), line.x)))

    def _seen(
        self,
        rule: FeedRule | BannerRule | SceneRule | CounterRule | TextRule | ModelRule,
        what: str,
        found: bool,
        score: float,
        needs: float,
        box: Box,
        *,
        text: str = "",
        advice: str = "",
    ) -> Seen:
        return Seen(
            rule=rule.name, kind=rule.kind, region=rule.region, what=what, found=found, score=score, needs=needs,
            box=box, text=text, advice=advice,
        )  # fmt: skip


def boxes_of(loaded: LoadedHud, width: int, height: int) -> Mapping[str, Box]:
    """Where the regions lie in a picture."""
    return {name: region_box(loaded.hud, region, width, height) for name, region in loaded.hud.regions.items()}


def _fits(phrases: Sequence[str], text: str) -> bool:
    return any(fit(parse_phrase(phrase), text) is not None for phrase in phrases)


def _row_advice(text: str) -> str:
    if not text:
        return "Nothing can be read there: scenery in the rows' colours, most likely, which does no harm."
    return f"The row reads {text!r}, and no phrase says so. If it is a kill, write one that does."


def _mark_advice(wanted: Template, score: float) -> str:
    threshold = wanted.mark.threshold
    if score >= threshold:
        return f"The shape is there ({score:.2f}), its colours are not: widen the gate of the mark, or remove it."
    if score >= _ALIKE:
        return (
            f"Something like it is there ({score:.2f}), and {threshold:g} is asked: cut the mark anew from this frame,"
            f" or set `threshold` to {max(0.4, round(score - 0.05, 2)):g}."
        )
    return "Nothing like it is in the region. If it does show in this frame, move or widen the region."


def _too_small(view: View, wanted: Template) -> str:
    height, width = view.rgb.shape[:2]
    if wanted.size[0] > width or wanted.size[1] > height:
        return f"The mark ({wanted.size[0]} by {wanted.size[1]}) is larger than the region ({width} by {height})."
    return "The region has one brightness all over: there is nothing in it."
