"""A cut clip becomes what people post: the wanted span, framed, captioned, levelled; and again from clip.json."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from core.errors import UsageError
from daemon.clips import add_finished
from daemon.ffmpeg import Encoder, FfmpegFailed
from daemon.ffmpeg.encoders import HARDWARE, SOFTWARE, prove
from daemon.finish import Changes, Finished, Wishes, finish_again, finish_revision
from daemon.sound import Treatment, check_sound
from tests.soaking import more
from tests.unit.finish.conftest import Bench, word

SMALL = "small-180x320"


def finish(folder: Path, wishes: Wishes) -> Finished:
    """Made, and named in clip.json, as the desk does."""
    made = finish_revision(folder, wishes, lambda _: None, threading.Event())
    add_finished(folder, made.files, made.section)
    return made


def frames(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as media:
        return [frame.to_ndarray(format="gray") for frame in media.decode(video=0)]


def quietest_db(path: Path) -> float:
    """Of its stretches of a tenth of a second, without fades at the ends."""
    with av.open(str(path)) as media:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in media.decode(audio=0)])[4800:-4800]
    power = np.mean(sound[: len(sound) // 4800 * 4800].reshape(-1, 4800) ** 2, axis=1)
    return float(10 * np.log10(power.min() + 1e-12))


def document(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "clip.json").read_text()))


def again(folder: Path, out: Path | None = None, **changes: Any) -> list[Any]:
    return finish_again(folder / "clip.json", Changes(**changes), out, lambda _: None)


def test_a_clip_gets_its_formats_posters_timelines_and_transcripts(bench: Bench) -> None:
    folder = bench.clip()
    made = finish(folder, bench.wishes((180, 320), (200, 200)))
    kinds = {SMALL, "small-200x200", "ass", "thumbnail", "otio", "fcpxml", "edl", "xmeml", "transcript_txt"}
    assert kinds <= made.files.keys()
    assert all(path.parent == folder and path.stat().st_size for path in made.files.values())
    assert kinds <= document(folder)["files"].keys()
    for name, size in ((SMALL, (180, 320)), ("small-200x200", (200, 200))):
        with av.open(str(made.files[name])) as media:
            video = media.streams.video[0]
            assert (video.width, video.height) == size
            assert float(video.average_rate or 0) == 15
            assert media.streams.audio[0].rate == 48_000


def test_it_begins_and_ends_where_the_decision_says_not_on_a_keyframe(bench: Bench) -> None:
    """The master begins at 2 s, the clip at 3 s; 3 s at 15 frames a second."""
    made = finish(bench.clip(), bench.wishes(captions=None))
    assert len(frames(made.files[SMALL])) == 45
    with av.open(str(made.files[SMALL])) as media:
        assert media.duration == pytest.approx(3_000_000, abs=30_000)


def test_its_sound_is_as_loud_as_was_asked(bench: Bench) -> None:
    heard = check_sound(finish(bench.clip(), bench.wishes()).files[SMALL])
    assert heard.integrated_lufs == pytest.approx(-14, abs=1)
    assert heard.true_peak_dbtp <= -1.5


def test_steady_noise_is_taken_out_where_that_is_wished(bench: Bench) -> None:
    """Between two tones; the recipe keeps the wish, also for a format that is made later."""
    folder = bench.clip("hiss", words=())
    plain = quietest_db(finish(folder, bench.wishes()).files[SMALL])
    made = finish(folder, bench.wishes(treatment=Treatment(denoise="strong")))
    assert quietest_db(made.files[SMALL]) < plain - 6
    again(folder, formats=bench.wishes((200, 200)).formats)
    formats = document(folder)["finish"]["formats"]
    assert {plan["sound"]["treatment"]["denoise"] for plan in formats.values()} == {"strong"}
    assert again(folder)[0].identical


def test_an_encoder_that_does_not_work_here_is_replaced_with_a_reason(bench: Bench) -> None:
    broken = next(name for name in HARDWARE if not prove(name).works)
    folder = bench.clip()
    made = finish(folder, bench.wishes(encoder=broken))
    plan = made.section["finish"]["formats"][SMALL]
    assert plan["encoder"] == SOFTWARE
    why_not = prove(broken).why_not.rstrip(".")
    assert plan["reasons"][-1] == f"Coded with libx264: {broken} does not work here: {why_not}."
    assert len(frames(made.files[SMALL])) == 45
    assert again(folder)[0].identical


def test_an_encoder_that_fails_on_the_way_is_replaced_with_a_reason(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had proved itself, and its card is taken by another program now."""
    broken = next(name for name in HARDWARE if not prove(name).works)
    monkeypatch.setattr("daemon.finish.make.usable_encoder", lambda name: (Encoder(name), ""))
    plan = finish(bench.clip(), bench.wishes(encoder=broken)).section["finish"]["formats"][SMALL]
    assert plan["encoder"] == SOFTWARE
    assert f"Coded with libx264: {broken} failed" in plan["reasons"][-1]


def test_words_are_drawn_while_they_are_said(bench: Bench) -> None:
    """Said from 3.2 to 4.2 s: the first second and a bit has letters, the last one none."""
    folder = bench.clip()
    plain = frames(finish(folder, bench.wishes(captions=None)).files[SMALL])
    drawn = frames(finish(folder, bench.wishes()).files[SMALL])
    changed = [float(np.mean(np.abs(a.astype(int) - b) > 60)) for a, b in zip(plain, drawn, strict=True)]
    assert max(changed[4:17]) > 0.01
    assert max(changed[35:]) < 0.001


def test_the_same_recipe_gives_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    folder = bench.clip()
    finish(folder, bench.wishes((180, 320), (200, 200)))
    made = again(folder, out=tmp_path / "again")
    assert len(made) == 2
    assert all(one.identical for one in made)


def test_a_recipe_is_enough_nothing_is_looked_at_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bench.clip()
    finish(folder, bench.wishes())

    def never(*_: object) -> None:
        raise AssertionError("the clip was looked at")

    monkeypatch.setattr("daemon.finish.prepare.observe", never)
    monkeypatch.setattr("daemon.finish.prepare.measure_sound", never)
    assert again(folder)[0].identical


def test_an_edited_word_changes_the_captions_and_nothing_else(bench: Bench) -> None:
    folder = bench.clip()
    finish(folder, bench.wishes())
    before = document(folder)
    edited = json.loads(json.dumps(before))
    edited["words"][-1]["text"] = "goal!"
    (folder / "clip.json").write_text(json.dumps(edited))
    made = again(folder)[0]
    assert not made.identical
    assert made.path == folder / f"{SMALL}.mp4"
    after = document(folder)
    assert after["finish"]["formats"] == before["finish"]["formats"]
    assert after["files"][SMALL]["sha256"] == made.sha256
    assert after["files"]["master"] == before["files"]["master"]
    assert "goal!" in (folder / "captions.srt").read_text()
    assert "GOAL" in (folder / "captions.ass").read_text().upper()
    assert again(folder)[0].identical


def test_another_style_layout_or_format_is_one_option_away(bench: Bench) -> None:
    folder = bench.clip()
    finish(folder, bench.wishes())
    again(folder, captions="plain")
    assert document(folder)["captions"]["style"] == "plain"
    again(folder, formats=(SMALL,), layout="fit")
    scenes = document(folder)["finish"]["formats"][SMALL]["framing"]["scenes"]
    assert {scene["layout"] for scene in scenes} == {"fit"}
    square = bench.wishes((200, 200)).formats
    again(folder, formats=square)
    assert {SMALL, "small-200x200"} == document(folder)["finish"]["formats"].keys()


def test_a_clip_that_was_never_finished_is_finished_by_its_recipe(bench: Bench) -> None:
    folder = bench.clip()
    assert again(folder) == []
    again(folder, formats=bench.wishes().formats)
    assert (folder / f"{SMALL}.mp4").exists()
    assert document(folder)["captions"]["style"] == "highlight_word"


def test_swear_words_are_masked_and_silent(bench: Bench) -> None:
    words = (word("This", 3.1, 3.4), word("fucking", 3.6, 4.1), word("shot", 4.3, 4.6))
    folder = bench.clip(words=words)
    made = finish(folder, bench.wishes(captions=bench.wishes().captions.model_copy(update={"mask": "letters"})))  # type: ignore[union-attr]
    assert "FUCK" not in (folder / "captions.ass").read_text().upper()
    with av.open(str(made.files[SMALL])) as media:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in media.decode(audio=0)])
    at = slice(int(0.7 * 48_000), int(1.0 * 48_000))
    assert float(np.abs(sound[at]).max()) < 0.01
    assert float(np.abs(sound[int(1.4 * 48_000) :]).max()) > 0.05


def test_a_brand_is_worn(bench: Bench, tmp_path: Path) -> None:
    kit = tmp_path / "brand"
    kit.mkdir()
    (kit / "brand.yaml").write_text('progress: {colour: "#FF0000"}\nhook: {seconds: 2}\ncaptions: plain\n')
    folder = bench.clip()
    finish(folder, bench.wishes(brand=kit))
    assert document(folder)["captions"]["style"] == "plain"
    assert document(folder)["finish"]["brand"] == str(kit)


@pytest.mark.parametrize("media", ["hevc", "vfr", "video_only", "rotated", *more("vp9_opus", "mono_44k")])
def test_every_kind_of_master_is_finished(bench: Bench, media: str) -> None:
    made = finish(bench.clip(media), bench.wishes())
    assert len(frames(made.files[SMALL])) == pytest.approx(45, abs=1)


def test_sound_alone_gets_no_picture_but_its_transcript(bench: Bench) -> None:
    made = finish(bench.clip("audio_only"), bench.wishes())
    assert not any(path.suffix == ".mp4" for path in made.files.values())
    assert "transcript_txt" in made.files


def test_a_cancelled_render_leaves_nothing_behind(bench: Bench) -> None:
    folder = bench.clip()
    before = {path.name for path in folder.iterdir()}
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(FfmpegFailed, match="cancelled"):
        finish_revision(folder, bench.wishes(), lambda _: None, cancelled)
    assert {path.name for path in folder.iterdir()} == before


def test_what_a_kill_left_is_taken_away(bench: Bench) -> None:
    folder = bench.clip()
    job = folder / f".{SMALL}.job"
    job.mkdir()
    (job / "result.mp4").write_bytes(b"half")
    finish(folder, bench.wishes())
    assert not job.exists()


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        ({"words": [{"text": "x", "start_s": 2, "end_s": 1}]}, "words"),
        ({"captions": {"style": "plain", "size": 99}}, "captions.size"),
        ({"captions": {"colours": {"text": "; rm -rf"}}}, "captions.colours"),
        ({"finish": {"formats": {SMALL: {"name": SMALL}}}}, "plan"),
        ({"decision": None}, "clip.json"),
    ],
)
def test_a_recipe_edited_into_nonsense_says_where(bench: Bench, edit: dict[str, Any], where: str) -> None:
    folder = bench.clip()
    finish(folder, bench.wishes())
    (folder / "clip.json").write_text(json.dumps(document(folder) | edit))
    with pytest.raises(UsageError, match=where):
        again(folder)
