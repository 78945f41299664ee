"""What people order about clips: kept in the journal, so that later revisions and attempts know it too.

A plain `render` asks for formats beside those that every clip gets. Every other order has an id, under which a line of
kind `order` says what became of it; the same id told twice is done once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from configs.finish import CaptionStyle, LayoutName
from core.errors import UsageError
from core.ids import ClipId, is_safe_id
from daemon.finish import AS_SET, Render, Style
from daemon.journal import Journal
from daemon.platforms import load_platform
from daemon.worker.emitter import Emitter

KINDS: Final = ("render", "trim", "cut", "conform")
FORMATS: Final = "formats"  # the journal's facts: names by clip,
STYLES: Final = "styles"  # layout and captions by clip,
ORDERS: Final = "orders"  # and what became of orders, by id
NOT_MADE: Final = "not_made"  # why an order failed that nothing else is known of
MOST: Final = 16  # formats of one clip
MOST_ORDERS: Final = 256  # the newest that are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order. `args` are those of its command; a plain render has no `id`."""

    kind: str
    id: str
    clip: ClipId
    formats: tuple[str, ...] = ()
    style: Style = AS_SET
    args: Mapping[str, Any]


def read_order(kind: str, args: Mapping[str, Any]) -> Order:
    """The order of a command of one of KINDS. Raises UsageError for what is none, or no format or style."""
    clip, id_, formats = args.get("clip"), args.get("order", ""), args.get("formats", [])
    wanted = isinstance(formats, list) and len(formats) <= MOST and bool(formats) is (kind == "render")
    named = isinstance(id_, str) and (is_safe_id(id_) or (not id_ and kind == "render"))
    if kind not in KINDS or not isinstance(clip, str) or not is_safe_id(clip) or not wanted or not named:
        raise _bad("Not an order about a clip")
    for name in formats:
        load_platform(str(name))
    layout, captions = args.get("layout"), args.get("captions")
    if layout not in (None, *get_args(LayoutName)) or captions not in (None, *get_args(CaptionStyle)):
        raise _bad("No such layout, or no such style of captions")
    style = Style(layout=layout, captions=captions)
    return Order(kind=kind, id=id_, clip=ClipId(clip), formats=tuple(map(str, formats)), style=style, args=args)


class Ordered:
    """The journal's facts. Written from the event loop's threads and the clip thread, read in the clip thread."""

    def __init__(self, journal: Journal, emitter: Emitter) -> None:
        self._journal, self._emitter = journal, emitter

    def add(self, order: Order) -> None:
        """A render: once each, whatever is said twice. Raises UsageError for more formats than one clip may have."""
        if len({*self.formats(order.clip), *order.formats}) > MOST:
            raise UsageError(f"A clip has {MOST} formats at most", remedy="Ask for fewer.", code="bad_order")
        style = self.style(order.clip).over(order.style)
        with self._journal.batch():
            self.remember(order.clip, order.formats)
            self._set(STYLES, order.clip, {"layout": style.layout, "captions": style.captions})
            if order.id:
                self.put(order.id, {"clip": order.clip, "revision": None, "formats": order.formats, "state": "open"})

    def remember(self, clip: ClipId, formats: Sequence[str]) -> None:
        """That a clip has these beside those that every clip gets: its later revisions get them too."""
        with self._journal.batch():
            self._set(FORMATS, clip, list(dict.fromkeys((*self.formats(clip), *formats)))[:MOST])

    def formats(self, clip: ClipId) -> tuple[str, ...]:
        """Of a clip, in the order they were asked for."""
        return tuple(self._facts(FORMATS).get(clip, ()))

    def style(self, clip: ClipId) -> Style:
        """The clip's own."""
        return Style(**self._facts(STYLES).get(clip, {}))

    def known(self, id: str) -> Mapping[str, Any] | None:
        """What became of an order: {clip, revision, formats?, state: open | done | failed, reason?, message?}."""
        found: Mapping[str, Any] | None = self._facts(ORDERS).get(id)
        return found

    def open(self, clip: ClipId | None = None) -> dict[str, Mapping[str, Any]]:
        """Orders that are promised and not done, by id; of one clip."""
        return {
            id: fact
            for id, fact in self._facts(ORDERS).items()
            if fact["state"] == "open" and clip in (None, fact["clip"])
        }

    def put(self, id: str, fact: Mapping[str, Any]) -> None:
        """What is known of an order now."""
        with self._journal.batch():  # read and written in one
            kept = {name: value for name, value in self._facts(ORDERS).items() if name != id}
            over = sorted((value["n"], name) for name, value in kept.items() if value["state"] != "open")
            for _, name in over[: max(0, len(kept) - MOST_ORDERS)]:
                del kept[name]
            number = max((value["n"] for value in kept.values()), default=0) + 1
            self._journal.set_meta(ORDERS, {**kept, id: {**fact, "n": number}})

    def settle(self, id: str, fact: Mapping[str, Any]) -> None:
        """What became of an order: kept, and told."""
        told = {name: fact[name] for name in ("clip", "revision", "state", "reason", "message") if name in fact}
        line = self._emitter.draft("order", id=id, **told)
        with self._journal.batch():
            self.put(id, fact)
            self._emitter.keep(line)
        self._emitter.say(line)

    def settle_all(self, clip: ClipId, revision: int | None, **fact: Any) -> None:
        """Of the orders that this revision was promised to; None: of renders."""
        for id, known in self.open(clip).items():
            if known["revision"] == revision:
                self.settle(id, {**known, **fact})

    def settle_cuts(self, clip: ClipId, revision: int) -> None:
        """A revision has all its files, and what was ordered before it is past."""
        for id, known in self.open(clip).items():
            if known["revision"] is not None and known["revision"] <= revision:
                self.settle(id, {**known, "state": "done"})

    def settle_renders(self, render: Render, record: Mapping[str, Any]) -> None:
        """Orders that this was the last of. One that says another style by now is made anew."""
        self.settle_cuts(render.clip, render.revision)
        if render.style != self.style(render.clip):
            return
        for id, fact in self.open(render.clip).items():
            if fact["revision"] is None and set(fact["formats"]) <= set(render.formats):
                made = set(fact["formats"]) <= set(record["files"])
                end = {"state": "done"} if made else {"state": "failed", "reason": NOT_MADE}
                self.settle(id, {**fact, **end, "revision": render.revision})

    def again(self, clip: ClipId) -> Sequence[str]:
        """Formats that are to be made anew though they are there."""
        return [name for fact in self.open(clip).values() for name in fact.get("formats", ())]

    def _facts(self, key: str) -> dict[str, Any]:
        return dict(self._journal.meta(key) or {})

    def _set(self, key: str, clip: ClipId, value: Any) -> None:
        self._journal.set_meta(key, {**self._facts(key), clip: value})


def _bad(what: str) -> UsageError:
    return UsageError(what, remedy='Send {"clip": ID, "formats": ["square"]}.', code="bad_order")
