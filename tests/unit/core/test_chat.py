"""Which chat belongs to a source."""

from __future__ import annotations

import pytest

from core.chat import OFF, chat_channel, chat_for, is_local_chat, lacks_chat
from core.errors import UsageError


@pytest.mark.parametrize(
    ("source", "chat"),
    [
        ("https://www.twitch.tv/SomeBody", "twitch:somebody"),
        ("https://twitch.tv/somebody/", "twitch:somebody"),
        ("http://m.twitch.tv/some_body?x=1", "twitch:some_body"),
        ("https://player.twitch.tv/?channel=Somebody&muted=true", "twitch:somebody"),
        ("https://www.twitch.tv/videos/123", None),
        ("https://www.twitch.tv/directory", None),
        ("https://www.twitch.tv/somebody/clip/Nice", None),
        ("https://clips.twitch.tv/Nice", None),
        ("https://www.twitch.tv/", None),
        ("https://www.twitch.tv/a%0d%0aJOIN", None),
        ("https://twitch.tv.evil.example/somebody", None),
        ("https://evil.example/twitch.tv/somebody", None),
        ("https://www.youtube.com/@somebody/live", None),
        ("https://[", None),
        ("twitch.tv/somebody", None),
        ("/videos/twitch.mp4", None),
    ],
)
def test_a_twitch_channel_brings_its_own_chat(source: str, chat: str | None) -> None:
    """Only a channel's live page does: a VOD's or clip's chat is another one."""
    assert chat_for(source, None) == chat


@pytest.mark.parametrize(
    ("asked", "chat"),
    [
        ("off", OFF),
        ("twitch:Other", "twitch:other"),
        ("Twitch:#Other", "twitch:other"),
        ("https://www.twitch.tv/Other", "twitch:other"),
        ("https://example.org/chat.jsonl", "https://example.org/chat.jsonl"),
        ("chat.jsonl", "chat.jsonl"),
    ],
)
def test_what_was_asked_for_wins(asked: str, chat: str) -> None:
    """Also over a channel's own chat."""
    assert chat_for("https://www.twitch.tv/somebody", asked) == chat


@pytest.mark.parametrize("name", ["", "a b", "a\r\nJOIN #b", "ä", "x" * 26, "a/b", "#"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    """It would end up in an IRC command."""
    with pytest.raises(UsageError, match="twitch:NAME"):
        chat_for("", f"twitch:{name}")
    with pytest.raises(UsageError, match="twitch:NAME"):
        chat_channel(f"twitch:{name}")


def test_kinds_of_chat_are_told_apart() -> None:
    """Channels, paths, URLs and none."""
    assert [chat_channel(c) for c in ("twitch:a", "a.jsonl", "off", "https://b/c")] == ["a", None, None, None]
    assert [is_local_chat(c) for c in ("twitch:a", "a.jsonl", "off", "https://b/c")] == [False, True, False, False]


@pytest.mark.parametrize(
    ("source", "chat", "lacks"),
    [
        ("https://www.youtube.com/watch?v=x", None, True),
        ("https://youtu.be/x", None, True),
        ("https://www.youtube.com/watch?v=x", OFF, False),
        ("https://www.youtube.com/watch?v=x", "chat.jsonl", False),
        ("https://notyoutube.com/x", None, False),
        ("stream.mp4", None, False),
    ],
)
def test_a_chat_that_is_surely_missing_is_known(source: str, chat: str | None, lacks: bool) -> None:
    """YouTube's, unless somebody said what to do about it."""
    assert lacks_chat(source, chat) is lacks
