"""HUD folders: shipped ones load, and whatever else lies in a folder ends in a message, never in a crash or a wait."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import struct
import wave
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs.games import hud_folder
from configs.huds import hud_names, load_hud
from core.errors import UsageError
from core.game import GameKind
from tests.hud_scenes import TREE, digit, medal, menu, rgba, skull


def png(picture: Any) -> bytes:
    """Encoded as any program would."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))[1].tobytes()


def wav(seconds: float = 0.5, rate: int = 48_000, channels: int = 1, width: int = 2, level: float = 0.5) -> bytes:
    """A tone of 440 Hz."""
    tone = level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    whole = (tone * (2 ** (8 * width - 1) - 1)).astype("<i4")
    data = np.repeat(whole, channels).view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(data)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good one, of the drawn HUD."""
    pictures = {"skull": skull(), "medal2": medal(2), "medal3": medal(3), "menu": menu()}
    for name, picture in (pictures | {f"d{i}": digit(i) for i in range(10)}).items():
        (tmp_path / f"{name}.png").write_bytes(png(rgba(picture)))
    write(tmp_path, TREE)
    return tmp_path


class _Plain(yaml.SafeDumper):
    """Without aliases, which we refuse."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write(folder: Path, tree: Any) -> None:
    (folder / "hud.yaml").write_text(yaml.dump(tree, Dumper=_Plain))


def changed(**keys: Any) -> dict[str, Any]:
    return {**copy.deepcopy(TREE), **keys}


def test_every_shipped_hud_loads() -> None:
    for name in hud_names():
        loaded = load_hud(name)
        assert loaded.hud.game == name
        assert loaded.marks.keys() == loaded.hud.marks.keys()


def test_a_folder_becomes_a_hud(folder: Path) -> None:
    (folder / "win.wav").write_bytes(wav())
    write(folder, changed(sounds={"win": {"file": "win.wav", "event": "victory"}}))
    loaded = load_hud(str(folder))
    assert loaded.hud.title == "Drawn"
    assert loaded.marks["skull"].shape == (18, 18, 4)
    assert (loaded.marks["skull"][..., :3] == skull()).all()
    assert loaded.cues["win"].rule.event is GameKind.VICTORY
    assert loaded.cues["win"].samples.shape == (8_000,)


@pytest.mark.parametrize("how", ["grey", "grey+alpha", "16 bit", "palette"])
def test_any_kind_of_png_becomes_rgba(folder: Path, how: str) -> None:
    grey = skull()[..., 0]
    made = {
        "grey": cv2.imencode(".png", grey)[1].tobytes(),
        "grey+alpha": _raw_png(4, 8, b"".join(b"\0" + np.dstack([r, r | 255])[0].tobytes() for r in grey)),
        "16 bit": cv2.imencode(".png", grey.astype(np.uint16) * 257)[1].tobytes(),
        "palette": _raw_png(
            3, 8, b"".join(b"\0" + r.tobytes() for r in grey), palette=bytes(i for i in range(256) for _ in range(3))
        ),
    }[how]
    (folder / "skull.png").write_bytes(made)
    assert (load_hud(str(folder)).marks["skull"] == rgba(np.repeat(grey[..., None], 3, axis=2))).all()


def _raw_png(kind: int, depth: int, rows: bytes, *, palette: bytes = b"", size: tuple[int, int] = (18, 18)) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0))
    colours = chunk(b"PLTE", palette) if palette else b""
    return b"\x89PNG\r\n\x1a\n" + head + colours + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


FLAT = np.full((20, 20, 4), 255, np.uint8)
CLEAR = np.dstack([medal(2), np.zeros((48, 48), np.uint8)])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is no PNG"),
        (b"GIF89a" + bytes(100), "is no PNG"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (png(rgba(skull()))[:-30], "damaged"),
        (png(rgba(skull()))[:60] + bytes(60), "damaged"),
        (_raw_png(6, 8, b"", size=(60_000, 60_000)), "60000 by 60000"),
        (_raw_png(6, 8, b"", size=(100, 2)), "100 by 2"),
        (_raw_png(6, 8, bytes(10)), "damaged|transparent"),
        (png(FLAT), "one brightness"),
        (png(CLEAR), "transparent nearly everywhere"),
        (bytes(2_000_000), "larger than"),
    ],
)
def test_a_mark_that_is_none_is_refused(folder: Path, raw: bytes, said: str) -> None:
    (folder / "skull.png").write_bytes(raw)
    with pytest.raises(UsageError, match=said) as caught:
        load_hud(str(folder))
    assert caught.value.remedy
    assert "skull.png" in caught.value.what


def test_texts_and_profiles_in_a_png_are_not_looked_at(folder: Path) -> None:
    good = png(rgba(skull()))
    bomb = zlib.compress(bytes(50_000_000))
    text = b"bomb\0\0" + bomb
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    (folder / "skull.png").write_bytes(good[:33] + chunk + good[33:])
    assert (load_hud(str(folder)).marks["skull"][..., :3] == skull()).all()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"RIFF", "no WAV"),
        (wav()[:30], "no WAV"),
        (wav(channels=2), "2 channels"),
        (wav(rate=96_000), "96000 Hz"),
        (wav(seconds=0.05), "lasts 0.05 s"),
        (wav(seconds=4, rate=16_000), "lasts 4.00 s"),
        (wav(level=0.0), "silent"),
        (wav()[:60], "lasts 0.00 s"),
        (bytes(2_000_000), "larger than"),
    ],
)
def test_a_sound_that_is_none_is_refused(folder: Path, raw: bytes, said: str) -> None:
    (folder / "win.wav").write_bytes(raw)
    write(folder, changed(sounds={"win": {"file": "win.wav"}}))
    with pytest.raises(UsageError, match=said):
        load_hud(str(folder))


@pytest.mark.parametrize(("rate", "width"), [(8_000, 2), (16_000, 2), (44_100, 3), (48_000, 3)])
def test_a_sound_keeps_its_pitch_and_level(folder: Path, rate: int, width: int) -> None:
    (folder / "win.wav").write_bytes(wav(seconds=1.0, rate=rate, width=width))
    write(folder, changed(sounds={"win": {"file": "win.wav"}}))
    samples = load_hud(str(folder)).cues["win"].samples
    spectrum = np.abs(np.fft.rfft(samples))
    assert samples.dtype == np.float32
    assert len(samples) == 16_000
    assert int(spectrum.argmax()) == 440
    assert abs(float(np.abs(samples).max()) - 0.5) < 0.01


def _link(folder: Path) -> None:
    (folder / "skull.png").rename(folder.parent / "elsewhere.png")
    (folder / "skull.png").symlink_to(folder.parent / "elsewhere.png")


def _pipe(folder: Path) -> None:
    (folder / "skull.png").unlink()
    os.mkfifo(folder / "skull.png")


def _folder(folder: Path) -> None:
    (folder / "skull.png").unlink()
    (folder / "skull.png").mkdir()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_link, "is a link"),
        (_pipe, "no plain file"),
        (_folder, "no plain file"),
        (lambda folder: (folder / "skull.png").unlink(), "cannot be read"),
        (lambda folder: (folder / "hud.yaml").unlink(), "cannot be read"),
        (lambda folder: (folder / "hud.yaml").write_bytes(b"a" * 300_000), "larger than"),
        (lambda folder: (folder / "hud.yaml").write_bytes(b"\xff\xfe"), "not YAML"),
        (lambda folder: (folder / "hud.yaml").write_text("a: &a [*a]"), "not YAML"),
        (lambda folder: (folder / "hud.yaml").write_text("[" * 50_000), "not YAML"),
        (lambda folder: (folder / "hud.yaml").write_text("- 1"), "not a mapping"),
        (lambda folder: (folder / "hud.yaml").write_text("!!python/object:os.system {}"), "not YAML"),
    ],
)
def test_a_hostile_folder_is_refused(folder: Path, spoil: Any, said: str) -> None:
    spoil(folder)
    with pytest.raises(UsageError, match=said):
        load_hud(str(folder))


@pytest.mark.parametrize("file", ["../skull.png", "/etc/passwd", "a/b.png", "skull.jpg", ".hidden.png", "a\0.png"])
def test_a_file_outside_of_the_folder_cannot_be_named(folder: Path, file: str) -> None:
    tree = changed()
    tree["marks"]["skull"]["file"] = file
    write(folder, tree)
    with pytest.raises(UsageError, match=r"marks\.skull\.file"):
        load_hud(str(folder))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"gmae": "x"}, "gmae"),
        ({"height": 99}, "height"),
        ({"game": "No Name"}, "game"),
        ({"regions": {}}, "regions"),
        ({"regions": {**TREE["regions"], "feed": {"w": 0.5, "h": 9}}}, r"regions\.feed\.h"),  # type: ignore[dict-item]
        ({"regions": {**TREE["regions"], "medal": {"w": 0.02, "h": 0.02}}}, "larger than the region"),  # type: ignore[dict-item]
        ({"rules": [{"kind": "banner", "name": "b", "region": "medal", "marks": ["none"], "event": "kill"}]}, "none"),
        (
            {"rules": [{"kind": "banner", "name": "b", "region": "nowhere", "marks": ["menu"], "event": "kill"}]},
            "nowhere",
        ),
        (
            {"rules": [{"kind": "banner", "name": "b", "region": "medal", "marks": ["menu"], "event": "?"}]},
            r"rules\.b\.event",
        ),
        ({"rules": [{"kind": "wrong", "name": "b", "region": "medal"}]}, r"rules\.b"),
        ({"rules": [{"kind": "feed", "name": "f", "region": "feed", "row_h": 0.03}]}, "by `marks` or by a `gate`"),
        ({"rules": [*TREE["rules"], TREE["rules"][0]]}, "two rules are called feed"),  # type: ignore[misc,index]
        ({"rules": [{"kind": "counter", "name": "c", "region": "frags"}]}, "by the marks of its `digits`"),
        ({"rules": [{"kind": "counter", "name": "c", "region": "frags", "digits": ["d1"]}]}, "ten marks"),
        ({"rules": 7}, "rules"),
        ({"rules": [7]}, "rules"),
        ({"rules": [{}] * 1000}, "rules"),
    ],
)
def test_a_mistake_is_named_with_its_place(folder: Path, keys: dict[str, Any], said: str) -> None:
    write(folder, changed(**keys))
    with pytest.raises(UsageError, match=said) as caught:
        load_hud(str(folder))
    assert "docs/huds.md" in caught.value.remedy or "heights of the picture" in caught.value.remedy


@pytest.mark.parametrize("name", ["", "nogame", "a\0b", "x" * 10_000, "/nowhere/at/all", "~nobody/x", "."])
def test_an_unknown_game_says_which_there_are(name: str) -> None:
    with pytest.raises(UsageError, match="Unknown game") as caught:
        hud_folder(name)
    assert caught.value.code == "unknown_game"
    assert len(str(caught.value)) < 600


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(key=st.sampled_from(["game", "height", "screen", "regions", "marks", "rules", "sounds", "player"]), junk=JUNK)
def test_no_document_crashes_the_loader(folder: Path, key: str, junk: Any) -> None:
    write(folder, changed(**{key: junk}))
    with contextlib.suppress(UsageError):
        load_hud(str(folder))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_no_picture_crashes_the_loader(folder: Path, at: int, byte: int, cut: int) -> None:
    raw = bytearray(png(rgba(medal(2))))
    raw[at % len(raw)] = byte
    (folder / "medal2.png").write_bytes(raw if cut > 5_000 else raw[: cut % len(raw)])
    with contextlib.suppress(UsageError):
        load_hud(str(folder))
