"""What `clipd watch` asks its workers for."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs import load_settings
from core.spec import WorkerSpec
from daemon.cli.watching import WatchRequest, build_spec


def spec(source: str, chat: str | None, folder: Path) -> WorkerSpec:
    settings = load_settings(data_dir=folder, environment={})
    return build_spec(
        WatchRequest(
            kind="stream", source=source, settings=settings, out_dir=None, speed=1.0, chat=chat, chat_delay_s=0.0,
            duration_s=None,
        )
    )  # fmt: skip


def test_several_sources_without_a_word_about_chat_have_each_their_own(tmp_path: Path) -> None:
    """Twitch channels bring theirs; a playlist has none that we could know."""
    sources = ("https://www.twitch.tv/Ann", "https://twitch.tv/bob", "https://example.org/live.m3u8")
    assert [spec(source, None, tmp_path).chat for source in sources] == ["twitch:ann", "twitch:bob", None]


@pytest.mark.parametrize(
    ("chat", "told"),
    [
        ("off", "off"),
        ("twitch:Zed", "twitch:zed"),
        ("https://example.org/c.jsonl", "https://example.org/c.jsonl"),
        ("c.jsonl", str(Path("c.jsonl").absolute())),
    ],
)
def test_what_was_typed_wins_and_paths_are_absolute(chat: str, told: str, tmp_path: Path) -> None:
    """A worker has another working folder."""
    assert spec("https://www.twitch.tv/ann", chat, tmp_path).chat == told
