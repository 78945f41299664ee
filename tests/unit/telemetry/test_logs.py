"""Log events on their way to stderr."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from telemetry import configure_logging

CANARY = "s3cr3t-canary-5e7c0ffee5e7c0ffee5e7c0f"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """A stream that takes the logs; the process's own set-up is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def events(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_fields(out: io.StringIO) -> None:
    """Name, level, UTC time and values."""
    configure_logging(stream=out)
    structlog.get_logger().info("clip.published", clip="c1", duration_s=12.5, parts={"audio": 1.5})
    [event] = events(out)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "clip.published", "level": "info", "clip": "c1", "duration_s": 12.5, "parts": {"audio": 1.5},
    }  # fmt: skip


def test_the_canary_appears_in_no_log(out: io.StringIO) -> None:
    """Whatever field, message, traceback or library it came through."""
    configure_logging(stream=out)
    url = f"https://user:{CANARY}@example.org/{CANARY}?token={CANARY}#{CANARY}"
    log = structlog.get_logger()
    log.info("source.opened", url=url, headers={"Authorization": CANARY}, chain=[url], api_key=CANARY)
    log.warning(f"lost {url}", error=RuntimeError(url))
    try:
        raise ValueError(f"bad address {url}")
    except ValueError:
        log.exception("source.lost")
        logging.getLogger("aiohttp.client").exception("cannot fetch %s", url)
    assert len(events(out)) == 4
    assert CANARY not in out.getvalue()
    assert "bad address https://example.org" in out.getvalue()


def test_a_persons_words_are_counted_not_shown(out: io.StringIO) -> None:
    """Fields that begin with pii_: chat, titles, transcripts."""
    configure_logging(stream=out)
    structlog.get_logger().info("chat.read", pii_text="my phone number is 555")
    assert events(out)[0]["pii_text"] == "<22 characters>"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_value_cannot_forge_a_second_line(out: io.StringIO, as_json: bool) -> None:
    """Newlines, terminal escapes and direction marks are written as text."""
    configure_logging(as_json=as_json, stream=out)
    structlog.get_logger().warning("source.lost", title="a\nERROR forged\x1b[2J\x9b\u202e", **{"na\nme": 1})
    assert out.getvalue().count("\n") == 1
    assert "\x1b[2J" not in out.getvalue()
    assert "\u202e" not in out.getvalue()


def test_a_huge_value_is_cut(out: io.StringIO) -> None:
    """A log line is no place for a playlist."""
    configure_logging(stream=out)
    structlog.get_logger().info("source.refused", body="x" * 1_000_000)
    assert len(out.getvalue()) < 3_000


def test_a_terminal_gets_warnings_only(out: io.StringIO) -> None:
    """The progress view is there already."""
    configure_logging(as_json=False, stream=out)
    structlog.get_logger().info("session.state_changed")
    structlog.get_logger().warning("source.lost")
    assert "session.state_changed" not in out.getvalue()
    assert "source.lost" in out.getvalue()
