"""What the settings call things is what the rooms behind them call them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from configs import load_settings
from configs.finish import CaptionStyle, Denoise, EncoderChoice, FinishOptions, LayoutName
from core.errors import UsageError
from daemon import sound
from daemon.captioning import CaptionOptions, styles
from daemon.cli.watch import _Asked
from daemon.ffmpeg.encoders import HARDWARE, SOFTWARE
from daemon.framing import LayoutRule
from daemon.framing.values import LAYOUTS, Box
from daemon.worker.finishing import finisher, wishes_of


def test_caption_styles_and_layouts_are_those_that_exist() -> None:
    assert set(get_args(CaptionStyle)) == {"off", *(style for style in styles())}
    assert set(get_args(LayoutName)) == {"auto", *LAYOUTS}


def test_encoders_and_noise_presets_are_those_that_exist() -> None:
    assert set(get_args(EncoderChoice)) == {"auto", SOFTWARE, *HARDWARE}
    assert get_args(Denoise) == get_args(sound.model.Denoise)


def test_how_it_sounds_and_which_encoder_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML's bare `off` is meant as the word."""
    monkeypatch.chdir(tmp_path)
    wanted: list[tuple[Denoise, CaptionOptions | None]] = [("off", None), ("light", CaptionOptions(style="plain"))]
    for denoise, captions in wanted:
        style = "off" if captions is None else captions.style
        (tmp_path / "clipd.yaml").write_text(
            f"clips: {{denoise: {denoise}, clarity: true, encoder: auto, captions: {style}}}\n"
        )
        wishes = wishes_of(load_settings(environment={}).clips)
        assert wishes.treatment == sound.Treatment(denoise=denoise, clarity=True)
        assert wishes.encoder == "auto"
        assert wishes.captions == captions


def test_master_alone_makes_no_finished_files() -> None:
    assert finisher(FinishOptions(formats="master")) is None
    assert finisher(FinishOptions()) is not None


def test_a_format_that_is_none_is_refused_before_the_stream_begins() -> None:
    with pytest.raises(UsageError, match="tiktok") as caught:
        wishes_of(FinishOptions(formats=("tikok",)))
    assert caught.value.code == "unknown_platform"


def test_a_brand_that_is_not_there_is_refused_before_the_stream_begins(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing"):
        wishes_of(FinishOptions(brand=str(tmp_path / "nothing")))


@pytest.mark.parametrize("formats", ["vertical,../x", "a b", ",", "vertical,;"])
def test_names_of_formats_are_plain(formats: str) -> None:
    with pytest.raises(ValueError, match="not the name of a format"):
        FinishOptions(formats=formats)


def test_a_stream_has_a_layout_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`clipd watch` without arguments: its entry's wishes go before those of the file."""
    (tmp_path / "clipd.yaml").write_text(
        "clips: {layout: fit}\n"
        "streams:\n"
        "  - {name: ann, source: https://a.example/ann, layout: game_facecam, facecam: [0.7, 0.7, 0.3, 0.3]}\n"
        "  - {name: bob, source: https://a.example/bob}\n"
    )
    monkeypatch.chdir(tmp_path)
    ann, bob = load_settings(environment={}).streams
    nothing: dict[str, Any] = dict.fromkeys(field.name for field in fields(_Asked))
    asked = _Asked(**nothing)
    facecam = Box(0.7, 0.7, 0.3, 0.3)
    assert wishes_of(asked.settings(ann).clips).rule == LayoutRule(layout="game_facecam", facecam=facecam)
    assert wishes_of(asked.settings(bob).clips).rule == LayoutRule(layout="fit")
