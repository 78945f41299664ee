"""Timelines for the tests, and texts that break writers."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from daemon.handoff import Clip, Marker, Media, Picture, Rate, Sound, Space, Timeline, Track
from daemon.handoff.rates import STANDARD

NTSC_30, NTSC_60 = Fraction(30000, 1001), Fraction(60000, 1001)
RATES: Final = [
    *(Rate(fps) for fps in STANDARD),
    Rate(NTSC_30, drop=True),
    Rate(NTSC_60, drop=True),
]
HOSTILE: Final = [
    "<script>alert(1)</script> & \"quotes\" 'single' ]]> <!-- -->",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "two\nlines\r\nFCM: DROP FRAME\n002  AX  V  C  00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00",
    "* FROM CLIP NAME: /etc/passwd",
    "null\x00 bell\x07 escape\x1b[31m vertical\x0b nel\x85 line\u2028 paragraph\u2029",
    "\ud800 lone surrogate \udfff",
    "\ufffe noncharacter \uffff \U0010ffff",
    "\u202egnp.exe\u202c turned",
    "../../../../etc/passwd",
    "C:\\windows\\system32\\cmd.exe",
    "file:///etc/passwd",
    "${jndi:ldap://x} %s %n {0} {{7*7}} `id` $(id); rm -rf /",
    "日本語のタイトル 한국어 العربية עברית ไทย",
    "👨\u200d👩\u200d👧\u200d👦 🇩🇪 👍🏽",
    "z" + "\u0300" * 500,
    "x" * 100_000,
    "",
    "   \t  ",
    '","OTIO_SCHEMA":"Evil.1"',
    "\\u0000 \\\\ \\N {\\fs4000}",
]


def sample(rate: Rate, *, name: str = "A moment", text: str = "Goal!", start: int = 0) -> Timeline:
    """Ten seconds of a master, and its source above, switched off; the source's own timecode is not 0."""
    ten = rate.frames(10_000_000_000)
    picture, sound = Picture(width=1920, height=1080), Sound(rate=48_000, channels=2)
    master = Media(path="master.mp4", length=ten + 3, picture=picture, sound=sound)
    source = Media(
        path="../source/media.mp4", length=7 * ten, start=rate.count("01:00:00:00"), picture=picture, sound=sound
    )
    return Timeline(
        name=name,
        rate=rate,
        start=start,
        tracks=(
            Track(name="clip", items=(Clip(name=name, media=master, source=2, length=ten),)),
            Track(name="source", items=(Clip(name=name, media=source, source=3 * ten + 1, length=ten, enabled=False),)),
        ),
        markers=(
            Marker(at=0, length=1, text=text, kind="word"),
            Marker(at=ten // 2, length=7, text=text, kind="event"),
            Marker(at=ten - 1, length=1, text=text, kind="word"),
        ),
        note="A note",
    )


def gapped(rate: Rate) -> Timeline:
    """Two clips of one file with a space between them: an advert was cut out."""
    picture, sound = Picture(width=1280, height=720), Sound(rate=44_100, channels=1)
    media = Media(path="master.mp4", length=1000, start=17, picture=picture, sound=sound)
    first = Clip(name="first", media=media, source=10, length=100)
    second = Clip(name="second", media=media, source=400, length=50)
    over = Clip(name="over", media=media, source=0, length=30)
    return Timeline(
        name="Two clips",
        rate=rate,
        tracks=(
            Track(name="clip", items=(first, Space(25), second)),
            Track(name="above", items=(Space(110), over)),
        ),
        markers=(Marker(at=110, length=1, text="in the space", kind="event"),),
    )
