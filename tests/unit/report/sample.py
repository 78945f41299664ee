"""A report with everything in it: clips, a manual cut, hostile texts, near misses, gaps, sheds, warnings."""

from __future__ import annotations

import math
from pathlib import Path

from core.media import Gap
from core.times import Ns, ns
from core.words import Word
from daemon.report import (
    Curve,
    EpochMark,
    GameMark,
    NearMiss,
    ReportClip,
    ReportData,
    ReportSpeech,
    Sentence,
    Shed,
    Warned,
)

HOSTILE = '"><script>document.title="owned"</script><img src=x onerror=alert(1)> \u202e\x07{{7*7}} &amp;'


def sample(masters: list[tuple[Path, Path]], media_s: float = 90.0) -> ReportData:
    """`masters` are (master, thumbnail) of the clips, in the order of their times."""
    return ReportData(
        session="s20261121t101500-abc123",
        source="https://www.example.tv/somebody",
        profile="gaming",
        started="2026-11-21 10:15:00 UTC",
        media_ns=ns(media_s),
        wall_s=91.2,
        lag_s=1.4,
        ended="endlist",
        streams=("video h264 640x480 35 fps", "audio aac 44100 Hz 2 ch"),
        clips=tuple(_clip(index, *files) for index, files in enumerate(masters)),
        near_misses=(
            NearMiss(
                start_ns=ns(12.34),
                end_ns=ns(21.5),
                anchor_ns=ns(17),
                p=0.41,
                bar=0.55,
                reason="below_bar",
                why=("Loudness rose 9.1 dB in 0.6 s", "Chat silent"),
            ),
            NearMiss(
                start_ns=ns(80), end_ns=ns(88), anchor_ns=ns(84), p=0.62, bar=0.55, reason="budget", why=(HOSTILE,)
            ),
        ),
        curves=(_curve("Loudness", "dB", media_s, -52, 30), _curve("Chat", "messages in 10 s", media_s, 2, 45)),
        epochs=(EpochMark(start_ns=ns(33), reason="discontinuity"),),
        gaps=(Gap(start_ns=ns(31), end_ns=ns(33), reason="segment_lost"),),
        sheds=(Shed(stage="scenes", start_ns=ns(40), end_ns=ns(44)),),
        warnings=(Warned(code="chat_late", message="Chat was 12 s behind", remedy="Set --chat-delay."),),
        versions={"clipd": "0.1.0", "av": "18.1.0"},
        cut_options=("--data-dir", "/data dir/clipd"),
        speech=ReportSpeech(
            model="whisper base, int8, cpu",
            language="en",
            words=1234,
            speech_s=61.5,
            sentences=(
                Sentence(start_ns=ns(1.2), text="Okay, I hear footsteps on the left, let me check this corner first."),
                Sentence(start_ns=ns(57.5), text="Did you see that?"),
                Sentence(start_ns=ns(70), text=HOSTILE),
            ),
            sentence_count=3,
            gaps=(Gap(start_ns=ns(44), end_ns=ns(46), reason="behind", track="speech"),),
            command="clipd transcript s20261121t101500-abc123 --data-dir '/data dir/clipd'",
        ),
        game=(
            GameMark(t_ns=ns(58), own=True, text="kill: Clipper > ash (rifle)"),
            GameMark(t_ns=ns(60), own=True, text=HOSTILE),
            GameMark(t_ns=ns(61), own=False, text="kill: ash > bo"),
        ),
    )


def say(text: str, start_s: float, word_s: float = 0.3) -> tuple[Word, ...]:
    """Words in one go."""
    return tuple(
        Word(
            text=word,
            start_ns=ns(start_s + at * word_s),
            end_ns=ns(start_s + (at + 1) * word_s),
            prob=0.9,
            vad=0.9,
            epoch=0,
        )
        for at, word in enumerate(text.split(" "))
    )


def _clip(index: int, master: Path, thumbnail: Path) -> ReportClip:
    return ReportClip(
        id=f"c{index:012x}",
        revision=1 + (index == 1),
        state=("final", "provisional", "withdrawn")[index % 3],
        title=("Five frags in nine seconds", HOSTILE, "Cut by hand")[index % 3],
        start_ns=ns((56, 20, 5)[index % 3]),
        end_ns=ns((72, 31, 9)[index % 3]),
        anchor_ns=ns(64),
        p=(0.93, 0.61, None)[index % 3],
        bar=(0.55, 0.55, None)[index % 3],
        strength="likely",
        parts=({"audio": 2.4, "chat": 1.9, "game": 0.6, "speech": -0.7}, {"audio": 1.1}, {})[index % 3],
        reasons=(
            ("Chat at 41 messages in 10 s, 9 times its usual", "Loudness rose 12.4 dB in 0.8 s"),
            (HOSTILE,),
            ("Cut by hand",),
        )[index % 3],
        master=master,
        finished=(master.with_name("vertical.mp4"),) if index == 1 else (),
        thumbnail=thumbnail,
        latency_s=(3.4, 9.8, None)[index % 3],
        waited_for_chat=index % 3 == 1,
        av_head_ms=0.0,
        av_tail_ms=-6.7,
        notes=((), ("evicted_head", "transcoded_video"), ())[index % 3],
        words=(
            say("Okay, they are two and I am one. No way, no way! That was five in a row! Clip that, chat!", 58.5),
            say(HOSTILE, 63),
            (),
        )[index % 3],
    )


def _curve(name: str, unit: str, media_s: float, low: float, rise: float) -> Curve:
    points = []
    for step in range(int(media_s * 2)):
        t = step / 2
        burst = math.exp(-(((t - 64) / 4) ** 2)) + 0.5 * math.exp(-(((t - 25) / 3) ** 2))
        points.append((ns(t), low + rise * burst + 2 * math.sin(t * 1.7)))
    return Curve(name=name, unit=unit, points=tuple((Ns(t), v) for t, v in points))
