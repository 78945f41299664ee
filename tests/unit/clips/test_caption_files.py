"""Captions beside a master: written with it, refreshed when words come late, made again, carried along by --out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from core.edits import RenderSpec
from core.errors import StorageError, UsageError
from core.times import Ns, ns
from core.words import Word
from daemon.clips import (
    ClipContext,
    FinishedClip,
    make_clip,
    publish_out,
    refresh_captions,
    refresh_out,
    render,
    withdraw_out,
)
from daemon.files import sha256_of
from daemon.ingest.files import scan_footage
from tests.unit.clips.conftest import decide
from tests.unit.clips.footage import ListFootage

Footage = Callable[[str], ListFootage]
Cut = Callable[..., FinishedClip]
FILES = ["captions.srt", "captions.vtt", "clip.json", "master.mp4", "thumbnail.jpg"]
SPEECH = {"model": "base", "sha256": "d01c", "compute_type": "int8", "language": "en"}


def word(text: str, start_s: float, end_s: float) -> Word:
    """Heard on the session's media time."""
    return Word(text=text, start_ns=Ns(ns(start_s) + 123), end_ns=Ns(ns(end_s) + 456), prob=0.87654, vad=0.9, epoch=0)


WORDS = (word("before", 2, 3), word("What", 5.1, 5.4), word("a", 5.4, 5.5), word("shot!", 5.5, 6), word("on", 8.9, 9.5))
LATE = word("Unbelievable", 6.5, 7.25)
CONTEXT = ClipContext(source="s", words=WORDS, speech=SPEECH)


def recipe_of(clip: FinishedClip) -> dict[str, Any]:
    """Its clip.json."""
    document: dict[str, Any] = json.loads(clip.files["clip"].read_text())
    return document


def all_bytes(folder: Path) -> dict[str, bytes]:
    """Every file by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_clip_with_words_has_captions_that_count_from_its_first_frame(footage: Footage, cut: Cut) -> None:
    """Cut from 5 to 9 s, it starts on the keyframe at 4 s; libav reads the files, clip.json has words and hashes."""
    clip = cut(footage("h264"), 5, 9, context=CONTEXT)
    assert sorted(path.name for path in clip.folder.iterdir()) == FILES
    assert {kind: path.name for kind, path in clip.files.items()} == {
        "master": "master.mp4",
        "thumbnail": "thumbnail.jpg",
        "srt": "captions.srt",
        "vtt": "captions.vtt",
        "clip": "clip.json",
    }
    document = recipe_of(clip)
    assert document["cut"]["start_s"] == 4.0
    assert document["words"][:3] == [
        {"text": "What", "start_s": 1.1, "end_s": 1.4, "prob": 0.877},
        {"text": "a", "start_s": 1.4, "end_s": 1.5, "prob": 0.877},
        {"text": "shot!", "start_s": 1.5, "end_s": 2.0, "prob": 0.877},
    ]
    assert document["speech"] == SPEECH
    for kind in ("srt", "vtt"):
        assert document["files"][kind]["sha256"] == sha256_of(clip.files[kind])
        with av.open(str(clip.files[kind])) as media:
            packets = [packet for packet in media.demux(media.streams[0]) if packet.size]
        assert float((packets[0].pts or 0) * packets[0].time_base) == 1.1
        assert bytes(packets[0]) == b"What a shot!"


def test_a_clip_without_words_has_no_captions(footage: Footage, cut: Cut) -> None:
    """Words elsewhere are not its words; files that a dead attempt left go."""
    here = cut(footage("h264"), 5, 9, context=CONTEXT)
    here.files["clip"].unlink()
    silent = cut(footage("h264"), 5, 9, context=ClipContext(source="s", words=WORDS[:1]))
    assert sorted(path.name for path in silent.folder.iterdir()) == ["clip.json", "master.mp4", "thumbnail.jpg"]
    assert (recipe_of(silent)["words"], recipe_of(silent)["speech"]) == ([], None)
    assert "srt" not in silent.files


def test_late_words_make_the_files_that_early_ones_had_made(footage: Footage, tmp_path: Path) -> None:
    """To the byte; the master is not touched, and nothing happens a second time."""
    late, early = tmp_path / "late", tmp_path / "early"
    every = (*WORDS, LATE)
    clip = make_clip(footage("h264"), decide(5, 9), RenderSpec(), late, ClipContext(source="s"))
    master = clip.files["master"].stat()
    changed = refresh_captions(clip.folder, WORDS, None)
    changed |= refresh_captions(clip.folder, every, SPEECH)
    assert changed == {
        "srt": clip.folder / "captions.srt",
        "vtt": clip.folder / "captions.vtt",
        "clip": clip.folder / "clip.json",
    }
    context = ClipContext(source="s", words=every, speech=SPEECH)
    wanted = make_clip(footage("h264"), decide(5, 9), RenderSpec(), early, context)
    assert all_bytes(clip.folder) == all_bytes(wanted.folder)
    assert clip.files["master"].stat() == master
    before = (clip.folder / "clip.json").stat()
    assert refresh_captions(clip.folder, every, SPEECH) == {}
    assert (clip.folder / "clip.json").stat() == before


def test_captions_are_not_taken_away_and_not_made_for_what_is_gone(footage: Footage, cut: Cut, tmp_path: Path) -> None:
    """No words any more, or the revision was replaced: nothing changes."""
    clip = cut(footage("h264"), 5, 9, context=CONTEXT)
    before = all_bytes(clip.folder)
    assert refresh_captions(clip.folder, [], SPEECH) == {}
    assert refresh_captions(clip.folder, WORDS[:1], SPEECH) == {}
    assert all_bytes(clip.folder) == before
    assert refresh_captions(tmp_path / "r7", WORDS, SPEECH) == {}
    assert not (tmp_path / "r7").exists()


def test_a_refresh_that_was_cut_short_is_mended_by_the_next(footage: Footage, cut: Cut) -> None:
    """clip.json is the last to change: while it cannot, the words still count as new."""
    clip = cut(footage("h264"), 5, 9, context=CONTEXT)
    blocked = clip.folder / ".clip.json.partial"
    blocked.mkdir()
    with pytest.raises(StorageError):
        refresh_captions(clip.folder, (*WORDS, LATE), SPEECH)
    assert len(recipe_of(clip)["words"]) == 3
    blocked.rmdir()
    assert sorted(refresh_captions(clip.folder, (*WORDS, LATE), SPEECH)) == ["clip", "srt", "vtt"]
    document = recipe_of(clip)
    assert len(document["words"]) == 4
    assert document["files"]["srt"]["sha256"] == sha256_of(clip.files["srt"])


def test_render_makes_the_same_captions_from_the_recipe_alone(
    media_file: Callable[[str], Path], tmp_path: Path
) -> None:
    """Beside clip.json and into another folder; a file that would differ gets a name of its own."""
    clip = make_clip(scan_footage(media_file("h264")), decide(5, 9), RenderSpec(), tmp_path / "c", CONTEXT)
    first = all_bytes(clip.folder)
    for kind in ("master", "srt", "vtt"):
        clip.files[kind].unlink()
    assert render(clip.files["clip"], None).identical
    assert all_bytes(clip.folder) == first
    render(clip.files["clip"], tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "captions.vtt").read_bytes() == first["captions.vtt"]
    document = recipe_of(clip)
    document["words"][0]["text"] = "Which"
    clip.files["clip"].write_text(json.dumps(document))
    render(clip.files["clip"], None)
    assert clip.files["srt"].read_bytes() == first["captions.srt"]
    assert "Which a shot!" in (clip.folder / "captions-again.srt").read_text()


@pytest.mark.parametrize(
    "words", [None, [1], [{}], [{"text": "x", "start_s": 1e999, "end_s": 2, "prob": 1}], [{"start_s": "1"}]]
)
def test_a_recipe_with_words_that_are_none_is_refused(
    media_file: Callable[[str], Path], tmp_path: Path, words: object
) -> None:
    """It may come from a stranger."""
    clip = make_clip(scan_footage(media_file("h264")), decide(5, 9), RenderSpec(), tmp_path / "c", CONTEXT)
    clip.files["clip"].write_text(json.dumps({**recipe_of(clip), "words": words}))
    with pytest.raises(UsageError, match=r"clip\.json is not a clip recipe"):
        render(clip.files["clip"], None)


def test_the_out_folder_has_the_newest_captions(footage: Footage, cut: Cut, tmp_path: Path) -> None:
    """Linked with the clip, again after a refresh, gone with a revision in which nobody speaks, gone when withdrawn."""
    out = tmp_path / "out"
    clip = cut(footage("h264"), 5, 9, context=CONTEXT)
    files = publish_out(clip, out, "A title")
    assert sorted(path.name for path in files["srt"].parent.iterdir()) == FILES
    changed = refresh_captions(clip.folder, (*WORDS, LATE), SPEECH)
    assert refresh_out(clip.clip, out, changed) == {kind: files[kind] for kind in ("srt", "vtt", "clip")}
    assert all(files[kind].samefile(clip.files[kind]) for kind in files)
    assert "Unbelievable" in files["vtt"].read_text()
    publish_out(cut(footage("h264"), 0, 3, revision=2), out, "A title")
    assert not files["srt"].exists()
    assert not files["vtt"].exists()
    withdraw_out(clip.clip, out)
    assert refresh_out(clip.clip, out, {}) == {}
    assert list(out.iterdir()) == []
