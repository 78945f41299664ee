"""Session descriptions before and after aiortc: what an offer may hold, and what our answer says. Pure.

aiortc takes H.264 of two profiles only, has no say in which codec is chosen, and waits for names that only a peer's own
network can resolve. Since nothing here is decoded, any profile will do: an offer is cut down to one codec a track, said
in the words that aiortc knows, and the answer gets the offered words back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from recorder.frames import Codec, TrackName, VideoCodec
from recorder.rtc.options import BadOffer

MAX_BYTES: Final = 65_536
MAX_LINES: Final = 2_000
MAX_MEDIA: Final = 3
MAX_CANDIDATES: Final = 20  # a transport; each makes us send to an address that a peer names
_NAMES: Final[dict[str, Codec]] = {"opus/48000/2": "opus", "h264/90000": "h264", "vp8/90000": "vp8"}
_PLAIN_H264: Final = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
_CODEC_LINE: Final = re.compile(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d{1,3}) ")
_CANDIDATE: Final = re.compile(r"a=candidate:\S{1,64} \d \S{1,8} \d{1,10} (\S{1,255}) (\d{1,5}) typ \w+")


@dataclass(slots=True)
class _Media:
    """One m-section: its kind and its lines, the m-line first."""

    kind: str
    lines: list[str] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [line.partition(":")[2] for line in self.lines if line.startswith(f"a={name}:")]

    def formats(self) -> list[str]:
        return self.lines[0].split()[3:]

    def maps(self) -> dict[str, str]:
        """Payload type to `name/rate[/channels]`, lower case."""
        pairs = (value.split(maxsplit=1) for value in self.values("rtpmap"))
        return {pair[0]: pair[1].strip().lower() for pair in pairs if len(pair) == 2}

    def parameters(self) -> dict[str, str]:
        """Payload type to what its fmtp says."""
        pairs = (value.split(maxsplit=1) for value in self.values("fmtp"))
        return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One m-line of an offer: the track it carries, its codec and payload type, and what is said of the codec."""

    track: TrackName
    codec: Codec
    payload_type: str
    parameters: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPlan:
    """What aiortc is given, and the tracks by m-line."""

    sdp: str = field(repr=False)
    tracks: tuple[Planned, ...]
    ufrag: str  # of the offerer's ICE; another one in a trickled fragment asks for a restart


def plan_offer(sdp: str, prefer: VideoCodec) -> OfferPlan:
    """Check an offer to send us media, and choose. Raises BadOffer."""
    session, sections = _split(sdp)
    kept = list(session)
    tracks: list[Planned] = []
    for section in sections:
        _check_transport(session, section)
        planned = _choose(section, _track_name(section, {planned.track for planned in tracks}), prefer)
        tracks.append(planned)
        kept += _cut(section, planned)
    ufrag = next(line for line in [*sections[0].lines, *session] if line.startswith("a=ice-ufrag:"))
    return OfferPlan(sdp="\r\n".join(kept) + "\r\n", tracks=tuple(tracks), ufrag=ufrag.partition(":")[2])


def finish_answer(sdp: str, plan: OfferPlan, *, max_kbps: int, public_ip: str | None) -> str:
    """Our answer in the offer's words, with the bitrate a browser may begin with and the address we are reached by."""
    session, sections = _split(sdp)
    lines = list(session)
    for section, planned in zip(sections, plan.tracks, strict=True):
        words = planned.parameters if planned.codec == "h264" else section.parameters().get(planned.payload_type, "")
        if planned.codec != "opus":
            words += f"{';' if words else ''}x-google-start-bitrate={max_kbps};x-google-max-bitrate={max_kbps}"
        lines += [line for line in section.lines if not line.startswith(f"a=fmtp:{planned.payload_type} ")]
        if words:
            lines.append(f"a=fmtp:{planned.payload_type} {words}")
    return public_candidates("\r\n".join(lines) + "\r\n", public_ip)


def public_candidates(sdp: str, public_ip: str | None) -> str:
    """The description with this address in place of the machine's own; as it is when None."""
    if public_ip is None:
        return sdp
    address = f"IN IP{6 if ':' in public_ip else 4} {public_ip}"
    lines: list[str] = []
    for line in sdp.splitlines():
        said = line
        if found := _CANDIDATE.match(line):
            if " typ host" not in line or (":" in found[1]) != (":" in public_ip):
                continue
            said = line[: found.start(1)] + public_ip + line[found.end(1) :]
        elif line.startswith("c=IN "):
            said = f"c={address}"
        if not (found and said in lines):
            lines.append(said)
    return "\r\n".join(lines) + "\r\n"


def take_answer_lines(sdp: str) -> str:
    """An answer to our own offer without candidates we will not use. Raises BadOffer."""
    session, sections = _split(sdp)
    lines = list(session)
    for section in sections:
        usable = set(usable_candidates(section.lines))
        lines += [line for line in section.lines if not line.startswith("a=candidate:") or line in usable]
    return "\r\n".join(lines) + "\r\n"


def fragment_lines(fragment: str) -> list[str]:
    """The lines of a trickled fragment. Raises BadOffer."""
    lines = fragment.replace("\r\n", "\n").split("\n")
    if len(fragment) > MAX_BYTES or len(lines) > MAX_LINES:
        raise BadOffer("The fragment is too long", remedy=f"At most {MAX_BYTES} bytes.", code="too_big")
    if not any(line.startswith(("a=candidate:", "a=end-of-candidates", "a=ice-ufrag:")) for line in lines):
        raise BadOffer("The fragment says nothing of ICE", remedy="Send what RFC 8840 describes.", code="malformed")
    return lines


def usable_candidates(lines: list[str]) -> list[str]:
    """A few of the `a=candidate` lines: those that UDP reaches without asking the peer's network for a name."""
    return [line for line in lines if " udp " in line.lower() and _CANDIDATE.match(line) and ".local " not in line][
        :MAX_CANDIDATES
    ]


def _split(sdp: str) -> tuple[list[str], list[_Media]]:
    if len(sdp) > MAX_BYTES:
        raise BadOffer("The session description is too long", remedy=f"At most {MAX_BYTES} bytes.", code="too_big")
    lines = sdp.replace("\r\n", "\n").split("\n")
    if not lines[0].startswith("v=0") or len(lines) > MAX_LINES:
        raise _malformed("It is no SDP")
    session: list[str] = []
    sections: list[_Media] = []
    for line in filter(None, lines):
        if line.startswith("m="):
            sections.append(_Media(kind=line[2:].partition(" ")[0]))
        (sections[-1].lines if sections else session).append(line)
    if not 0 < len(sections) <= MAX_MEDIA:
        raise _malformed(f"It has {len(sections)} media, not one to {MAX_MEDIA}")
    return session, sections


def _malformed(what: str) -> BadOffer:
    return BadOffer(
        f"The session description cannot be used: {what}",
        remedy="Send what the browser's or the encoder's WebRTC made, unchanged.",
        code="malformed",
    )


def _check_transport(session: list[str], section: _Media) -> None:
    """What DTLS and ICE need has to be there, for the m-line or for all of them."""
    if section.lines[0].split()[1:2] == ["0"] or {"a=recvonly", "a=inactive"} & set(section.lines):
        raise BadOffer(
            f"The {section.kind} is not being sent",
            remedy="Offer only what will be sent, as sendonly.",
            code="not_sending",
        )
    lines = [*session, *section.lines]
    for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup"):
        if not any(line.startswith(f"a={name}:") for line in lines):
            raise _malformed(f"a={name} is missing")
    if "a=rtcp-mux" not in section.lines:
        raise _malformed("a=rtcp-mux is missing")


def _track_name(section: _Media, taken: set[TrackName]) -> TrackName:
    """The first sound is the microphone; the first picture the camera, the second the screen."""
    names: dict[str, tuple[TrackName, ...]] = {"audio": ("mic",), "video": ("cam", "screen")}
    wanted = names.get(section.kind, ())
    if not wanted:
        raise _malformed(f"A {section.kind[:20]} section is not taken")
    name = next((name for name in wanted if name not in taken), None)
    if name is None:
        raise _malformed(f"It has more than {len(wanted)} {section.kind}")
    return name


def _choose(section: _Media, track: TrackName, prefer: VideoCodec) -> Planned:
    """The best codec of a section. Raises BadOffer `no_codec`."""
    maps, parameters = section.maps(), section.parameters()
    wanted: list[Codec] = ["opus"] if section.kind == "audio" else sorted(("h264", "vp8"), key=lambda c: c != prefer)
    offered = [
        (wanted.index(codec), _rank(parameters.get(kind, "")), kind, codec)
        for kind in section.formats()
        if (codec := _NAMES.get(maps.get(kind, ""))) in wanted
    ]
    if not offered:
        names = sorted({name.partition("/")[0].upper() for name in maps.values()} - {"RTX", "RED", "ULPFEC"})
        raise BadOffer(
            f"No {section.kind} codec that is taken: {', '.join(names[:8])[:120] or 'none is offered'}",
            remedy="Send H.264 or VP8 video and Opus audio; in OBS, choose an H.264 encoder.",
            code="no_codec",
        )
    _, _, payload_type, codec = min(offered, key=lambda one: one[:2])
    return Planned(track=track, codec=codec, payload_type=payload_type, parameters=parameters.get(payload_type, ""))


def _rank(parameters: str) -> int:
    """Among the H.264 that is offered: first what every player decodes, in fragments."""
    said = parameters.replace(" ", "").lower()
    return ("packetization-mode=1" not in said) * 2 + ("profile-level-id=42e0" not in said)


def _cut(section: _Media, planned: Planned) -> list[str]:
    """The section with one codec and its retransmissions."""
    repeats = [
        kind
        for kind, said in section.parameters().items()
        if section.maps().get(kind, "").startswith("rtx/") and said.replace(" ", "") == f"apt={planned.payload_type}"
    ]
    kept = [planned.payload_type, *repeats[:1]]
    lines = [" ".join([*section.lines[0].split()[:3], *kept])]
    usable = set(usable_candidates(section.lines))
    for line in section.lines[1:]:
        found = _CODEC_LINE.match(line)
        if (found and found[1] not in kept) or (line.startswith("a=candidate:") and line not in usable):
            continue
        if planned.codec == "h264" and line.startswith(f"a=fmtp:{planned.payload_type} "):
            continue
        lines.append(line)
    if planned.codec == "h264":
        lines.append(f"a=fmtp:{planned.payload_type} {_PLAIN_H264}")
    return lines
