"""Takes of a recording room as they lie on the disk, with known content: who says what when, flashes and beeps.

Each person has a colour, a tone and speech of their own. On every whole second of room time their picture turns white
for 100 ms and their tone sounds, so that sync can be measured in whatever is made of it.
"""

from __future__ import annotations

import json
import math
import subprocess
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from daemon.demo.speech import ASSETS
from daemon.ffmpeg import ffmpeg_path
from daemon.files import sha256_of

RATE: Final = 48_000
ZERO_MS: Final = 90_000.0  # room time at which takes here begin
BEEP_S: Final = 0.1
SESSION: Final = "s20260101t000000-abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A recorder's run: it starts `start_s` after the take's zero, its clock runs `ppm` slow, its start event is said
    to be `late_ms` later; `cut` (s of the file, s) is sound that it lost."""

    track: str = "cam"
    start_s: float = 0.5
    length_s: float = 100.0
    ppm: float = 0.0
    late_ms: float = 0.0
    cut: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """`seen_s`: when their backup has a picture; none: sound alone. `speaks_s`: when they speak; all the time."""

    pid: str
    name: str
    tone_hz: float
    colour: str = "0x204060"
    voice: int = 0
    seen_s: tuple[tuple[float, float], ...] = ((0.0, 1e9),)
    speaks_s: tuple[tuple[float, float], ...] = ((0.0, 1e9),)
    locals: tuple[Local, ...] = ()
    backup: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTake:
    """Where it lies, and its truth: `offsets_ms` by segment."""

    folder: Path
    length_s: float
    offsets_ms: Mapping[str, float]
    ppm: Mapping[str, float] = field(default_factory=dict)

    @property
    def end_ms(self) -> float:
        return ZERO_MS + self.length_s * 1000


def make_take(
    data: Path,
    guests: Sequence[Guest],
    *,
    length_s: float,
    layout: str = "grid",
    stopped: bool = True,
    rows: Sequence[Mapping[str, Any]] = (),
) -> MadeTake:
    """DATA/rooms/rmtest/t1 with backups, local files and the ledger of a session whose media 0 is the take's zero."""
    folder = data / "rooms" / "rmtest" / "t1"
    folder.mkdir(parents=True)
    ledger: list[dict[str, Any]] = [
        {"type": "start", "room_ms": ZERO_MS, "session": SESSION, "layout": layout},
        {"type": "media", "room_ms": ZERO_MS, "epoch": 0, "media_ns": 0, "session": SESSION},
    ]
    segments: list[dict[str, Any]] = []
    truth: dict[str, float] = {}
    drift: dict[str, float] = {}
    for guest in guests:
        ledger.append({"type": "join", "room_ms": ZERO_MS, "pid": guest.pid, "name": guest.name, "role": "guest"})
        sound = room_sound(guest, length_s)
        if guest.backup:
            ledger += _backups(folder, guest, sound, length_s)
        for number, local in enumerate(guest.locals):
            seg = f"{guest.pid}-{local.track}-{number}"
            name = _local(folder, guest, local, sound, seg, length_s)
            start_ms = ZERO_MS + local.start_s * 1000
            truth[seg], drift[seg] = start_ms, local.ppm
            segments.append(
                {
                    "seg": seg,
                    "pid": guest.pid,
                    "track": local.track,
                    "file": name,
                    "mime": "video/webm;codecs=vp8,opus" if local.track != "mic" else "audio/webm;codecs=opus",
                    "t_ms": start_ms + local.late_ms,
                    "sha256": sha256_of(folder / name),
                    "state": "verified",
                }
            )
    ledger += [dict(row) for row in rows]
    end_ms = ZERO_MS + length_s * 1000
    ledger += [{"type": "stop", "room_ms": end_ms}] if stopped else [{"type": "mark", "room_ms": end_ms, "text": ""}]
    (folder / "take.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ledger))
    (folder / "local.json").write_text(json.dumps(segments))
    return MadeTake(folder=folder, length_s=length_s, offsets_ms=truth, ppm=drift)


def speech(length_s: float, voice: int = 0) -> NDArray[np.float32]:
    """Somebody who talks, 48 kHz; voices differ."""
    files = sorted(ASSETS.glob("*.opus"))
    out = np.zeros(0, np.float32)
    for path in files[voice * 4 % len(files) :] + files:
        if len(out) >= length_s * RATE:
            break
        with av.open(str(path)) as source:
            resampler = av.AudioResampler("flt", "mono", RATE)
            parts = [each.to_ndarray()[0] for frame in source.decode(audio=0) for each in resampler.resample(frame)]
        out = np.concatenate((out, *parts))
    return out[: round(length_s * RATE)].astype(np.float32)


def room_sound(guest: Guest, length_s: float) -> NDArray[np.float32]:
    """What their microphone hears from the take's zero on."""
    said = speech(length_s, guest.voice) * 0.5
    at = np.arange(len(said)) / RATE
    allowed = np.zeros(len(said), bool)
    for low, high in guest.speaks_s:
        allowed |= (at >= low) & (at < high)
    beep = np.where(at % 1 < BEEP_S, 0.15 * np.sin(2 * math.pi * guest.tone_hz * at), 0)
    heard: NDArray[np.float32] = (np.where(allowed, said, 0) + beep).astype(np.float32)
    return heard


def heard_at(sound: NDArray[np.float32], local: Local, length_s: float) -> NDArray[np.float32]:
    """The same as a recorder has it whose clock is slow and that starts late."""
    slow = 1 + local.ppm * 1e-6
    size = int(min(local.length_s, (length_s - local.start_s) / slow) * RATE)
    at_sample = local.start_s * RATE + np.arange(size) * slow
    out: NDArray[np.float32] = np.interp(at_sample, np.arange(len(sound)), sound).astype(np.float32)
    if local.cut is not None:
        at, gone = (round(seconds * RATE) for seconds in local.cut)
        out = np.concatenate((out[:at], out[at + gone :]))
    return out


def ffmpeg(*arguments: str) -> None:
    """Run it; what it says is shown where it fails."""
    subprocess.run([ffmpeg_path(), "-v", "error", "-nostdin", "-y", *arguments], check=True)


def write_pcm(path: Path, sound: NDArray[np.float32]) -> Path:
    """A WAV of one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())
    return path


def _backups(folder: Path, guest: Guest, sound: NDArray[np.float32], length_s: float) -> list[dict[str, Any]]:
    rows = []
    mic = folder / guest.pid / "mic" / "backup-0.mkv"
    mic.parent.mkdir(parents=True)
    pcm = write_pcm(mic.with_suffix(".wav"), sound)
    shift = f"asetpts=PTS+{ZERO_MS / 1000}/TB"
    ffmpeg("-i", str(pcm), "-af", shift, "-c:a", "libopus", "-b:a", "32k", "-copyts", str(mic))
    pcm.unlink()
    rows.append(_track_row(guest, "mic", 0, ZERO_MS, "opus"))
    for gen, (low, seen_until) in enumerate(guest.seen_s):
        cam = folder / guest.pid / "cam" / f"backup-{gen}.mkv"
        cam.parent.mkdir(parents=True, exist_ok=True)
        high = min(seen_until, length_s)
        shift = f"setpts=PTS+{ZERO_MS / 1000 + low}/TB"
        picture = _picture(guest, high - low, f"mod(t+{low},1)", "320x180")
        coded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-pix_fmt", "yuv420p"]
        ffmpeg("-f", "lavfi", "-i", picture, "-vf", shift, *coded, "-copyts", str(cam))
        rows.append(_track_row(guest, "cam", gen, ZERO_MS + low * 1000, "h264"))
    return rows


def _local(folder: Path, guest: Guest, local: Local, sound: NDArray[np.float32], seg: str, length_s: float) -> str:
    name = f"{guest.pid}/{local.track}/local-{seg}.webm"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    heard = heard_at(sound, local, length_s)
    pcm = write_pcm(path.with_suffix(".wav"), heard)
    arguments = ["-i", str(pcm)]
    coded = ["-c:a", "libopus", "-b:a", "64k"]
    if local.track != "mic":
        phase = f"mod(t*{1 + local.ppm * 1e-6:.9f}+{local.start_s},1)"
        arguments = ["-f", "lavfi", "-i", _picture(guest, len(heard) / RATE, phase, "384x216"), *arguments]
        coded += ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k", "-g", "90"]
    ffmpeg(*arguments, *coded, "-shortest", str(path))
    pcm.unlink()
    return name


def _picture(guest: Guest, length_s: float, phase: str, size: str) -> str:
    flash = f"drawbox=c=white:t=fill:enable='lt({phase},{BEEP_S})'"
    return f"color=c={guest.colour}:s={size}:r=30:d={length_s:.3f},{flash}"


def _track_row(guest: Guest, track: str, gen: int, start_ms: float, codec: str) -> dict[str, Any]:
    file = f"{guest.pid}/{track}/backup-{gen}.mkv"
    return {
        "type": "track", "room_ms": start_ms, "pid": guest.pid, "track": track, "gen": gen, "file": file,
        "start_room_ms": start_ms, "codec": codec,
    }  # fmt: skip


def flashes(path: Path) -> list[float]:
    """Seconds at which a file's picture turns white."""
    found, before = [], 0.0
    with av.open(str(path)) as source:
        for frame in source.decode(video=0):
            level = float(frame.reformat(32, 18, "gray").to_ndarray().mean())
            if level > 180 > before:
                found.append(float(frame.time or 0))
            before = level
    return found


def beeps(sound: NDArray[np.float32], hz: float) -> list[float]:
    """Seconds at which a tone begins in sound of 48 kHz."""
    size = RATE // 200  # 5 ms
    count = len(sound) // size
    at = np.arange(count * size) / RATE
    turned = sound[: count * size] * np.exp(-2j * math.pi * hz * at)
    power = np.abs(np.convolve(turned.reshape(count, size).mean(axis=1), np.ones(4) / 4, "valid"))
    loud = power > 0.5 * np.percentile(power, 97)
    return [float((index + 2) * size / RATE) for index in np.flatnonzero(loud[1:] & ~loud[:-1])]


def tone_level(sound: NDArray[np.float32], hz: float) -> float:
    """How loud a tone is where beeps are, in the median."""
    whole, part = RATE, round(0.08 * RATE)
    turn = np.exp(-2j * math.pi * hz * np.arange(part) / RATE)
    starts = range(round(1.01 * RATE), len(sound) - part, whole)
    return float(np.median([abs(np.mean(sound[at : at + part] * turn)) for at in starts]))


def sound_of(path: Path) -> NDArray[np.float32]:
    """A file's sound as one channel of 48 kHz, from its time 0 on."""
    with av.open(str(path)) as source:
        resampler = av.AudioResampler("flt", "mono", RATE)
        first = None
        parts = []
        for frame in source.decode(audio=0):
            first = float(frame.time or 0) if first is None else first
            parts += [each.to_ndarray()[0] for each in resampler.resample(frame)]
    joined = np.concatenate(parts)
    shift = round((first or 0) * RATE)
    return np.concatenate((np.zeros(shift, np.float32), joined)) if shift >= 0 else joined[-shift:]
