"""Decides gain and limiter from what was measured, and corrects them by what came out. Pure.

A gain alone changes nothing but the level, so it is used wherever peaks leave room; else a limiter holds them. Noise
and near silence are not lifted to the level of speech.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from daemon.sound.flatness import NOISE
from daemon.sound.model import Loudness, Method, SoundMeasure, SoundPlan, SoundWishes

MOST_LIFT_DB: Final = 30.0  # judgement: a whisper at -44 LUFS is still brought up, a microphone's hiss at -60 is not
NOISE_LIFT_DB: Final = 12.0  # judgement: steady noise four times as strong is what people still take for the room
TAKEN_BACK_DB: Final = 4.0  # more gain than that for what the limiter takes back of it
MOST_LIMITING_DB: Final = 24.0  # judgement: a knock on the table over quiet speech may be held back so far, no more
CODEC_ROOM_DB: Final = 0.5  # measured: enough for AAC at 128 kbit/s in four of five sounds; the others are corrected
STEADY_LU: Final = 3.0  # judgement: loudness range of hiss, hum and rain; speech and games have 5 and more
TOLERANCE_LU: Final = 0.5  # of the 1 LU that is promised
_DUCK_UNDER_DB: Final = 12.0


def plan_sound(measure: SoundMeasure, wishes: SoundWishes) -> SoundPlan:
    """Gain, limiter and gate for one clip. Caps say so in `reasons`."""
    level = _level(measure, wishes)
    return SoundPlan(
        length_ns=measure.length_ns,
        method=level.method,
        gain_db=round(level.gain_db, 2),
        most_gain_db=round(level.most_db, 2),
        ceiling_dbtp=level.ceiling_dbtp,
        target_lufs=wishes.target_lufs,
        aim_lufs=round(min(wishes.target_lufs, level.aim_lufs), 2),
        peak_dbtp=wishes.peak_dbtp,
        treatment=measure.treatment,
        duck_threshold_db=duck_threshold(measure),
        masks=wishes.masks,
        mask_style=wishes.mask_style,
        fade_ns=wishes.fade_ns,
        joins_ns=wishes.joins_ns,
        reasons=level.reasons,
    )


def duck_threshold(measure: SoundMeasure) -> float | None:
    """12 dB under the loudest voice track; None where there is no voice, nothing under it, or no ducking is wished."""
    uses = measure.treatment.tracks
    voices = [
        heard.integrated_lufs + use.gain_db
        for use, heard in zip(uses, measure.by_track, strict=False)
        if use.role == "voice" and not heard.silent
    ]
    if not measure.treatment.duck or not voices or not any(use.role == "background" for use in uses):
        return None
    return round(max(voices) - _DUCK_UNDER_DB, 2)


def corrected(plan: SoundPlan, heard: Loudness) -> SoundPlan | None:
    """The plan to try next after the encoded output was `heard`; None when there is nothing to correct."""
    over_db = heard.true_peak_dbtp - plan.peak_dbtp
    gain = plan.gain_db
    if plan.method not in ("absent", "untouched") and not heard.silent:
        off_lu = plan.aim_lufs - heard.integrated_lufs
        if abs(off_lu) > TOLERANCE_LU:
            # a limiter takes back a part of what is added: a third where it does little, more where it does much
            share = 1.0 if plan.ceiling_dbtp is None else 1.4 if abs(off_lu) < 1 else 2.0
            gain = round(min(gain + off_lu * share, plan.most_gain_db), 2)
    ceiling, reasons = plan.ceiling_dbtp, plan.reasons
    if over_db >= 0:  # a reading of exactly the limit may have been rounded down
        ceiling = round((plan.peak_dbtp - CODEC_ROOM_DB if ceiling is None else ceiling) - over_db - 0.1, 2)
    elif ceiling is not None and gain > plan.gain_db and over_db < -1:
        ceiling = round(min(ceiling - over_db - CODEC_ROOM_DB, plan.peak_dbtp - CODEC_ROOM_DB), 2)
    elif ceiling is None and over_db + gain - plan.gain_db >= 0:
        ceiling = round(plan.peak_dbtp - CODEC_ROOM_DB, 2)
    if (gain, ceiling) == (plan.gain_db, plan.ceiling_dbtp):
        return None
    if plan.ceiling_dbtp is None and ceiling is not None:
        reasons = (*reasons, "A limiter was added: encoded, a peak stood over the limit.")
    method = plan.method if ceiling is None else "limited"
    return replace(plan, gain_db=gain, ceiling_dbtp=ceiling, method=method, reasons=reasons)


class _Level(NamedTuple):
    method: Method
    gain_db: float
    most_db: float
    ceiling_dbtp: float | None
    aim_lufs: float
    reasons: tuple[str, ...]


def _level(measure: SoundMeasure, wishes: SoundWishes) -> _Level:
    heard, target = measure.loudness, wishes.target_lufs
    was = heard.integrated_lufs
    if not measure.by_track:
        return _Level(
            "absent", 0, 0, None, was, ("The source has no sound: silence is written, players expect a track.",)
        )
    if heard.silent:
        return _Level("untouched", 0, 0, None, was, ("Nothing is louder than -70 LUFS: silence is left as it is.",))
    said = [f"Measured {was:.1f} LUFS, {heard.true_peak_dbtp:.1f} dBTP; wanted {target:.1f} LUFS."]
    noise = measure.flatness >= NOISE and heard.range_lu <= STEADY_LU
    wanted, lift = target - was, NOISE_LIFT_DB if noise else MOST_LIFT_DB
    gain = min(wanted, lift)
    if gain < wanted:
        what = "steady noise" if noise else "very quiet"
        said.append(f"Raised by {gain:.0f} dB, not {wanted:.1f}: the sound is {what}, more would raise noise.")
    ceiling = round(wishes.peak_dbtp - CODEC_ROOM_DB, 2)
    over, deepest = heard.true_peak_dbtp + gain - ceiling, ceiling + MOST_LIMITING_DB - heard.true_peak_dbtp
    most = gain if gain < wanted else min(deepest, MOST_LIFT_DB + TAKEN_BACK_DB)
    if over <= 0:
        said.append(f"A gain of {gain:+.1f} dB leaves every peak under the limit.")
        return _Level("linear", gain, most, None, was + gain, tuple(said))
    if gain > deepest:
        said.append(f"Raised by {deepest:.1f} dB only: its peaks would have to be held back by {over:.0f} dB.")
        gain, most, over = deepest, deepest, MOST_LIMITING_DB
    said.append(f"A gain of {gain:+.1f} dB takes peaks {over:.1f} dB over the limit: a limiter holds them.")
    return _Level("limited", gain, most, ceiling, was + gain, tuple(said))
