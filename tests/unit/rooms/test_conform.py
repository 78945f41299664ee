"""What editors get of a take: every track in step with the others, from its zero to its end, holes filled and named."""

from __future__ import annotations

import json
import shutil
import threading
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import opentimelineio as otio
import pytest

from daemon.files import sha256_of
from daemon.rooms.conform import Stopped, conform
from daemon.rooms.multicam import timelines
from daemon.rooms.take import read_take
from recorder.bitstream import Size
from recorder.matroska import MatroskaStream, MatroskaTrack
from tests.room_takes import ZERO_MS, Guest, MadeTake, beeps, flashes, make_take, sound_of, tone_level
from tests.unit.handoff.read_fcpxml import Document
from tests.unit.rooms.conftest import GUESTS
from tests.webrtc import coded_video

TONES = {guest.pid: guest.tone_hz for guest in GUESTS}


def made(take: MadeTake, cancelled: threading.Event | None = None) -> dict[str, Any]:
    return dict(conform(take.folder, lambda _done: None, cancelled or threading.Event()))


def document_of(take: MadeTake) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((take.folder / "align.json").read_bytes())
    return found


def without_pictures(take: MadeTake, *pids: str) -> None:
    """Nothing to code: what is asked then is quick."""
    for pid in pids:
        for path in take.folder.glob(f"{pid}/cam/*"):
            path.unlink()


def apart_ms(one: list[float], other: list[float]) -> list[float]:
    """Of each event of one list to the nearest of the other."""
    return [min(abs(a - b) for b in other) * 1000 for a in one]


def test_all_tracks_lie_in_step_and_holes_are_filled_from_the_backup(conformed: MadeTake, recorded: MadeTake) -> None:
    """Flash against beep within a track, and beeps between people; originals stay as they were."""
    take, document = conformed, document_of(conformed)
    for path in recorded.folder.rglob("local-*.webm"):
        assert sha256_of(path) == sha256_of(take.folder / path.relative_to(recorded.folder))

    heard: dict[str, list[float]] = {}
    for pid, hz in TONES.items():
        wav = take.folder / pid / "mic" / "conformed.wav"
        with wave.open(str(wav)) as file:
            assert (file.getframerate(), file.getnframes()) == (48_000, round(take.length_s * 48_000))
        sound = sound_of(wav)
        heard[pid] = [at for at in beeps(sound, hz) if abs(at - round(at)) < 0.2]
        assert len(heard[pid]) >= take.length_s - 1
        others = [tone_level(sound, other) for own, other in TONES.items() if own != pid]
        assert max(others) < 0.3 * tone_level(sound, hz)
    for pid in ("p2", "p3"):
        assert np.percentile(apart_ms(heard[pid], heard["p1"]), 95) <= 20
    for pid in ("p1", "p2"):
        mp4 = take.folder / pid / "cam" / "conformed.mp4"
        with av.open(str(mp4)) as file_:
            video = file_.streams.video[0]
            assert video.frames == round(take.length_s * 30)
            assert video.average_rate == 30
        shown = flashes(mp4)
        assert len(shown) >= 0.95 * take.length_s
        assert np.percentile(apart_ms(shown[1:], heard[pid]), 95) <= 40

    tracks = {(row["pid"], row["track"]): row for row in document["tracks"]}
    holes = tracks["p2", "cam"]["holes"]
    assert holes
    assert all(hole["filled"] for hole in holes)
    assert tracks["p2", "cam"]["picture"]["backup"][-1][1] == pytest.approx(take.end_ms, abs=100)
    [covered] = document["covered"]
    assert covered["end_s"] == pytest.approx(take.length_s, abs=0.2)


def test_each_local_file_is_where_it_was_recorded(conformed: MadeTake) -> None:
    """To less than two milliseconds at both ends, though start events were 82 ms late; the bound says more."""
    files = {row["seg"]: row for row in document_of(conformed)["files"]}
    for seg, offset_ms in conformed.offsets_ms.items():
        assert files[seg]["method"] == "content"
        assert abs(files[seg]["offset_ms"] - offset_ms) < 2
        assert abs(files[seg]["offset_ms"] + 1e-2 * files[seg]["ppm"] - offset_ms - 1e-2 * conformed.ppm[seg]) < 2
        assert files[seg]["bound_ms"] >= 20


def test_what_is_made_is_not_made_again_and_a_stop_costs_one_file(take: MadeTake) -> None:
    """Stopped after its first track, the rest is made the next time; a lost file is made anew, alone."""
    without_pictures(take, "p1", "p2")
    stopping = threading.Event()

    def progress(done: float) -> None:
        if done > 0.3:
            stopping.set()

    with pytest.raises(Stopped):
        conform(take.folder, progress, stopping)
    half = document_of(take)
    assert half["state"] == "making"
    first = take.folder / half["tracks"][0]["wav"]
    written = first.stat().st_mtime_ns
    whole = made(take)
    assert whole["state"] == "done"
    assert first.stat().st_mtime_ns == written
    assert made(take) == whole
    assert not list(take.folder.rglob(".*"))


def test_a_take_whose_worker_was_killed_is_as_long_as_its_backups(take: MadeTake) -> None:
    """Nobody wrote down its end; clips behind the last row are covered all the same."""
    without_pictures(take, "p1", "p2")
    ledger = take.folder / "take.jsonl"
    rows = ledger.read_text().splitlines()
    ledger.write_text("\n".join(rows[:-1]) + "\n")
    document = made(take)
    assert document["end_ms"] == pytest.approx(take.end_ms, abs=50)
    assert document["covered"][0]["end_s"] == pytest.approx(take.length_s, abs=0.3)


def test_a_guests_broken_file_spoils_no_others(take: MadeTake) -> None:
    """Its person's backup takes its place."""
    [bad] = take.folder.glob("p1/cam/local-*.webm")
    bad.write_bytes(b"\x1aE\xdf\xa3" + b"nonsense" * 500)
    without_pictures(take, "p2")
    document = made(take)
    tracks = {(row["pid"], row["track"]): row for row in document["tracks"]}
    assert not tracks["p1", "cam"]["picture"]["local"]
    assert tracks["p1", "cam"]["picture"]["backup"]
    assert tracks["p3", "mic"]["sound"]["local"]
    coarse = {row["pid"]: row["why"] for row in document["files"] if row["method"] == "coarse"}
    assert coarse["p1"] == "no_sound"


def test_editors_get_one_timeline_with_everybody_in_step(conformed: MadeTake) -> None:
    """A multicam clip in FCPXML, tracks in OTIO: every file from the same frame on; nobody is heard twice."""
    take = conformed
    document = Document((take.folder / "multicam.fcpxml").read_text())
    edits = [edit for [edit] in document.angles.values()]
    voices = [f"./p{number}/mic/conformed.wav" for number in (1, 2, 3)]
    assert {edit.src for edit in edits} == {"./mix.wav", "./p1/cam/conformed.mp4", "./p2/cam/conformed.mp4", *voices}
    assert {(edit.at, edit.start, edit.length) for edit in edits} == {(0, 0, round(take.length_s * 30))}
    on = {document.angles[name][0].src: kind for name, kind in document.on.items()}
    assert on == {"./mix.wav": "audio", "./p1/cam/conformed.mp4": "video"}
    assert all(asset.get("hasAudio") for asset in document.assets.values())  # pictures bring their own voice
    story = otio.adapters.read_from_file(str(take.folder / "multicam.otio"))
    heard = [clip.media_reference.target_url for track in story.audio_tracks() for clip in track if clip.enabled]
    assert heard == ["mix.wav"]
    assert [len(story.video_tracks()), len(story.audio_tracks())] == [2, 4]


def test_a_file_that_cannot_be_read_is_left_out_of_the_timelines(conformed: MadeTake, tmp_path: Path) -> None:
    """The others lie in step as before."""
    folder = shutil.copytree(conformed.folder, tmp_path / "take")
    (folder / "p3" / "mic" / "conformed.wav").write_bytes(b"no sound")
    tracks = document_of(conformed)["tracks"]
    files = timelines(read_take(folder), tracks, (0.0, conformed.length_s * 1000), mix=True)
    sources = {edit.src for [edit] in Document(files["multicam.fcpxml"].decode()).angles.values()}
    assert "./p3/mic/conformed.wav" not in sources
    assert {"./mix.wav", "./p1/cam/conformed.mp4", "./p2/mic/conformed.wav"} <= sources


def test_a_live_picture_that_changes_its_size_keeps_its_time(tmp_path: Path) -> None:
    """A browser sends smaller pictures when the line is bad: not a frame is lost or doubled by it."""
    take = make_take(tmp_path, [Guest(pid="p1", name="Ada", tone_hz=880)], length_s=3)
    stream = MatroskaStream((MatroskaTrack(number=1, codec="vp8", size=Size(320, 180)),))
    sizes = ((320, 180), (160, 90), (320, 180))
    frames = [frame for width, height in sizes for frame in coded_video("vp8", 30, width, height)]
    blocks = [
        stream.block(1, round(ZERO_MS + at * 1000 / 30), frame.data, keyframe=at % 30 == 0, cuts=at % 30 == 0)
        for at, frame in enumerate(frames)
    ]
    (take.folder / "p1" / "cam" / "backup-0.mkv").write_bytes(stream.header() + b"".join(blocks))
    made(take)
    with av.open(str(take.folder / "p1" / "cam" / "conformed.mp4")) as file:
        times = [float(frame.time or 0) for frame in file.decode(video=0)]
    assert np.allclose(times, np.arange(90) / 30, atol=1e-3)
