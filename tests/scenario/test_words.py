"""Words as people meet them: lines, captions, titles, transcripts, clips that never cut a word; and none at all."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.ids import SessionId
from core.times import FOREVER_NS, Ns, ns, to_s
from daemon.demo import Recipe
from daemon.demo.speech import catalogue
from daemon.journal import Journal
from daemon.showing import JournalReader
from tests.scenario.command import SPEECH, Ran, clipd
from tests.scenario.worker import run_attempt, spec_for
from tests.soaking import more
from tests.synthetic_streams import StreamFiles, write_stream

pytestmark = pytest.mark.timeout(900)  # a minute of media is heard by a real model
TINY = {**SPEECH, "CLIPD_SPEECH__MODEL": "tiny.en"}
RECIPE = Recipe.from_seed(11)
EDGE = ns(0.08)
UNTIL_S = 75  # of two minutes: time for a moment and its clip
SPEECH_SAID = [utterance for utterance in RECIPE.speech if utterance.end_s < UNTIL_S]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> StreamFiles:
    """Two minutes with three planted moments and talk."""
    return write_stream(tmp_path_factory.mktemp("stream"), RECIPE)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One user for the whole module."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", params=["live", *more("packed")])
def ran(request: pytest.FixtureRequest, stream: StreamFiles, home: Path) -> Ran:
    """The recording under one planner."""
    options = ("--chat", str(stream.chat), "--planner", request.param, "--duration", str(UNTIL_S), "--json")
    ran = clipd("vod", str(stream.media), *options, home=home, env=TINY)
    assert ran.code == 0, ran.stderr[-2000:]
    return ran


def words_of(ran: Ran) -> list[dict[str, Any]]:
    """Final words, in the order told."""
    return [word for line in ran.of("transcript") if line["final"] for word in line["words"]]


def plain(text: str) -> str:
    """Letters only."""
    return "".join(letter for letter in text.casefold() if letter.isalpha())


def journal(ran: Ran, home: Path) -> Journal:
    """The session's, read-only."""
    folder = home / ".local/share/clipd/sessions" / ran.summary["session"]
    return Journal.open(folder / "session.db", read_only=True)


def test_most_of_what_was_said_is_told_once_and_in_order(ran: Ran) -> None:
    """Against the recipe's own sentences; the crowd shouts over some of them."""
    words = words_of(ran)
    told = {plain(word["text"]) for word in words}
    said = [plain(w) for u in SPEECH_SAID if u.rate == 1.0 for w in catalogue()[u.name].text.split()]
    assert sum(word in told for word in said) >= 0.85 * len(said)
    assert ran.summary["words"] == len(words)
    assert all(a["start_s"] <= b["start_s"] and a["end_s"] <= b["start_s"] + 0.001 for a, b in pairwise(words))
    assert all(line["language"] == "en" for line in ran.of("transcript"))


def test_a_supervisor_shows_the_session_as_it_was(ran: Ran, home: Path) -> None:
    """Its words, subtitles, and lines that are over the bar where a clip was made."""
    reader, session = JournalReader(home / ".local/share/clipd"), SessionId(ran.summary["session"])
    said = reader.words(session, Ns(0), FOREVER_NS)
    assert (len(said.words), said.language) == (ran.summary["words"], "en")
    assert reader.subtitles(session, Ns(0), FOREVER_NS, "vtt").count("-->") > 5
    lines = reader.curves(session, Ns(0), FOREVER_NS, 200)
    assert {len(line) for line in (lines.p, lines.bar, *lines.series.values())} == {len(lines.p)}
    assert {"loudness", "chat"} <= lines.series.keys()
    for clip in (line for line in ran.of("clip") if line["state"] == "final"):
        first, last = (round(clip[at] * 1e9) // lines.step_ns for at in ("start_s", "end_s"))
        assert max(lines.p[first : last + 1]) >= min(lines.bar[first : last + 1]), clip
    footage = reader.footage(session)
    assert footage is not None
    assert footage[1] >= 0.9 * ran.summary["media_s"] * 1e9


def test_a_word_is_where_it_was_said(ran: Ran) -> None:
    """The first word of a sentence that stands alone begins with it."""
    errors = []
    for before, here in pairwise(SPEECH_SAID):
        first = plain(catalogue()[here.name].text.split()[0])
        near = [w for w in words_of(ran) if plain(w["text"]) == first and abs(w["start_s"] - here.start_s) < 1]
        if here.start_s - before.end_s > 1 and near:
            errors.append(min(abs(w["start_s"] - here.start_s) for w in near))
    assert len(errors) >= 3
    assert sorted(errors)[len(errors) // 2] <= 0.25  # a recorded sentence begins with up to 0.2 s of breath


def test_no_clip_begins_or_ends_inside_a_word(ran: Ran, home: Path) -> None:
    """Of the words known when it was cut; a frame more shows because a cut begins on a keyframe. A recogniser's edges
    are good to 80 ms, and where it hears on into silence the sound decides."""
    with journal(ran, home) as book:
        clips = book.finished_decisions().values()
        assert clips
        for clip in clips:
            for edge_ns in (clip.start_ns, clip.end_ns):
                near = book.words(edge_ns, Ns(edge_ns + 1))
                inside = [word for word in near if word.start_ns + EDGE < edge_ns < word.end_ns - EDGE]
                assert not inside, (to_s(edge_ns), inside)


def test_clips_have_captions_and_titles_from_what_was_said(ran: Ran) -> None:
    """The recipe says which model heard them; both planners find the same sentence before the moment."""
    told = {plain(word["text"]) for word in words_of(ran)}
    for clip in {line["id"]: line for line in ran.of("clip")}.values():
        document = json.loads((Path(clip["files"]["master"]).parent / "clip.json").read_text())
        assert {"srt", "vtt"} <= clip["files"].keys()
        assert Path(clip["files"]["vtt"]).read_text().startswith("WEBVTT")
        assert document["speech"]["model"] == "tiny.en"
        assert document["words"]
        length_s = clip["end_s"] - clip["start_s"]
        assert all(-0.001 <= word["start_s"] < word["end_s"] <= length_s + 0.001 for word in document["words"])
        assert {plain(word) for word in clip["title"].split()} - {""} <= told | {plain(clip["title"].split()[-1])}


def test_the_log_gives_the_same_decisions_again(ran: Ran, home: Path) -> None:
    """Words are in the signal log with the time they were known, so a replay cuts at the same words."""
    again = clipd("replay", ran.summary["session"], "--json", home=home)
    difference = again.lines[0]
    assert (difference["gained"], difference["lost"], difference["moved"]) == ([], [], [])
    assert difference["same"] >= 1


def test_the_transcript_of_a_finished_session(ran: Ran, home: Path) -> None:
    """As text, subtitles and JSON."""
    session = ran.summary["session"]
    told = json.loads(json.dumps(clipd("transcript", session, "--format", "json", home=home).lines[0]))
    assert len(told["words"]) == ran.summary["words"]
    assert told["language"] == "en"


async def test_a_missing_model_costs_words_not_clips(stream: StreamFiles, tmp_path: Path) -> None:
    """The model's folder was deleted after the start: a warning with its remedy, a named gap, and the clips."""
    gone = {**SPEECH, "CLIPD_SPEECH__MODEL": str(tmp_path / "gone")}
    code, lines = await run_attempt(spec_for(str(stream.media), tmp_path, chat=str(stream.chat), env=gone))
    assert code == 0
    [warning] = [line for line in lines if line["type"] == "warning"]
    assert warning["code"] == "model_missing"
    assert "CTranslate2" in warning["remedy"]
    [gap] = [line for line in lines if line["type"] == "gap"]
    assert (gap["track"], gap["reason"], gap["start_s"]) == ("speech", "model_missing", 0)
    assert gap["end_s"] == pytest.approx(120, abs=1)
    assert [line for line in lines if line["type"] == "clip"]
    assert lines[-1]["gaps"] == 0  # of the footage there is none


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--language", "english"), 2, "speech.language"),
        (("--planner", "fast"), 2, "speech.planner"),
        (("--model", "huge"), 2, "large-v3-turbo"),
        (("--model", "/no/such/folder"), 4, "model.bin"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_starts(
    options: tuple[str, str], code: int, says: str, tmp_path: Path
) -> None:
    """With the name of the setting, or what is known there."""
    ran = clipd("vod", "x.mp4", *options, "--json", home=tmp_path, env=SPEECH)
    assert ran.code == code
    assert says in ran.stderr + json.dumps(ran.lines)
