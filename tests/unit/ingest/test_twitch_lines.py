"""What Twitch's lines mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.media import ChatMessage
from core.times import NS_PER_S
from daemon.ingest.chat.irc import parse_irc
from daemon.ingest.chat.twitch_lines import emote_names, to_post
from tests.unit.ingest.twitch_server import SENT_MS, noticed, said

NOW_NS = 1_800_000_000 * NS_PER_S


def message(line: str) -> ChatMessage | None:
    parsed = parse_irc(line.encode())
    assert parsed is not None
    post = to_post(parsed, NOW_NS)
    return post and post.message


def test_a_line_has_tags_a_sender_a_command_and_parameters() -> None:
    """IRCv3: escapes in tag values, tags without a value, a trailing parameter with spaces and colons."""
    found = parse_irc(b"@a=x\\:y\\sz\\\\\\r\\n\\q;b;c=;=d;e=1\\ :nick!user@host PRIVMSG #room :well : then")
    assert found is not None
    assert found.tags == {"a": "x;y z\\\r\nq", "b": "", "c": "", "e": "1"}
    assert (found.sender, found.command, found.params) == ("nick", "PRIVMSG", ("#room", "well : then"))


@pytest.mark.parametrize("line", ["", "@", "@a=b", ":x", "@a=b :c", "privmsg #a :b", "\x01", "PRIV MSG" * 4000, "{}"])
def test_what_is_no_line_is_none(line: str) -> None:
    """And nothing raises."""
    found = parse_irc(line.encode())
    assert found is None or to_post(found, NOW_NS) is None


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda t: said(t).encode()))
def test_no_bytes_crash(line: bytes) -> None:
    """Any bytes are a message or nothing, and what gets through is small and printable."""
    found = parse_irc(line)
    post = to_post(found, NOW_NS) if found else None
    if post is not None:
        assert len(post.message.text) <= 500
        assert post.message.text.isprintable()


def test_a_message_has_its_time_its_writer_and_its_emotes() -> None:
    """`tmi-sent-ts` in ms; the hash of the user's number, whatever the name; names cut out of the text."""
    parsed = parse_irc(said("Kappa hi Keepo Kappa", at_s=2.5, emotes="25:0-4,15-19/1902:9-13").encode())
    assert parsed is not None
    post = to_post(parsed, NOW_NS)
    assert post is not None
    assert post.wall_ns == SENT_MS * 1_000_000 + 2_500_000_000
    assert (post.message.text, post.message.emotes) == ("Kappa hi Keepo Kappa", ("Kappa", "Keepo", "Kappa"))
    assert (post.message.kind, post.message.n) == ("msg", 1)
    renamed = message(said("x", display_name="Other"))
    assert renamed is not None
    assert renamed.user == post.message.user
    assert "iewer" not in repr(post)
    assert "100001" not in repr(post)


def test_emote_positions_count_code_points_and_start_after_me() -> None:
    """An emoji is one position; `/me` is not counted; positions outside the text and nonsense name nothing."""
    assert emote_names("1:2-6", "\N{FACE WITH TEARS OF JOY} Kappa") == ("Kappa",)
    me = message(said("\x01ACTION dances Kappa\x01", emotes="25:7-11"))
    assert me is not None
    assert (me.text, me.emotes) == ("dances Kappa", ("Kappa",))
    for ranges in ("25:40-44", "25:4-0", "25:a-b", "25:", ":", "25:0", "25:0-²", "25:0-99999999999", "/" * 500):
        assert emote_names(ranges, "Kappa") == ()
    assert len(emote_names("1:" + ",".join("0-0" for _ in range(5000)), "K")) == 50


def test_a_line_without_a_time_counts_as_now() -> None:
    """A tag that is missing or impossible."""
    for stamp in ("", "-1", "x", "9" * 15, "²"):
        parsed = parse_irc(said("hi").replace(f"tmi-sent-ts={SENT_MS}", f"tmi-sent-ts={stamp}").encode())
        assert parsed is not None
        post = to_post(parsed, NOW_NS)
        assert post is not None
        assert post.wall_ns == NOW_NS


@pytest.mark.parametrize(
    ("line", "kind", "n", "text"),
    [
        (said("cheer100 nice", bits="100"), "bits", 100, "cheer100 nice"),
        (noticed("sub", sub_plan="Prime"), "sub", 1, ""),
        (noticed("resub", "two years!", cumulative_months="24"), "sub", 1, "two years!"),
        (noticed("subgift", recipient_id="55554444"), "sub", 1, ""),
        (noticed("submysterygift", mass_gift_count="50"), "sub", 50, ""),
        (noticed("submysterygift", mass_gift_count="x"), "sub", 1, ""),
        (noticed("raid", viewerCount="1234"), "raid", 1234, ""),
        (noticed("raid", viewerCount="9" * 9), "raid", 1_000_000, ""),
        (noticed("announcement", "new game in ten", color="PRIMARY"), "announcement", 1, "new game in ten"),
    ],
)
def test_bits_subscriptions_raids_and_announcements(line: str, kind: str, n: int, text: str) -> None:
    """With their sizes: bits, gifted subscriptions, viewers."""
    found = message(line)
    assert found is not None
    assert (found.kind, found.n, found.text) == (kind, n, text)


@pytest.mark.parametrize(
    "line",
    [
        noticed("ritual", "hi", ritual_name="new_chatter"),
        noticed("unraid"),
        "@ban-duration=350;target-user-id=12345678 :tmi.twitch.tv CLEARCHAT #somebody :ronni",
        "@login=ronni;target-msg-id=abc :tmi.twitch.tv CLEARMSG #somebody :HeyGuys",
        ":tmi.twitch.tv PRIVMSG #somebody",
        ":tmi.twitch.tv USERNOTICE",
    ],
)
def test_what_says_nothing_about_the_crowd_is_no_message(line: str) -> None:
    """Moderation does not unsay a reaction."""
    assert message(line) is None


def test_viewers_of_another_channel_in_a_shared_chat_do_not_count() -> None:
    """They watch another stream; our own channel's lines carry their own room as the source."""
    assert message(said("gg", source_room_id="1")) is None
    assert message(said("gg", source_room_id="713936733")) is not None
