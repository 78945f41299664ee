"""What may be said of a URL, and what may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import redact_text, redact_url
from telemetry.redaction import is_secret_field


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/live/index.m3u8", "https://example.org/live/index.m3u8"),
        ("https://example.org/watch?v=dQw4w9WgXcQ", "https://example.org/watch?v=dQw4w9WgXcQ"),
        ("https://joe:hunter2@example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org/a?token=abc&q=1", "https://example.org/a?token=***&q=1"),
        ("https://example.org/a?X-Amz-Signature=ff&accessToken=ee", "https://example.org/a?X-Amz-Signature=***&accessToken=***"),
        ("https://example.org/a?x=" + "Z" * 40, "https://example.org/a?x=***"),
        ("https://example.org/a#access_token=abc", "https://example.org/a"),
        ("https://example.org/hdnts=exp=1~hmac=ab/a.ts", "https://example.org/hdnts=***~hmac=***/a.ts"),
        ("https://example.org/v1/playlist/" + "C" * 90 + ".m3u8", "https://example.org/v1/playlist/***.m3u8"),
        ("https://example.org/the-whole-night-in-one-long-take-part-2.mp4", "https://example.org/the-whole-night-in-one-long-take-part-2.mp4"),
        ("rtmp://127.0.0.1:1935/live/my-key", "rtmp://127.0.0.1:1935/live/***"),
        ("srt://[::1]:9000?passphrase=abc&latency=20", "srt://[::1]:9000?passphrase=***&latency=20"),
        ("https://[broken/a?token=abc", "https://***"),
        ("/home/user/video.mp4", "/home/user/video.mp4"),
    ],
)  # fmt: skip
def test_a_url_keeps_what_names_the_source_and_loses_what_opens_it(url: str, shown: str) -> None:
    """Host, port, short path and harmless values stay."""
    assert redact_url(url) == shown


@given(st.text(alphabet="abcdefghijkmnpqrstuvwxyz23456789", min_size=24, max_size=80), st.sampled_from(range(6)))
def test_a_long_secret_never_survives_wherever_it_stands(secret: str, place: int) -> None:
    """User, password, query, fragment, matrix parameter, stream key."""
    url = [
        f"https://{secret}:x@example.org/",
        f"https://x:{secret}@example.org/",
        f"https://example.org/?a={secret}",
        f"https://example.org/#{secret}",
        f"https://example.org/live;token={secret}/a.m3u8",
        f"rtmp://example.org/live/{secret}",
    ][place]
    assert secret not in redact_url(url)
    assert secret not in redact_text(f"Cannot open '{url}', gave up")


@given(st.text(max_size=200))
def test_any_text_can_be_redacted(text: str) -> None:
    """Hostile input gives text, never an error."""
    assert isinstance(redact_text(text), str)
    redact_url("https://" + text)


def test_bearer_tokens_in_messages_go_too() -> None:
    """As HTTP libraries print them."""
    assert redact_text("header Authorization: Bearer abcdef0123456789 refused") == (
        "header Authorization: Bearer *** refused"
    )


@pytest.mark.parametrize("name", ["api_key", "accessToken", "stream_key", "Set-Cookie", "passphrase", "hmac_secret"])
def test_field_names_that_say_secret(name: str) -> None:
    """Their values are never shown."""
    assert is_secret_field(name)


@pytest.mark.parametrize("name", ["session", "keyframes", "stream", "clip", "policy", "duration_s", "url"])
def test_field_names_that_only_sound_alike(name: str) -> None:
    """Logs without session ids would be useless."""
    assert not is_secret_field(name)
