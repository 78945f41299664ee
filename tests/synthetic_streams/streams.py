"""Recipes of any length, and recipes as files: media, chat and truth side by side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from daemon.demo.chat import as_line, make_chat
from daemon.demo.recipe import (
    CHAT_NEGATIVES,
    SOUND_NEGATIVES,
    SOUNDS,
    Family,
    Negative,
    NegativeKind,
    Planted,
    PlantedKind,
    Recipe,
    compose,
    negative,
    plant,
)
from daemon.demo.render import MediaOptions, VideoLoop, write_file
from tests.synthetic_streams.harder import (
    EXTRA_CHAT,
    EXTRAS,
    LENGTHS_S,
    LEVELS,
    Extra,
    ExtraKind,
    Harder,
    at_level,
    extra,
    extra_chat,
    harder_sound,
    replay_of,
    silent_under,
)

MOMENT_SPACING_S = 90.0  # detection.md section 5: planted at least 90 s apart
NEGATIVE_SPACING_S = 20.0
CHAT_CLEAR_S = 75.0  # a flood in the tail of a moment's burst could not be told from it
REPLAY_AFTER_S = 60.0  # a replay comes after its moment's chat
TRIES = 4000
Span = tuple[float, float]
_OURS: Final[tuple[NegativeKind, ...]] = (*SOUND_NEGATIVES, "keyboard", *CHAT_NEGATIVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFiles:
    """A recipe on disk. `chat` has `t_s` on stream time, which is the media time of the file."""

    media: Path
    chat: Path
    truth: Path
    recipe: Recipe


def plain(seed: int, duration_s: float, *, family: Family = "test") -> Recipe:
    """Talk, a game and a calm chat, and nothing worth a clip."""
    rng = np.random.default_rng([seed, 7])
    return compose(rng, seed=seed, family=family, duration_s=duration_s, moments=(), negatives=())


def longer(
    seed: int,
    minutes: float,
    *,
    moments_per_h: float = 6.0,
    negatives_per_h: float = 12.0,
    quiet: Sequence[Span] = (),
    chat_delay_s: float = 25.0,
    family: Family = "test",
) -> Recipe:
    """A long stream: moments of all kinds and hard negatives at a rate, none of either inside the `quiet` spans (s).

    The default chat delay is the one measured on ordinary streams (detection.md section 0). Raises ValueError when the
    moments do not fit.
    """
    rng = np.random.default_rng([seed, 8])
    duration_s = round(minutes * 30) * 2.0
    moments = _moments(rng, duration_s, round(moments_per_h * minutes / 60), quiet, chat_delay_s)
    negatives = _negatives(rng, duration_s, round(negatives_per_h * minutes / 60), quiet, moments)
    return compose(rng, seed=seed, family=family, duration_s=duration_s, moments=moments, negatives=negatives)


def harder(
    seed: int,
    minutes: float,
    *,
    moments_per_h: float = 6.0,
    negatives_per_h: float = 12.0,
    chat_delay_s: float = 25.0,
    family: Family = "test",
) -> Harder:
    """As `longer`, but a third of the moments is weak, a third of middle strength, and the hard negatives are of twice
    as many kinds (harder.py), all kinds before any comes again.
    """
    rng = np.random.default_rng([seed, 11])
    duration_s = round(minutes * 30) * 2.0
    plants = sorted(
        _moments(rng, duration_s, round(moments_per_h * minutes / 60), (), chat_delay_s), key=lambda p: p.start_s
    )
    names = list(LEVELS)
    levels = [names[place % 3] for place in rng.permutation(len(plants))]
    moments = [at_level(rng, moment, level) for moment, level in zip(plants, levels, strict=True)]
    ours: list[NegativeKind | ExtraKind] = [*_OURS, *EXTRAS]
    deck: list[NegativeKind | ExtraKind] = []
    while len(deck) < round(negatives_per_h * minutes / 60):
        deck += [ours[place] for place in rng.permutation(len(ours))]
    negatives: list[Negative] = []
    extras: list[Extra] = []
    for kind in deck[: round(negatives_per_h * minutes / 60)]:
        found = _place(rng, kind, duration_s, moments, [*negatives, *extras])
        (extras if isinstance(found, Extra) else negatives).append(found)  # type: ignore[arg-type]
    under = [Negative(kind="advert", start_s=one.start_s, end_s=one.end_s) for one in silent_under(extras)]
    recipe = compose(
        rng, seed=seed, family=family, duration_s=duration_s, moments=moments, negatives=[*negatives, *under]
    )
    recipe = replace(recipe, negatives=tuple(n for n in recipe.negatives if n not in under))
    parts = {part.name: getattr(recipe, part.name) for part in fields(recipe)}
    return Harder(**parts, extras=tuple(sorted(extras, key=lambda one: one.start_s)), levels=tuple(levels))


def write_stream(
    folder: Path,
    recipe: Recipe,
    *,
    suffix: str = ".mp4",
    video: VideoLoop | None = None,
    options: MediaOptions | None = None,
) -> StreamFiles:
    """Write a recipe as one media file (.mp4, .ts, .mkv) with its chat and truth beside it; kept if it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"stream-{recipe.family}-{recipe.seed}-{recipe.duration_s:.0f}"
    if isinstance(recipe, Harder):  # kept in a cache over changes of the recipe
        name += f"-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:8]}"
    stem = folder / name
    files = StreamFiles(
        media=stem.with_suffix(suffix),
        chat=stem.with_suffix(".chat.jsonl"),
        truth=stem.with_suffix(".truth.json"),
        recipe=recipe,
    )
    if not files.media.exists():
        partial = files.media.with_name(f"partial-{files.media.name}")
        with harder_sound():
            write_file(partial, recipe, video=video or VideoLoop(), options=options)
        partial.replace(files.media)
    messages = list(make_chat(recipe))
    if isinstance(recipe, Harder):
        messages = sorted((*messages, *extra_chat(recipe)), key=lambda message: message.t_ns)
    files.chat.write_text("".join(as_line(m) + "\n" for m in messages), encoding="utf-8")
    files.truth.write_text(json.dumps(recipe.truth(), indent=1), encoding="utf-8")
    return files


def _moments(
    rng: np.random.Generator, duration_s: float, count: int, quiet: Sequence[Span], chat_delay_s: float
) -> list[Planted]:
    kinds: list[PlantedKind] = ["sound_and_chat", "sound_and_chat", "chat_only", "sound_only"]
    found: list[Planted] = []

    def fits(start_s: float) -> bool:
        apart = all(abs(start_s - p.start_s) >= MOMENT_SPACING_S for p in found)
        return apart and not _inside(quiet, start_s - 10, start_s + 60)

    for _ in range(count):
        start_s = _draw(rng, 60.0, duration_s - 60.0, fits)
        kind = kinds[int(rng.integers(len(kinds)))]
        sound = "" if kind == "chat_only" else str(rng.choice(SOUNDS))
        found.append(plant(rng, kind, start_s, sound=sound, delay_s=chat_delay_s))
    return found


def _negatives(
    rng: np.random.Generator, duration_s: float, count: int, quiet: Sequence[Span], moments: Sequence[Planted]
) -> list[Negative]:
    found: list[Negative] = []
    for _ in range(count):
        kind = _OURS[int(rng.integers(len(_OURS)))]
        clear_s = CHAT_CLEAR_S if kind in CHAT_NEGATIVES else NEGATIVE_SPACING_S
        busy = [(p.start_s - NEGATIVE_SPACING_S, p.end_s + clear_s) for p in moments]
        busy += [(n.start_s - NEGATIVE_SPACING_S, n.end_s + NEGATIVE_SPACING_S) for n in found]
        taken = [*busy, *quiet]
        start_s = _draw(rng, 30.0, duration_s - 30.0, partial(_is_free, taken))
        found.append(negative(rng, kind, start_s, start_s + 8.0))
    return found


def _place(
    rng: np.random.Generator,
    kind: NegativeKind | ExtraKind,
    duration_s: float,
    moments: Sequence[Planted],
    others: Sequence[Negative | Extra],
) -> Negative | Extra:
    """One of a kind where there is room for it; a replay after some moment with sound, where there is none babble."""
    heard = [moment for moment in moments if moment.sound]
    source = heard[int(rng.integers((len(heard) + 1) // 2))] if kind == "replay" and heard else None
    is_extra = next((one for one in EXTRAS if one == kind), None)
    length_s = float(rng.uniform(*LENGTHS_S[is_extra])) if is_extra else 8.0
    clear_s = CHAT_CLEAR_S if kind in {*CHAT_NEGATIVES, *EXTRA_CHAT} else NEGATIVE_SPACING_S
    busy = [(p.start_s - NEGATIVE_SPACING_S, p.end_s + clear_s) for p in moments]
    busy += [(n.start_s - NEGATIVE_SPACING_S, n.end_s + NEGATIVE_SPACING_S) for n in others]
    first_s = 30.0 if source is None else source.end_s + REPLAY_AFTER_S
    start_s = _draw(rng, first_s, duration_s - 80.0, lambda t: not _inside(busy, t, t + length_s))
    if source is not None:
        return replay_of(source, start_s)
    if is_extra:
        return extra(rng, "babble" if kind == "replay" else is_extra, start_s, length_s)
    return negative(rng, next(one for one in _OURS if one == kind), start_s, start_s + 8.0)


def _draw(rng: np.random.Generator, low_s: float, high_s: float, fits: Callable[[float], bool]) -> float:
    for _ in range(TRIES):
        at_s = float(rng.uniform(low_s, high_s))
        if fits(at_s):
            return at_s
    raise ValueError(f"no room left between {low_s:.0f} s and {high_s:.0f} s")


def _is_free(taken: Sequence[Span], start_s: float) -> bool:
    return not _inside(taken, start_s, start_s + 8.0)


def _inside(spans: Sequence[Span], start_s: float, end_s: float) -> bool:
    return any(start_s < b and end_s > a for a, b in spans)
