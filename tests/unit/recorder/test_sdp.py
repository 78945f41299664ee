"""Offers of encoders and browsers, cut down to what we take; our answers, in their words."""

from __future__ import annotations

import pytest

from recorder.rtc.options import BadOffer
from recorder.rtc.sdp import finish_answer, fragment_lines, plan_offer, public_candidates, usable_candidates

TRANSPORT = """a=mid:{mid}
a=sendonly
a=rtcp-mux
a=ice-ufrag:ufra
a=ice-pwd:pwdpwdpwdpwdpwdpwdpwdpw
a=fingerprint:sha-256 00:11
a=setup:actpass
"""
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10;useinbandfec=1\n"
OBS_VIDEO = """m=video 9 UDP/TLS/RTP/SAVPF 96
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=fmtp:96 profile-level-id=64001f;packetization-mode=1;level-asymmetry-allowed=1
"""
CHROME_VIDEO = """m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 102 103 106 107 108 45
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:98 VP9/90000
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:106 H264/90000
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:107 rtx/90000
a=fmtp:107 apt=106
a=rtpmap:108 H264/90000
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
a=rtpmap:45 AV1/90000
"""


def offer(*media: str, head: str = "") -> str:
    """A session of these media, each with its own transport."""
    mids = " ".join(str(n) for n in range(len(media)))
    body = "".join(one + TRANSPORT.format(mid=n) for n, one in enumerate(media))
    return f"v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE {mids}\n{head}{body}".replace("\n", "\r\n")


def test_obs_is_taken_whatever_its_profile() -> None:
    """aiortc knows baseline only; nothing is decoded here, so its word is lent and given back in the answer."""
    plan = plan_offer(offer(AUDIO, OBS_VIDEO), "h264")
    assert [(one.track, one.codec, one.payload_type) for one in plan.tracks] == [
        ("mic", "opus", "111"),
        ("cam", "h264", "96"),
    ]
    assert "profile-level-id=42e01f" in plan.sdp
    assert "64001f" not in plan.sdp
    answer = finish_answer(plan.sdp, plan, max_kbps=900, public_ip=None)
    [line] = [line for line in answer.splitlines() if line.startswith("a=fmtp:96")]
    assert line == (
        "a=fmtp:96 profile-level-id=64001f;packetization-mode=1;level-asymmetry-allowed=1"
        ";x-google-start-bitrate=900;x-google-max-bitrate=900"
    )
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in answer


@pytest.mark.parametrize(("prefer", "chosen"), [("h264", "106 107"), ("vp8", "96 97")])
def test_of_a_browsers_codecs_one_is_left_with_its_retransmissions(prefer: str, chosen: str) -> None:
    """So a browser cannot change its mind in mid-stream; of H.264, what every player decodes."""
    plan = plan_offer(offer(AUDIO, CHROME_VIDEO, CHROME_VIDEO), prefer)  # type: ignore[arg-type]
    assert [one.track for one in plan.tracks] == ["mic", "cam", "screen"]
    assert [line for line in plan.sdp.splitlines() if line.startswith("m=video")] == [
        f"m=video 9 UDP/TLS/RTP/SAVPF {chosen}"
    ] * 2
    for gone in ("VP9", "AV1", "42e01f;x", "4d001f"):
        assert gone not in plan.sdp


@pytest.mark.parametrize(
    ("sdp", "code", "said"),
    [
        ("", "malformed", "no SDP"),
        ("hello", "malformed", "no SDP"),
        (offer(), "malformed", "0 media"),
        (offer(*[AUDIO] * 4), "malformed", "4 media"),
        (offer(AUDIO, AUDIO), "malformed", "more than 1 audio"),
        (offer("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"), "malformed", "application"),
        (offer(AUDIO).replace("a=ice-pwd", "a=x"), "malformed", "ice-pwd"),
        (offer(AUDIO).replace("a=fingerprint", "a=x"), "malformed", "fingerprint"),
        (offer(AUDIO).replace("a=rtcp-mux", "a=x"), "malformed", "rtcp-mux"),
        (offer(AUDIO).replace("sendonly", "recvonly"), "not_sending", "audio"),
        (offer(AUDIO).replace("m=audio 9", "m=audio 0"), "not_sending", "audio"),
        (offer(OBS_VIDEO.replace("H264", "H265")), "no_codec", "H265"),
        (offer(OBS_VIDEO.replace("H264", "AV1")), "no_codec", "AV1"),
        (offer(AUDIO.replace("opus/48000/2", "PCMU/8000")), "no_codec", "PCMU"),
        (offer("m=video 9 UDP/TLS/RTP/SAVPF 96\n"), "no_codec", "none"),
        (offer(AUDIO) + "a=x\r\n" * 2000, "malformed", "no SDP"),
        (offer(AUDIO) + "a" * 70_000, "too_big", "long"),
    ],
)  # fmt: skip
def test_offers_that_are_refused(sdp: str, code: str, said: str) -> None:
    """As a whole, with a plain sentence."""
    with pytest.raises(BadOffer, match=said) as refused:
        plan_offer(sdp, "h264")
    assert refused.value.code == code


def test_transport_may_stand_above_all_media() -> None:
    """As Chrome and OBS write it, or as GStreamer does."""
    head = "a=ice-ufrag:head\na=ice-pwd:pwdpwdpwdpwdpwdpwdpwdpw\na=fingerprint:sha-256 00:11\na=setup:actpass\n"
    bare = offer(AUDIO, head=head)
    for name in ("ice-ufrag:ufra", "ice-pwd:", "fingerprint:", "setup:"):
        before, _, after = bare.rpartition(f"a={name}")
        bare = before + after.partition("\r\n")[2]
    assert plan_offer(bare, "h264").ufrag == "head"


def test_candidates_of_a_peer() -> None:
    """UDP, few, and none whose name only the peer's network knows: looking it up would take seconds."""
    lines = [
        "a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",
        "a=candidate:2 1 udp 2130706431 6f3c.local 50000 typ host",
        "a=candidate:3 1 tcp 2130706431 192.0.2.1 9 typ host tcptype active",
        "a=candidate:damaged",
    ]
    assert usable_candidates(lines) == lines[:1]
    assert len(usable_candidates([f"{lines[0]} {n}" for n in range(50)])) == 20
    assert lines[1] not in plan_offer(offer(AUDIO) + "\r\n".join(lines) + "\r\n", "h264").sdp


def test_the_public_address_stands_in_place_of_our_own() -> None:
    """Once a port; what is not reached by it is left out."""
    own = [
        "c=IN IP4 10.0.0.5",
        "a=candidate:1 1 udp 2130706431 10.0.0.5 50000 typ host",
        "a=candidate:2 1 udp 2130706431 fd00::2 50001 typ host",
        "a=candidate:3 1 udp 2130706431 172.17.0.1 50002 typ host",
        "a=candidate:4 1 udp 1694498815 203.0.113.9 50003 typ srflx raddr 0.0.0.0 rport 0",
    ]
    assert public_candidates("\r\n".join(own) + "\r\n", "198.51.100.7").splitlines() == [
        "c=IN IP4 198.51.100.7",
        "a=candidate:1 1 udp 2130706431 198.51.100.7 50000 typ host",
        "a=candidate:3 1 udp 2130706431 198.51.100.7 50002 typ host",
    ]
    assert public_candidates("\r\n".join(own), None) == "\r\n".join(own)


@pytest.mark.parametrize("fragment", ["", "nothing", "a=mid:0\r\n", "a=candidate:" + "x" * 70_000])
def test_fragments_that_are_refused(fragment: str) -> None:
    """They say nothing of ICE, or too much."""
    with pytest.raises(BadOffer):
        fragment_lines(fragment)
