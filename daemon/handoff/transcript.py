"""transcript.txt and transcript.json: what is said in a clip, for people and for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from core.lines import word_fields
from core.times import Ns, clock_text, to_s
from core.words import Word, sentences, text_of
from daemon.handoff.texts import shown

SCHEMA: Final = 1
_MOST: Final = 20_000  # words; two hours of fast speech


def transcript_txt(words: Sequence[Word]) -> str:
    """A sentence a line, with the time it begins at; words count from the clip's first frame."""
    lines = (f"[{clock_text(part[0].start_ns)}] {_line(part)}" for part in sentences(words[:_MOST]))
    return "".join(f"{line}\n" for line in lines)


def transcript_json(words: Sequence[Word], length_ns: Ns) -> str:
    """Words with times and certainty, as clip.json has them, and the sentences they form."""
    document = {
        "schema": SCHEMA,
        "length_s": to_s(length_ns),
        "sentences": [
            {"start_s": to_s(part[0].start_ns), "end_s": to_s(part[-1].end_ns), "text": _line(part)}
            for part in sentences(words[:_MOST])
        ],
        "words": [word_fields(word, Ns(0)) | {"text": shown(word.text)} for word in words[:_MOST]],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _line(part: Sequence[Word]) -> str:
    return " ".join("".join(x if x.isprintable() else " " for x in text_of(part)).split())
