"""The report as a document: self-contained, escaped, honest about what is missing. How it looks is tests/browser's."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.times import Ns, ns
from daemon.report import ReportData, write_report
from daemon.report.page import Quote, clean_text, latency_rows, quote_of
from daemon.report.strip import WIDTH, draw_strip
from tests.unit.report.sample import HOSTILE, sample, say


class Tags(HTMLParser):
    """All tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def data(tmp_path: Path) -> ReportData:
    """Three clips whose files lie beside the report, one under a name that has to be quoted."""
    names = ["a/master.mp4", "b:c #1?/master.mp4", "d/master.mp4"]
    return sample([(tmp_path / name, (tmp_path / name).with_name("thumbnail.jpg")) for name in names])


@pytest.fixture
def page(data: ReportData, tmp_path: Path) -> Tags:
    """The report, written and read back."""
    write_report(tmp_path / "report.html", data)
    return Tags((tmp_path / "report.html").read_text())


def test_the_page_names_no_other_address(page: Tags) -> None:
    """Every URL is relative or a fragment; nothing is fetched from any host."""
    urls = [attrs[name] for _, attrs in page.tags for name in ("src", "href", "poster") if attrs.get(name)]
    assert len(urls) >= 6
    assert all(url and url.startswith(("./", "#")) for url in urls)
    assert not [tag for tag, attrs in page.tags if tag in {"link", "iframe", "object"} or "style" in attrs]


def test_links_to_clips_are_relative_and_quoted(page: Tags) -> None:
    """A folder named with a colon, a hash and a question mark still leads to the file."""
    sources = {attrs["src"] for tag, attrs in page.tags if tag == "video"}
    assert sources == {"./a/master.mp4", "./b%3Ac%20%231%3F/master.mp4", "./d/master.mp4"}


def test_finished_files_are_linked_beside_their_clip(page: Tags) -> None:
    """Only the second clip has one."""
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a" and (attrs["href"] or "").endswith(".mp4")]
    assert links == ["./b%3Ac%20%231%3F/vertical.mp4"]
    assert "To post: vertical" in page.words


def test_strangers_texts_are_text(page: Tags) -> None:
    """A title full of markup makes no element; characters that reorder or hide text are replaced."""
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert '<script>document.title="owned"</script>' in page.words
    assert "{{7*7}}" in page.words
    assert "\u202e" not in page.words
    assert "\x07" not in page.words


def test_every_attribute_is_ours(page: Tags) -> None:
    """No event handler got into any element."""
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]


def test_the_policy_allows_our_own_style_and_script_only(page: Tags) -> None:
    """By hash; no inline, no eval, no host."""
    [policy] = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy
    assert policy.startswith("default-src 'none'")
    assert len(re.findall(r"'sha256-[A-Za-z0-9+/]{43}='", policy)) == 2
    assert "unsafe" not in policy
    assert "http" not in policy


def test_each_near_miss_comes_with_the_command_that_rescues_it(page: Tags) -> None:
    """Rounded outwards, quoted for a shell; the nearest to the bar first."""
    command = "clipd cut s20261121t101500-abc123 12.3 21.5 --data-dir '/data dir/clipd'"
    assert command in page.words
    assert page.words.index("abc123 80 88") < page.words.index(command)


def test_clips_that_waited_for_chat_stand_in_a_row_of_their_own(data: ReportData) -> None:
    """Percentiles by nearest rank; replayed clips count nowhere."""
    rows = latency_rows(data.clips)
    assert [(row.count, row.p50_s, row.p95_s) for row in rows] == [(1, 3.4, 3.4), (1, 9.8, 9.8)]
    assert latency_rows([replace(clip, latency_s=None) for clip in data.clips]) == []
    many = [replace(data.clips[0], latency_s=float(n)) for n in range(1, 101)]
    assert [(row.p50_s, row.p95_s, row.worst_s) for row in latency_rows(many)] == [(50, 95, 100)]


def test_gaps_sheds_and_warnings_are_named_with_their_reasons(page: Tags) -> None:
    """What is missing stands on the page."""
    for word in ("segment_lost", "2.00", "Analysis: scenes", "chat_late", "Set --chat-delay.", "starts late"):
        assert word in page.words
    assert re.search(r"Transcript\s*0:00:44.0\s*0:00:46.0\s*2.00\s*behind; the footage was kept", page.words)


def test_without_clips_the_page_says_why(data: ReportData, tmp_path: Path) -> None:
    """And leads to the near misses."""
    write_report(
        tmp_path / "r.html", replace(data, clips=(), why_no_clips="nothing over the bar: the best scored 0.41")
    )
    words = Tags((tmp_path / "r.html").read_text()).words
    assert "No clips" in words
    assert "nothing over the bar: the best scored 0.41" in words
    assert "The 2 nearest can still be cut" in words


def test_a_session_without_anything_still_has_a_report(data: ReportData, tmp_path: Path) -> None:
    """No media, no signals, no near misses."""
    bare = replace(
        data, media_ns=Ns(0), clips=(), near_misses=(), curves=(), epochs=(), gaps=(), sheds=(), warnings=(), streams=()
    )
    bare = replace(bare, speech=None)
    write_report(tmp_path / "r.html", replace(bare, why_no_clips="no media", lag_s=None))
    html = (tmp_path / "r.html").read_text()
    assert "no media" in html
    assert "Transcript" not in html


def test_a_clip_whose_file_is_gone_has_no_player(data: ReportData, tmp_path: Path) -> None:
    """A withdrawn clip stays on the page, without its files."""
    gone = replace(data, clips=(replace(data.clips[0], master=None, thumbnail=None),))
    write_report(tmp_path / "r.html", gone)
    page = Tags((tmp_path / "r.html").read_text())
    assert not [tag for tag, _ in page.tags if tag == "video"]
    assert "The file is not there" in page.words


def test_a_clip_quotes_what_is_said_in_it(page: Tags) -> None:
    """With the sentence at its anchor emphasised; a stranger's words stay words."""
    assert [tag for tag, _ in page.tags].count("blockquote") == 2
    assert "No way, no way! That was five in a row! Clip that, chat!" in page.words
    assert [tag for tag, _ in page.tags].count("em") == 2


def test_the_sentence_at_the_anchor_stands_out() -> None:
    """The nearest where it falls into a pause; some words around it, and an ellipsis for the rest."""
    words = (*say("One two. " * 20 + "Before it.", 0), *say("No way!", 30), *say("What was that?" + " Wow." * 30, 40))
    before, after = "… " + "One two. " * 11 + "Before it.", "What was that?" + " Wow." * 21 + " …"
    assert quote_of(words, ns(33)) == Quote(before, "No way!", after)
    assert quote_of(words[-3:], None) == Quote("", "", "Wow. Wow. Wow.")
    assert quote_of((), ns(1)) is None


def test_the_transcript_is_on_the_page_with_its_times(page: Tags) -> None:
    """Folded away; whole, so no command for the rest."""
    assert re.search(r"0:00:57.5\s*Did you see that\?", page.words)
    assert "3 sentences, with their times" in page.words
    assert "whisper base, int8, cpu · language en · 0:01:01.5 of speech" in page.words
    assert re.search(r"Words heard\s*1,234", page.words)
    assert "clipd transcript" not in page.words


def test_a_long_transcript_says_how_to_get_the_rest(data: ReportData, tmp_path: Path) -> None:
    """A page of twelve hours would be slow, not useful."""
    assert data.speech is not None
    write_report(tmp_path / "r.html", replace(data, speech=replace(data.speech, sentence_count=5310)))
    words = Tags((tmp_path / "r.html").read_text()).words
    assert "5,310 sentences" in words
    assert "These are the first 3." in words
    assert "clipd transcript s20261121t101500-abc123 --data-dir '/data dir/clipd'" in words


def test_listening_to_silence_is_said(data: ReportData, tmp_path: Path) -> None:
    """Nobody wonders whether it listened."""
    assert data.speech is not None
    silent = replace(data.speech, words=0, language="", sentences=(), sentence_count=0)
    write_report(tmp_path / "r.html", replace(data, speech=silent))
    assert "No words were heard." in Tags((tmp_path / "r.html").read_text()).words


def test_the_strip_keeps_every_peak_and_every_mark(data: ReportData) -> None:
    """A second of a twelve-hour day is still drawn; spans lie where their times are."""
    day = replace(data, media_ns=ns(12 * 3600))
    strip = draw_strip(day)
    assert all(span.width >= 2 for span in (*strip.clips, *strip.gaps, *strip.near_misses))
    near = draw_strip(data)
    assert near.clips[0].x == pytest.approx(56 / 90 * WIDTH, abs=0.1)
    assert [tick.text for tick in near.ticks][:3] == ["0:00:00", "0:00:10", "0:00:20"]
    assert len(strip.ticks) <= 12


def test_what_a_game_showed_stands_on_the_strip(data: ReportData, page: Tags) -> None:
    """A mark at its time with its words, the streamer's own higher than others'; nothing where no game was set."""
    strip = draw_strip(data)
    assert [mark.text for mark in strip.others] == ["kill: ash > bo"]
    assert [mark.x for mark in strip.game] == [pytest.approx(t / 90 * strip.width, abs=0.1) for t in (58, 60)]
    assert "kill: Clipper > ash (rifle)" in page.words
    assert draw_strip(replace(data, game=())).game == ()


@pytest.mark.parametrize("curve", [0, 1])
def test_curves_are_numbers_only(data: ReportData, curve: int) -> None:
    """Nothing but coordinates reaches the drawing."""
    assert re.fullmatch(r"M[-0-9. L]+", draw_strip(data).lanes[curve].path)


def test_text_is_cut_and_cleaned() -> None:
    """500 characters, no control characters, lone surrogates survive as replacement characters."""
    assert clean_text("a" * 600) == "a" * 500 + "…"
    assert clean_text("a\x00b\u2066c\ud800") == "a\ufffdb\ufffdc\ufffd"
    assert "\u202e" not in clean_text(HOSTILE)
