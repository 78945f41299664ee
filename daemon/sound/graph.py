"""A sound plan as a filter graph. Pure.

tracks -> 48 kHz stereo -> mix (ducked) -> cleaned -> gate (fades, masks) -> gain -> bleep -> limiter -> exact length
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from core.times import Ns
from daemon.ffmpeg import Chain, Expression, Filter, Graph, chain
from daemon.sound.envelope import expression, gate, mask_gate, samples
from daemon.sound.model import RATE, SoundPlan, TrackUse, Treatment

BLEEP_HZ: Final = 1000
BLEEP_UNDER_DB: Final = (
    6.0  # a sine of this amplitude under the target in both channels is heard about as loud as speech
)
OVERSAMPLED: Final = 4 * RATE  # BS.1770-5 annex 2 asks for four times 48 kHz to see true peaks
_STEREO: Final = Filter.of("aformat", sample_fmts="fltp", sample_rates=RATE, channel_layouts="stereo")
# afftdn: `nr` dB of reduction under a floor of `nf` dB. Its own tracking of the floor (tn) was measured to take 2 dB
# instead of 10; a floor set too high costs speech 0.3 dB (light) to 0.7 dB (strong). It delays by 25 ms, undone here.
_DELAY: Final = RATE // 40
_BEFORE: Final = Filter.of("apad", pad_len=_DELAY)
_AFTER: Final = (
    Filter.of("atrim", start_sample=_DELAY),
    Filter.of("asetpts", expr=Expression("PTS-STARTPTS")),
)
_DENOISE: Final = {
    "off": (),
    "light": (_BEFORE, Filter.of("afftdn", nr=10, nf=-25), *_AFTER),
    "strong": (_BEFORE, Filter.of("highpass", f=80), Filter.of("afftdn", nr=24, nf=-22), *_AFTER),
}
# Speech: under 90 Hz there is rumble only; 250 Hz is the boom of small rooms, 3 kHz carries consonants.
_CLARITY: Final = (
    Filter.of("highpass", f=90),
    Filter.of("equalizer", f=250, t="o", w=1.2, g=-2.5),
    Filter.of("equalizer", f=3000, t="o", w=1.6, g=3.5),
)
# 20 ms: before the first syllable ends; 350 ms: over pauses between words. 4:1 over a threshold 12 dB under the voice.
_DUCK: Final = {"ratio": 4, "attack": 20, "release": 350, "knee": 4}
_SILENCE_DB: Final = -60.0  # sidechaincompress takes no lower threshold


def sound_graph(plan: SoundPlan, inputs: Sequence[str], output: str) -> Graph:
    """`inputs`: the pads of the source's audio tracks (`0:a:0`, `0:a:1`, ...); `output`: the pad of the finished sound.

    48 kHz, stereo, float, and exactly as long as the plan. Pads in between begin with `snd_`. Raises IndexError where
    the plan names a track that is not among the inputs.
    """
    if plan.method == "absent":
        return Graph((chain((), [_source(Expression("0"), plan.length_ns), *_cut(plan.length_ns)], output),))
    chains = list(treatment_graph(plan.treatment, inputs, "snd_clean", plan.duck_threshold_db).chains)
    points = gate(plan.length_ns, fade_ns=plan.fade_ns, joins_ns=plan.joins_ns, masks=plan.masks)
    chains.append(chain("snd_clean", _cut(plan.length_ns), "snd_whole"))
    chains.append(chain((), [_source(expression(points), plan.length_ns)], "snd_gate"))
    gained = [Filter.of("amultiply"), Filter.of("volume", volume=_ratio(plan.gain_db), precision="float")]
    chains.append(chain(["snd_whole", "snd_gate"], gained, "snd_gained"))
    last = "snd_gained"
    if plan.masks and plan.mask_style == "bleep":
        chains += _bleep(plan, last)
        last = "snd_bleeped"
    chains.append(chain(last, [*_limiter(plan), *_cut(plan.length_ns), _STEREO], output))
    return Graph(tuple(chains))


def treatment_graph(treatment: Treatment, inputs: Sequence[str], output: str, duck_db: float | None) -> Graph:
    """The mix and what cleans it, as it is measured. `duck_db` is the threshold of the ducking; None: just a mix."""
    chains = [_track(inputs[use.index], use, f"snd_t{number}") for number, use in enumerate(treatment.tracks)]
    pads = [(use, f"snd_t{number}") for number, use in enumerate(treatment.tracks)]
    voices = [pad for use, pad in pads if use.role == "voice"]
    backs = [pad for use, pad in pads if use.role == "background"]
    rest = [pad for use, pad in pads if use.role == "mix"]
    if voices and backs and duck_db is not None:
        chains.append(_mix(voices, "snd_voice"))
        chains.append(chain("snd_voice", [Filter.of("asplit", outputs=2)], ["snd_said", "snd_key"]))
        chains.append(_mix(backs, "snd_back"))
        threshold = _ratio(max(duck_db, _SILENCE_DB))
        duck = Filter.of("sidechaincompress", threshold=threshold, **_DUCK)
        chains.append(chain(["snd_back", "snd_key"], [duck], "snd_ducked"))
        chains.append(_mix(["snd_said", "snd_ducked", *rest], "snd_mixed"))
    else:
        chains.append(_mix([*voices, *backs, *rest], "snd_mixed"))
    cleaned = [*_DENOISE[treatment.denoise], *(_CLARITY if treatment.clarity else ())]
    chains.append(chain("snd_mixed", cleaned or [Filter.of("anull")], output))
    return Graph(tuple(chains))


def _track(pad: str, use: TrackUse, output: str) -> Chain:
    # async=1 fills holes of more than 0.1 s with silence and never stretches; first_pts=0 keeps a late start late
    steps = [Filter.of("aresample", osr=RATE, **{"async": 1}, first_pts=0), _STEREO]
    if use.gain_db:
        steps.append(Filter.of("volume", volume=_ratio(use.gain_db), precision="float"))
    return chain(pad, steps, output)


def _mix(pads: Sequence[str], output: str) -> Chain:
    if len(pads) == 1:
        return chain(pads[0], [Filter.of("anull")], output)
    return chain(pads, [Filter.of("amix", inputs=len(pads), normalize=0, dropout_transition=0)], output)


def _source(of_sample: Expression, length_ns: Ns) -> Filter:
    return Filter.of(
        "aevalsrc", exprs=of_sample, channel_layout="stereo", sample_rate=RATE, duration=length_ns / 1e9 + 0.1
    )


def _cut(length_ns: Ns) -> list[Filter]:
    total = samples(length_ns)
    return [Filter.of("apad", whole_len=total), Filter.of("atrim", end_sample=total)]


def _bleep(plan: SoundPlan, pad: str) -> Iterator[Chain]:
    level = _ratio(plan.aim_lufs - BLEEP_UNDER_DB)
    when = expression(mask_gate(plan.length_ns, plan.masks))
    tone = Expression(f"({when})*{level:.5f}*sin(2*PI*{BLEEP_HZ}*n/{RATE})")
    yield chain((), [_source(tone, plan.length_ns), *_cut(plan.length_ns)], "snd_tone")
    mixed = Filter.of("amix", inputs=2, normalize=0, duration="first", dropout_transition=0)
    yield chain([pad, "snd_tone"], [mixed], "snd_bleeped")


def _limiter(plan: SoundPlan) -> list[Filter]:
    """Looks ahead 5 ms at four times the rate, so that peaks between samples are held too."""
    if plan.ceiling_dbtp is None:
        return []
    held = Filter.of("alimiter", limit=_ratio(plan.ceiling_dbtp), level=0, attack=5, release=40, latency=1)
    return [Filter.of("aresample", osr=OVERSAMPLED), held, Filter.of("aresample", osr=RATE)]


def _ratio(db: float) -> float:
    return math.pow(10, db / 20)
