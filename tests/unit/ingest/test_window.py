"""What a reloaded playlist adds, which quality is taken, and how much time lies across a break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import BadMedia
from core.times import Ns, ns
from daemon.ingest.api import Resume
from daemon.ingest.hls.dates import Dates
from daemon.ingest.hls.playlist import Master, MediaPlaylist, Rendition, Segment, Variant
from daemon.ingest.hls.variants import ranked, sound_of
from daemon.ingest.hls.window import Window


def playlist(
    first: int, count: int, *, name: str = "s", breaks: tuple[int, ...] = (), live: bool = True
) -> MediaPlaylist:
    segments = tuple(
        Segment(seq=n, uri=f"http://a/{name}{n}.ts?token={first}", duration_ns=ns(2), discontinuity=n in breaks)
        for n in range(first, first + count)
    )
    return MediaPlaylist(url="http://a/i.m3u8", segments=segments, target_ns=ns(2), live=live)


def taken(window: Window, found: MediaPlaylist) -> list[tuple[int, str | None]]:
    return [(step.segment.seq, step.break_reason) for step in window.update(found)]


def test_a_live_stream_is_joined_near_its_edge() -> None:
    """Three segments before the newest; one that has ended is taken whole."""
    assert taken(Window(3), playlist(10, 6)) == [(13, "start"), (14, None), (15, None)]
    assert len(taken(Window(3), playlist(10, 6, live=False))) == 6
    assert len(taken(Window(None), playlist(10, 6))) == 6


def test_a_resumed_session_catches_up_on_what_passed_meanwhile() -> None:
    """Dated segments are joined where the earlier attempt stopped: earlier than the edge, later, or not at all yet. An
    absence of more than five minutes is caught up on by five minutes."""

    def dated(count: int) -> MediaPlaylist:
        found = playlist(0, count)
        return replace(found, segments=tuple(replace(s, pdt_ns=ns(1000 + 2 * s.seq)) for s in found.segments))

    assert [n for n, _ in taken(Window(3, ns(1002)), dated(8))] == [1, 2, 3, 4, 5, 6, 7]
    assert [n for n, _ in taken(Window(3, ns(1013.5)), dated(8))] == [7]
    late = Window(3, ns(1016))
    assert taken(late, dated(8)) == []
    assert [n for n, _ in taken(late, dated(9))] == [8]
    assert len(taken(Window(3, ns(1000)), dated(400))) == 151
    assert [n for n, _ in taken(Window(3, ns(1002)), playlist(0, 8))] == [5, 6, 7]
    assert [n for n, _ in taken(Window(3, ns(9000)), dated(8))] == [5, 6, 7]


def test_only_what_is_new_is_taken() -> None:
    """A sliding window gives each segment once; tokens in the query may change."""
    window = Window(3)
    taken(window, playlist(10, 3))
    assert taken(window, playlist(10, 3)) == []
    assert taken(window, playlist(12, 3)) == [(13, None), (14, None)]
    assert taken(window, playlist(13, 3, breaks=(15,))) == [(15, "discontinuity")]


def test_segments_that_passed_unseen_are_counted() -> None:
    """A window that has moved on says how many were missed."""
    window = Window(3)
    taken(window, playlist(0, 3))
    [first, *_] = window.update(playlist(6, 3))
    assert (first.missed, first.break_reason) == (3, "sequence_jump")


def test_a_stale_copy_of_the_playlist_is_not_a_restart() -> None:
    """Another cache node may lag by a segment or two: the same files under the same numbers."""
    window = Window(6)
    taken(window, playlist(10, 6))
    assert taken(window, playlist(8, 6)) == []
    assert taken(window, playlist(10, 7)) == [(16, None)]


def test_an_encoder_that_starts_again_is_followed() -> None:
    """Numbers from zero with other files: taken from the edge, as a break."""
    window = Window(3)
    taken(window, playlist(5000, 6))
    assert taken(window, playlist(0, 2)) == [(0, "sequence_reset"), (1, None)]
    assert taken(window, playlist(0, 3)) == [(2, None)]


def test_an_encoder_that_starts_again_early_is_followed_once_it_moves() -> None:
    """Few numbers apart it could be a stale copy, until it goes on without reaching where we were."""
    window = Window(3)
    taken(window, playlist(2, 3, name="old"))
    assert taken(window, playlist(0, 2, name="new")) == []
    assert taken(window, playlist(0, 3, name="new"))[0] == (0, "sequence_reset")


def test_sections_count_the_breaks() -> None:
    """Picture and sound of one stream find each other by the number of breaks so far."""
    window = Window(None)
    assert [step.section for step in window.update(playlist(0, 4, breaks=(1, 3)))] == [0, 1, 1, 2]
    assert window.update(MediaPlaylist(url="", segments=(), target_ns=1, live=True)) == []


def variant(name: str, bandwidth: int, height: int, *codecs: str, group: str | None = None) -> Variant:
    return Variant(
        uri=name, bandwidth=bandwidth, width=0, height=height, fps=30, codecs=codecs, audio_group=group
    )  # fmt: skip


def master(*variants: Variant, audio: tuple[Rendition, ...] = ()) -> Master:
    return Master(url="m", variants=variants, audio=audio)


def test_the_best_picture_within_the_limit_is_taken() -> None:
    """Bandwidth decides below the height limit; without anything below it, the lowest picture."""
    found = master(
        variant("audio", 10**9, 0, "mp4a.40.2"),
        variant("low", 1, 360, "avc1.4d401e", "mp4a.40.2"),
        variant("high", 8, 1080, "avc1.64002a", "mp4a.40.2"),
        variant("uhd", 9, 2160, "hvc1.2.4.L150"),
        variant("dolby", 99, 1080, "dvh1.05.06"),
    )
    assert [v.uri for v in ranked(found, None)] == ["uhd", "high", "low", "audio"]
    assert ranked(found, 1080)[0].uri == "high"
    assert ranked(found, 240)[0].uri == "low"


def test_no_accepted_codec_is_said() -> None:
    """The message names what the stream has."""
    with pytest.raises(BadMedia, match="dvh1"):
        ranked(master(variant("x", 1, 720, "dvh1.05.06")), None)


def test_unstated_codecs_are_tried() -> None:
    """CODECS is optional: the segments will show."""
    assert ranked(master(variant("x", 1, 720)), None)[0].uri == "x"


def test_sound_of_its_own_is_found_by_group_and_default() -> None:
    """The default rendition of the variant's group; none when the variant carries the sound itself."""

    def sound(uri: str, group: str, *, default: bool) -> Rendition:
        return Rendition(uri=uri, group=group, name=uri, default=default, autoselect=True)

    audio = (sound("de", "a", default=False), sound("en", "a", default=True), sound("x", "b", default=True))
    one = variant("v", 1, 720, group="a")
    found = sound_of(master(one, audio=audio), one)
    assert found is not None
    assert found.uri == "en"
    assert sound_of(master(one), one) is None


def segment(pdt_s: float | None, duration_s: float = 2) -> Segment:
    return Segment(
        seq=1, uri="x", duration_ns=ns(duration_s), pdt_ns=None if pdt_s is None else ns(pdt_s)
    )  # fmt: skip


def elapsed(dates: Dates, one: Segment, *, adjacent: bool, arrived_s: float) -> tuple[float, str]:
    found = dates.between(one, adjacent=adjacent, arrived_ns=ns(arrived_s), wall_ns=ns(10_000))
    return found.ns / 1e9, found.by


def test_the_streams_own_dates_say_how_long_a_break_was() -> None:
    """Both sides dated: the difference counts, also between neighbours."""
    dates = Dates(live=True)
    dates.placed(segment(100), ns(50))
    assert elapsed(dates, segment(107), adjacent=True, arrived_s=52) == (5.0, "pdt")
    assert elapsed(dates, segment(101.9), adjacent=True, arrived_s=52) == (0.0, "pdt")


def test_impossible_dates_are_not_believed() -> None:
    """An ad dated three years ago, or tomorrow, has nothing to do with how long it took."""
    dates = Dates(live=True)
    dates.placed(segment(100_000), ns(50))
    assert elapsed(dates, segment(5), adjacent=True, arrived_s=52) == (0.0, "source")
    assert elapsed(dates, segment(190_000), adjacent=False, arrived_s=60) == (8.0, "boottime")


def test_without_dates_neighbours_have_nothing_between_and_others_the_time_that_passed() -> None:
    """A lost segment between neighbours counts with its stated length."""
    dates = Dates(live=True)
    dates.placed(segment(None), ns(50))
    assert elapsed(dates, segment(None), adjacent=True, arrived_s=52) == (0.0, "source")
    dates.lost(segment(None, 4))
    assert elapsed(dates, segment(None), adjacent=True, arrived_s=60) == (4.0, "source")
    assert elapsed(dates, segment(None), adjacent=False, arrived_s=60) == (8.0, "boottime")


def test_a_replay_loses_no_time() -> None:
    """What was recorded hours apart is played on without a pause."""
    dates = Dates(live=False)
    dates.placed(segment(100), ns(50))
    assert elapsed(dates, segment(9_999), adjacent=False, arrived_s=80) == (0.0, "source")


def test_a_resumed_session_counts_from_the_earlier_attempt() -> None:
    """By the stream's dates, else by this machine's clock, else not at all."""
    known = Dates(live=True, resume=Resume(Ns(0), 1, wall_ns=ns(100), boottime_ns=ns(10)))
    assert elapsed(known, segment(130), adjacent=False, arrived_s=45) == (30.0, "pdt")
    assert elapsed(known, segment(None), adjacent=False, arrived_s=45) == (33.0, "boottime")
    assert elapsed(Dates(live=True, resume=Resume(Ns(0), 1)), segment(130), adjacent=False, arrived_s=45)[0] == 0


def test_an_unannounced_jump_is_asked_once_per_segment() -> None:
    """A second leap inside one segment has no time of its own."""
    dates = Dates(live=True)
    dates.coming(dates.between(segment(None), adjacent=True, arrived_ns=0, wall_ns=ns(5))._replace(ns=7))
    assert (dates.jump().ns, dates.jump().ns) == (7, 0)


def test_an_advert_that_nobody_ends_does_not_black_out_the_stream() -> None:
    """After half an hour of it what comes is taken again, as an epoch of its own."""
    window, marked = Window(None), playlist(0, 1000)
    segments = tuple(replace(segment, ad=segment.seq > 0) for segment in marked.segments)
    steps = window.update(replace(marked, segments=segments))
    taken_again = [step for step in steps[1:] if not step.segment.ad]
    assert taken_again[0].segment.seq == 901
    assert [step.break_reason for step in taken_again[:2]] == ["ad_break", None]
    assert len(taken_again) == 1000 - 901


def test_other_names_under_a_renewed_link_are_the_same_stream() -> None:
    """The numbers go on; without the new link other names would mean that they began anew."""
    window = Window(3)
    taken(window, playlist(10, 6))
    window.renewed()
    assert taken(window, playlist(11, 6, name="t")) == [(16, None)]
    other = Window(3)
    taken(other, playlist(10, 6))
    assert taken(other, playlist(11, 6, name="t"))[0][1] == "sequence_reset"
