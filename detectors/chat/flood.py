"""What explains a busy chat without a moment: raids, gifts, greetings, pasted texts, bots. Pure.

Asked of one burst when it is judged. A crowd that reacts is recognised by those who always write: their lines rise
too, however many lurkers join in. Bots write instead of them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from core.media import ChatMessage
from core.times import Ns, ns
from detectors.baseline import ramp
from detectors.chat.options import FloodOptions
from detectors.chat.text import Tone, copies

_EXCESS: Final = 0.25  # of the lines at least: less than that is no burst, and dividing by it means nothing
_PASTES: Final = 300  # newest long lines compared
_FEW: Final = 3  # fewer accounts than this are people talking


class Line(NamedTuple):
    """What is kept of a message for a minute and a half; `mood` is -1000..1000."""

    t_ns: Ns
    user: str
    first_ns: Ns  # when its account wrote its first line
    tone: Tone
    paste: str | None
    reacts: bool
    newcomer: bool = False  # an account that wrote its first line just now
    mood: int = 0


class Norm(NamedTuple):
    """What the same stretch usually holds: lines, the share of them by newcomers, lines of an account in a minute."""

    lines: float
    newcomers: float
    lines_each: float


class Flood(NamedTuple):
    """How far something else explains a burst, 0..1, and what."""

    share: float
    why: str


class Notices:
    """Raids and gifts that the platform announced."""

    def __init__(self, options: FloodOptions) -> None:
        self._options = options
        self._floods: deque[tuple[Ns, str]] = deque(maxlen=100)

    def take(self, message: ChatMessage, t_ns: Ns) -> None:
        """A message that is no line of chat."""
        if message.kind == "raid" or (message.kind == "sub" and message.n >= self._options.gift):
            self._floods.append((t_ns, message.kind))

    def since(self, t_ns: Ns) -> Flood | None:
        """What was announced shortly before or after a time."""
        recent = {kind for then_ns, kind in self._floods if then_ns > t_ns - ns(self._options.notice_s)}
        if not recent:
            return None
        return Flood(1.0, f"a {'raid' if 'raid' in recent else 'gift of subscriptions'} explains the chat")


def explained(
    burst: Sequence[Line],
    watched: Sequence[Line],
    since_ns: Ns,
    minute: Mapping[str, int],
    norm: Norm,
    options: FloodOptions,
) -> Flood:
    """The best explanation of a burst by its own lines, of which `watched` made the alarm: all, or those that react.

    `minute`: lines of each account in the last minute; accounts whose first line came at `since_ns` or later never
    wrote before; `norm` is that of the watched lines.
    """
    if not burst or not watched:
        return Flood(0.0, "")
    return max(
        _greeting(burst, options),
        _copies(burst, options),
        _newcomers(watched, since_ns, norm, options),
        _heavy(watched, minute, norm, options),
        key=lambda flood: flood.share,
    )


def _greeting(burst: Sequence[Line], options: FloodOptions) -> Flood:
    share = sum(line.tone is Tone.GREETING for line in burst) / len(burst)
    return Flood(ramp(share, *options.greeting), "greetings explain the chat")


def _copies(burst: Sequence[Line], options: FloodOptions) -> Flood:
    pastes = [line.paste for line in burst if line.paste is not None][-_PASTES:]
    found = copies(pastes)
    share = found / min(len(burst), max(len(pastes), _PASTES))
    same = len(set(pastes)) < 0.5 * len(pastes)
    what = "one text pasted again and again explains" if same else f"{found + 1} nearly equal texts explain"
    return Flood(ramp(share, *options.copies), f"{what} the chat")


def _newcomers(burst: Sequence[Line], since_ns: Ns, norm: Norm, options: FloodOptions) -> Flood:
    new = [line.user for line in burst if line.first_ns >= since_ns]
    share = (len(new) - norm.newcomers * norm.lines) / _excess(burst, norm)
    believed = 1.0 - ramp(norm.newcomers, *options.crowded)
    accounts = len(set(new))
    return Flood(
        ramp(share, *options.newcomers) * believed if accounts >= _FEW else 0.0,
        f"{accounts} accounts that never wrote before explain the chat",
    )


def _heavy(burst: Sequence[Line], minute: Mapping[str, int], norm: Norm, options: FloodOptions) -> Flood:
    least = max(float(options.heavy_lines), options.heavy_times * norm.lines_each)
    lines = Counter(line.user for line in burst if minute.get(line.user, 0) >= least)
    share = sum(lines.values()) / _excess(burst, norm)
    each = sum(minute[user] for user in lines) / max(len(lines), 1)
    return Flood(
        ramp(share, *options.heavy),
        f"{len(lines)} accounts that write {each:.0f} lines a minute, usually {norm.lines_each:.1f}, explain the chat",
    )


def _excess(burst: Sequence[Line], norm: Norm) -> float:
    return max(len(burst) - norm.lines, _EXCESS * len(burst))
