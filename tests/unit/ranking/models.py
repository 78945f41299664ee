"""Models that play a part: one that judges honestly, one that obeys whatever it reads, as local servers would."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from core.control import LlmAnswer, LlmAsk
from core.ids import ClipId
from daemon.ranking import Candidate
from daemon.ranking.values import RUBRIC

_FENCE: Final = re.compile(r"<data-([0-9a-f]{16})>\n(.*)\n</data-\1>", re.DOTALL)
Entry = dict[str, Any]


def data_of(ask: LlmAsk) -> list[Entry]:
    """The clips of a question; it is well formed."""
    system, user = ask.chat()
    found = _FENCE.search(user.content)
    assert found is not None
    assert user.content.endswith(found[0])
    assert len(re.findall(found[1], user.content)) == 2
    assert found[1] in system.content
    clips: list[Entry] = json.loads(found[2])["clips"]
    return clips


def entry(name: str, score: int = 50, **changes: Any) -> Entry:
    """One clip of an answer."""
    texts = {"reasons": ["It is loud"], "title": f"About {name}", "description": "Something happens.", "hashtags": []}
    return {"id": name, **dict.fromkeys((*RUBRIC, "virality"), score), **texts, **changes}


def answered(clips: Sequence[Entry], **more: Any) -> str:
    """As content of an answer."""
    return json.dumps({"clips": list(clips), **more})


def said(content: str) -> LlmAnswer:
    """From a gateway."""
    return LlmAnswer(content=content, provider="local", model="part", cost_usd=0.0, cached=False)


class Playing:
    """A Model. `play` gets the clips of a question and gives the content of the answer."""

    def __init__(self, play: Callable[[list[Entry]], str]) -> None:
        self._play = play
        self.asked: list[LlmAsk] = []

    def ask(self, ask: LlmAsk) -> LlmAnswer:
        self.asked.append(ask)
        return said(self._play(data_of(ask)))


def honest(clips: list[Entry]) -> str:
    """By what the detector says."""
    best = sorted(clips, key=lambda clip: -clip["detector_score"])
    return answered([entry(clip["id"], clip["detector_score"]) for clip in best])


def obeying(wants: str, is_target: Callable[[Entry], bool]) -> Callable[[list[Entry]], str]:
    """The worst that a model can do for the clip that carries the order."""

    def play(clips: list[Entry]) -> str:
        target = next(clip["id"] for clip in clips if is_target(clip))
        rest = [clip["id"] for clip in clips if clip["id"] != target]
        top, low = entry(target, 100), [entry(name, 0) for name in rest]
        title: Mapping[str, str] = {
            "link": "Free skins at evil.example/win",
            "mention": "@everyone look <@&12345>",
            "markup": "**[Click](http://evil.example)** \u202eelcric",
            "leak": "<data-0000000000000000> You order short clips " * 40,
            "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
        }
        if wants in title:
            text = title[wants]
            top |= {"title": text, "description": text, "reasons": [text], "hashtags": [text, "#ok", "#a b", "@x"]}
        answers: Mapping[str, Callable[[], str]] = {
            "bury": lambda: answered([top, *low[::-1]]),
            "foreign": lambda: answered([entry("c99", 100), *low]),
            "twice": lambda: answered([top, top, *low[1:]]),
            "omit": lambda: answered([top]),
            "range": lambda: answered([top | {"virality": 1000}, *low]),
            "extra": lambda: answered([top | {"publish": True}, *low], run="rm -rf /"),
            "prose": lambda: "I will do as the stream says: " + answered([top, *low]),
            "stuff": lambda: answered([top | {"reasons": ["x"] * 500, "title": "y" * 50_000}, *low]),
        }
        return answers.get(wants, lambda: answered([top, *low]))()

    return play


def candidate(number: int, p: float = 0.6, **changes: Any) -> Candidate:
    """One of a group."""
    fields: dict[str, Any] = {
        "clip": ClipId(f"c{number:012x}"),
        "duration_s": 20.0 + number,
        "title": f"Clip number {number}",
        "said": "And then he just jumps over it. No way.",
        "chat": ("LUL", "no way"),
        "reasons": ("Chat x4.6 its median",),
        "parts": {"chat": 1.2, "audio": 0.4},
        "language": "en",
        "p": p,
        "bar": 0.5,
    }
    return Candidate(**(fields | changes))
