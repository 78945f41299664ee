"""What finishing needs of a clip.json, checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import UsageError
from core.times import Ns
from core.words import Word
from daemon.captioning import CaptionOptions, caption_options, caption_words, word_speakers
from daemon.clips.captions import spoken
from daemon.clips.kept import in_clip, length_of
from daemon.clips.model import NAMES
from daemon.clips.recipe import kept_of, read_document


@dataclass(frozen=True, slots=True, kw_only=True)
class CutClip:
    """A revision as it was cut. `head_ns`: how far the wanted start lies in the master, which begins on a keyframe.

    `words` count from the master's first frame; `captions` None: none are wished. `formats` and `observed` are JSON of
    an earlier finish, empty before the first.
    """

    folder: Path
    title: str
    head_ns: Ns
    length_ns: Ns
    anchor_ns: Ns  # in the master
    has_picture: bool
    words: tuple[Word, ...]
    speakers: Mapping[int, int]  # by the words' places
    captions: CaptionOptions | None
    brand: str | None
    formats: Mapping[str, Mapping[str, Any]]
    observed: Mapping[str, Any]
    said: str  # `spoken_hash` when the finished files were made

    @property
    def master(self) -> Path:
        """The file that finished ones are made from."""
        return self.folder / NAMES["master"]

    def spoken(self) -> tuple[tuple[Word, ...], dict[int, int]]:
        """Words of the finished clip from its own first frame, and their speakers where they are known."""
        head_ns, end_ns = self.head_ns, Ns(self.head_ns + self.length_ns)
        inside: list[Word] = []
        speakers: dict[int, int] = {}
        for number, word in enumerate(self.words):
            for cut in spoken([word], head_ns, end_ns):
                if number in self.speakers:
                    speakers[len(inside)] = self.speakers[number]
                moved = (Ns(cut.start_ns - head_ns), Ns(cut.end_ns - head_ns))
                inside.append(replace(cut, start_ns=moved[0], end_ns=moved[1]))
        return tuple(inside), speakers

    def spoken_hash(self) -> str:
        """Of what people may edit: words, speakers, captions. Another one than last time: they did."""
        captions = None if self.captions is None else self.captions.model_dump(mode="json")
        rows = [[word.text, word.start_ns, word.end_ns] for word in self.words]
        text = json.dumps([rows, sorted(self.speakers.items()), captions], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def read_cut(folder: Path) -> CutClip:
    """Of clips/<clip>/r<N>. Raises UsageError on what is no clip.json, or one that was edited into nonsense."""
    document = read_document(folder / NAMES["clip"])
    captions = document.get("captions", {})  # never finished: the default style; null: none are wished
    rows = document.get("words") or []
    words, speakers = caption_words(rows), word_speakers(rows)
    try:
        head_ns, length_ns = _span(document)
        finish = document.get("finish") or {}
        return CutClip(
            folder=folder,
            title=str(document["title"]),
            head_ns=head_ns,
            length_ns=length_ns,
            anchor_ns=in_clip(_time(document["decision"]["anchor_ns"]), kept_of(document)),
            has_picture=any(str(stream).startswith("video") for stream in document["cut"]["streams"]),
            words=words,
            speakers=speakers,
            captions=None if captions is None else caption_options(captions),
            brand=None if finish.get("brand") is None else str(finish["brand"]),
            formats=dict(finish.get("formats") or {}),
            observed=dict(finish.get("observed") or {}),
            said=str(finish.get("said", "")),
        )
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise UsageError(
            f"{folder / NAMES['clip']} is not a clip.json: {err}", remedy="Name the clip.json beside a master.mp4."
        ) from err


def _span(document: Mapping[str, Any]) -> tuple[Ns, Ns]:
    """Where the wanted clip begins in its master, and how long it is. An exact cut is its master."""
    kept, decision = kept_of(document), document["decision"]
    if len(kept) > 1:
        return Ns(0), length_of(kept)
    start_ns, end_ns = kept[0]
    first_ns = min(max(int(decision["start_ns"]), start_ns), end_ns - 1)
    last_ns = max(min(int(decision["end_ns"]), end_ns), first_ns + 1)
    return Ns(first_ns - start_ns), Ns(last_ns - first_ns)


def _time(value: Any) -> Ns | None:
    return None if value is None else Ns(int(value))
