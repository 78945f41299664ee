"""Prose to codes: texts as streamlink 8.6's plugins, Twitch, YouTube and yt-dlp write them."""

from __future__ import annotations

import pytest

from core.errors import BadMedia, MissingPart, SourceRefused, SourceUnreachable
from supervisor.channels.answers import CODES, MAX_TEXT, REMEDIES, Answer, as_error, code_of, short

YOUTUBE = "Could not get video info - "  # how streamlink's YouTube plugin begins


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (YOUTUBE + "LOGIN_REQUIRED: Sign in to confirm you’re not a bot", "bot_check"),
        ("ERROR: [youtube] x: Sign in to confirm you're not a bot. Use --cookies", "bot_check"),
        ("Error: failed integrity check", "bot_check"),
        ("Error while querying Kick API: 403 status response", "bot_check"),
        ("Captcha result required, open this URL to see the captcha: https://x.example/", "bot_check"),
        (YOUTUBE + "LOGIN_REQUIRED: Sign in to confirm your age", "login_required"),
        (YOUTUBE + "LOGIN_REQUIRED: This is a private video. Please sign in", "login_required"),
        ("This stream requires you to login", "login_required"),
        ("Login required", "login_required"),
        ("The broadcast is password protected", "login_required"),
        (
            YOUTUBE + "UNPLAYABLE: Available to this channel's members on level: A",
            "subscriber_only",
        ),
        (YOUTUBE + "UNPLAYABLE: Join this channel to get access to members-only content", "subscriber_only"),
        ("Paid subscription required for this channel.", "subscriber_only"),
        ("This stream requires a subscription", "subscriber_only"),
        ("Premium stream is not playable", "subscriber_only"),
        ("unauthorized_entitlements", "subscriber_only"),
        (YOUTUBE + "UNPLAYABLE: The uploader has not made this video available in your country", "geo_block"),
        ("The content is not available in your region", "geo_block"),
        ("Stream is geo-restricted", "geo_block"),
        ("This video is not available. Content may be geo-blocked", "geo_block"),
        ("Content Restricted In Region", "geo_block"),
        (YOUTUBE + "LIVE_STREAM_OFFLINE: This live event will begin in 3 hours.", "offline"),
        (YOUTUBE + "LIVE_STREAM_OFFLINE: Offline.", "offline"),
        ("Could not find videoId on channel page", "offline"),
        ("No live stream available for user somebody", "offline"),
        ("This stream is currently offline", "offline"),
        ("The broadcast has ended", "offline"),
        (YOUTUBE + "OK: This live stream recording is not available.", "recording"),
        ("This plugin does not support VOD content, try yt-dlp instead", "recording"),
        (YOUTUBE + "ERROR: This video is unavailable", "not_found"),
        (YOUTUBE + "ERROR: This video has been removed by the uploader", "not_found"),
        ("User not found", "not_found"),
        (
            "Unable to open URL: https://x.example/ (404 Client Error: Not Found for url: https://x.example/)",
            "not_found",
        ),
        (
            "Unable to open URL: https://x.example/ (429 Client Error: Too Many Requests for url: https://x.example/)",
            "rate_limited",
        ),
        ("Unable to open URL: https://x.example/ (503 Server Error: Service Unavailable for url: x)", "unreachable"),
        ("Unable to open URL: https://x.example/ ([Errno -2] Name or service not known)", "unreachable"),
        ("something nobody has written yet", None),
    ],
)
def test_a_plugins_prose_has_a_code(text: str, code: str | None) -> None:
    """The most telling phrase decides."""
    assert code_of(text) == code


def test_a_page_cannot_make_the_table_slow() -> None:
    """Only the first 2,000 characters count, however they repeat."""
    assert code_of("waiting for " * 200_000) is None
    assert code_of("x" * 2000 + "not a bot") is None


def test_a_message_is_one_short_line_without_tokens() -> None:
    """A page's own words end up in terminals and logs."""
    said = short("no\x1b[31m stream\r\nat https://x.example/a?sig=SECRET#more now " + "x" * 5000)
    assert said.startswith("no [31m stream at https://x.example/a now xxx")
    assert len(said) == MAX_TEXT
    assert "SECRET" not in said


@pytest.mark.parametrize("code", sorted(CODES - {"live"}))
def test_every_answer_has_a_message_and_a_remedy(code: str) -> None:
    """As an error, too, with the answer's own code or the one that ingest always had."""
    err = as_error(Answer(code=code))  # type: ignore[arg-type]
    assert err.what
    assert err.remedy == REMEDIES[code]  # type: ignore[index]
    renamed = {"unreachable": "source_unreachable", "unsupported": "html_page"}
    assert err.code == renamed.get(code, code)


def test_answers_become_the_errors_that_ingest_raises() -> None:
    """Retryable where the platform gave no word; exit 4 where a part has to be installed."""
    assert isinstance(as_error(Answer(code="rate_limited")), SourceUnreachable)
    assert isinstance(as_error(Answer(code="offline")), SourceRefused)
    assert isinstance(as_error(Answer(code="stream_kind")), BadMedia)
    missing = as_error(Answer(code="ytdlp_missing"))
    assert isinstance(missing, MissingPart)
    assert (missing.exit_code, missing.worker_code) == (4, 64)
    assert "pip install 'clipd[ytdlp]'" in missing.remedy
