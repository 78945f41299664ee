"""The files of a clip: whole or not there, the same bytes for the same inputs, made again from their recipe."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.edits import RenderSpec
from core.errors import CutRefused, StorageError, UsageError
from core.ids import ClipId, MomentId
from core.media import Gap
from core.moments import Moment, MomentState
from core.times import ns
from daemon.clips import ClipContext, FinishedClip, make_clip, publish_out, render, withdraw_out
from daemon.clips.measure import measure
from daemon.files import publish_file
from daemon.ingest.files import scan_footage
from tests.unit.clips.conftest import decide
from tests.unit.clips.footage import ListFootage
from tests.unit.clips.test_cut import pictures

Footage = Callable[[str], ListFootage]
Cut = Callable[..., FinishedClip]
ROOT = Path(__file__).parents[3]
HOSTILE = '../../etc/passwd <script>alert(1)</script> \\N{\\fs4000} $(reboot) "; movie=/etc/passwd'


def test_a_clip_folder_holds_master_thumbnail_and_recipe_and_nothing_else(footage: Footage, cut: Cut) -> None:
    """clips/<clip>/r1 has three files and no partial ones; source/ lies beside it."""
    clip = cut(footage("h264"), 5, 9)
    assert sorted(p.name for p in clip.folder.iterdir()) == ["clip.json", "master.mp4", "thumbnail.jpg"]
    assert sorted(p.name for p in clip.folder.parent.iterdir()) == ["r1", "source"]


def test_the_index_stands_before_the_media(footage: Footage, cut: Cut) -> None:
    """faststart: a player that reads from the front can begin at once."""
    data = cut(footage("h264"), 5, 9).files["master"].read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_hevc_is_tagged_so_that_every_player_takes_it(footage: Footage, cut: Cut) -> None:
    """hvc1, with the parameter sets in the header."""
    data = cut(footage("hevc"), 5, 9).files["master"].read_bytes()
    assert b"hvc1" in data
    assert b"hev1" not in data


@pytest.mark.parametrize("name", ["h264", "vp9_opus", "vp8_vorbis", "audio_only"])
def test_the_same_inputs_give_the_same_bytes(footage: Footage, tmp_path: Path, name: str) -> None:
    """Master, thumbnail and recipe, copied or converted; twice, in different folders."""
    made = [
        make_clip(footage(name), decide(5, 8), RenderSpec(), tmp_path / run / "c", ClipContext(source="s"))
        for run in ("one", "two")
    ]
    for kind in ("master", "thumbnail", "clip"):
        assert made[0].files[kind].read_bytes() == made[1].files[kind].read_bytes()


def test_clip_json_is_the_whole_recipe(footage: Footage, cut: Cut) -> None:
    """Schema 1 with everything DESIGN.md section 5 lists; numbers are those measured, hashes those of the files."""
    moment = Moment(
        id=MomentId("m1"),
        state=MomentState.FINAL,
        start_ns=ns(5),
        end_ns=ns(9),
        anchor_ns=ns(7),
        p=0.83,
        bar=0.6,
        parts={"audio": 2.5, "chat": 1.0},
        reasons=("Loud",),
        decided_ns=ns(12),
    )
    gap = Gap(start_ns=ns(6), end_ns=ns(6.2), reason="segment_lost")
    context = ClipContext(source="https://h/x", gaps=(gap,), moment=moment, profile={"name": "gaming", "bar": 0.6})
    clip = cut(footage("h264"), 5, 9, anchor_s=7, context=context)
    document = json.loads(clip.files["clip"].read_text())
    assert document["schema"] == 1
    assert (document["id"], document["revision"], document["source"]) == (clip.clip, 1, "https://h/x")
    assert document["decision"] == {"start_ns": ns(5), "end_ns": ns(9), "anchor_ns": ns(7), "moment": None, "drop": []}
    assert document["moment"]["parts"] == {"audio": 2.5, "chat": 1.0}
    assert document["profile"]["name"] == "gaming"
    assert document["gaps"] == [{"start_ns": ns(6), "end_ns": ns(6.2), "reason": "segment_lost", "track": "all"}]
    assert document["files"]["master"]["sha256"] == clip.sha256
    assert document["cut"]["av_tail_ms"] == clip.cut.av_tail_ms == measure(clip.files["master"]).av_tail_ms
    assert (document["cut"]["start_s"], document["cut"]["fps"]) == (4.0, 30.0)
    assert document["words"] == []
    assert {"clipd", "av", "libavformat"} <= set(document["versions"])


def test_text_of_people_is_data_in_the_recipe_and_nowhere_in_the_media(footage: Footage, cut: Cut) -> None:
    """A hostile title and reason stand in clip.json word for word; the master has the same bytes without them."""
    plain = cut(footage("h264"), 5, 9)
    hostile = cut(footage("h264"), 5, 9, title=HOSTILE, reasons=(HOSTILE,), revision=2)
    document = json.loads(hostile.files["clip"].read_text())
    assert (document["title"], document["reasons"]) == (HOSTILE, [HOSTILE])
    assert hostile.sha256 == plain.sha256


def test_a_new_revision_replaces_the_old_one_when_it_is_whole(footage: Footage, cut: Cut) -> None:
    """r2 stands, r1 is gone."""
    cut(footage("h264"), 5, 9)
    second = cut(footage("h264"), 5, 10, revision=2)
    assert sorted(p.name for p in second.folder.parent.iterdir()) == ["r2", "source"]


def test_a_refused_revision_leaves_the_old_one(footage: Footage, cut: Cut) -> None:
    """Revision 2 cannot be made; revision 1 is untouched and nothing of 2 is there."""
    first = cut(footage("h264"), 5, 9)
    with pytest.raises(CutRefused):
        cut(footage("h264").without("audio", 3, 12), 2, 10, revision=2)
    assert sorted(p.name for p in first.folder.parent.iterdir()) == ["r1", "source"]
    assert first.files["clip"].exists()


def test_a_revision_can_be_made_again_after_a_crash(footage: Footage, cut: Cut) -> None:
    """A restart repeats a promised clip over what the dead attempt left."""
    first = cut(footage("h264"), 5, 9)
    first.files["clip"].unlink()
    (first.folder / ".master.mp4.partial").write_bytes(b"half")
    assert cut(footage("h264"), 5, 9).sha256 == first.sha256
    assert sorted(p.name for p in first.folder.iterdir()) == ["clip.json", "master.mp4", "thumbnail.jpg"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_is_a_storage_error_and_leaves_nothing(tmp_path: Path, code: int) -> None:
    """Full or broken: named as such, the partial file is gone, the final one never existed."""

    def write(partial: Path) -> None:
        partial.write_bytes(b"half")
        raise OSError(code, os.strerror(code))

    with pytest.raises(StorageError) as refused:
        publish_file(tmp_path / "master.mp4", write)
    assert refused.value.code == ("disk_full" if code == errno.ENOSPC else "disk_io")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_while_muxing_is_a_storage_error(footage: Footage, tmp_path: Path) -> None:
    """libav's own write fails on a file that may not grow: `disk_full` or `disk_io`, not a crash, not a half clip."""
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from core.edits import RenderSpec\n"
        "from core.errors import StorageError\n"
        "from daemon.clips import ClipContext, make_clip\n"
        "from tests.unit.clips.conftest import decide\n"
        "from tests.unit.clips.footage import open_footage\n"
        "footage = open_footage(Path(sys.argv[1]))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try:\n"
        "    make_clip(footage, decide(5, 9), RenderSpec(), Path(sys.argv[2]), ClipContext(source='s'))\n"
        "except StorageError as err:\n"
        "    print(err.code)\n"
    )
    command = [sys.executable, "-c", script, str(footage("h264").path), str(tmp_path / "c")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    assert done.stdout.strip() in {"disk_full", "disk_io"}
    assert [p for p in (tmp_path / "c").rglob("*") if p.is_file()] == []


def test_out_folders_are_named_for_people_and_frozen_at_the_first_revision(
    footage: Footage, cut: Cut, tmp_path: Path
) -> None:
    """<hhmmss>-<slug>-<clip id>; a later title and start replace the files under the same name."""
    out = tmp_path / "out"
    first = publish_out(cut(footage("h264"), 5, 9, title="Ace! Six kills"), out, "Ace! Six kills")
    assert [p.name for p in out.iterdir()] == ["000004-ace-six-kills-c0123456789ab"]
    second_clip = cut(footage("h264"), 6, 10, revision=2)
    second = publish_out(second_clip, out, "Another title")
    assert first == second
    assert second["master"].read_bytes() == second_clip.files["master"].read_bytes()
    assert second["master"].samefile(second_clip.files["master"])


def test_a_hostile_title_stays_inside_the_out_folder(footage: Footage, cut: Cut, tmp_path: Path) -> None:
    """No separator, dot or dash of a title reaches the path."""
    files = publish_out(cut(footage("h264"), 5, 9), tmp_path / "out", HOSTILE)
    assert files["master"].parent.parent == tmp_path / "out"
    assert publish_out(cut(footage("h264"), 5, 9), tmp_path / "other", "…")["master"].parent.name.startswith(
        "000004-clip-"
    )


def test_a_withdrawn_clip_leaves_the_out_folder(footage: Footage, cut: Cut, tmp_path: Path) -> None:
    """Its folder goes, others stay, and a second time nothing happens."""
    clip = cut(footage("h264"), 5, 9)
    publish_out(clip, tmp_path / "out", "A title")
    other = tmp_path / "out" / "000000-other-cffffffffffff"
    other.mkdir()
    withdraw_out(clip.clip, tmp_path / "out")
    withdraw_out(clip.clip, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [other]
    with pytest.raises(ValueError, match="clip id"):
        withdraw_out(ClipId("../x"), tmp_path / "out")


@pytest.mark.parametrize("name", ["h264", "vp9_opus", "h264_pcm", "audio_only", "vfr"])
def test_render_makes_the_same_file_from_a_referenced_source(
    media_file: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    """From clip.json and the local file alone, byte for byte; also into another folder."""
    footage = scan_footage(media_file(name))
    clip = make_clip(footage, decide(5.1, 9.03), RenderSpec(), tmp_path / "c", ClipContext(source="s"))
    clip.files["master"].unlink()
    again = render(clip.files["clip"], None)
    assert (again.path, again.identical, again.sha256) == (clip.files["master"], True, clip.sha256)
    assert render(clip.files["clip"], tmp_path / "elsewhere").path == tmp_path / "elsewhere" / "master.mp4"


def test_render_refuses_a_source_that_has_changed(media_file: Callable[[str], Path], tmp_path: Path) -> None:
    """The file was replaced since: UsageError(no_source), the master stays."""
    source = tmp_path / "show.ts"
    source.write_bytes(media_file("h264").read_bytes())
    clip = make_clip(scan_footage(source), decide(5, 9), RenderSpec(), tmp_path / "c", ClipContext(source="s"))
    source.write_bytes(source.read_bytes()[:-188])
    with pytest.raises(UsageError, match="changed since") as refused:
        render(clip.files["clip"], None)
    assert refused.value.code == "no_source"
    assert clip.files["master"].exists()


@pytest.mark.parametrize("path", ["../../secret", "a/b.ts", ".."])
def test_render_reads_nothing_outside_the_source_folder(
    media_file: Callable[[str], Path], tmp_path: Path, path: str
) -> None:
    """A recipe from a stranger cannot name files elsewhere by a relative path."""
    clip = make_clip(
        scan_footage(media_file("h264")), decide(5, 9), RenderSpec(), tmp_path / "c", ClipContext(source="s")
    )
    document = json.loads(clip.files["clip"].read_text())
    document["segments"][0]["path"] = path
    clip.files["clip"].write_text(json.dumps(document))
    with pytest.raises(UsageError):
        render(clip.files["clip"], None)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 2}', '{"schema": 1}', "\x00"])
def test_what_is_no_recipe_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    """UsageError with the file's name, whatever the bytes are."""
    (tmp_path / "clip.json").write_text(text)
    with pytest.raises(UsageError, match=r"clip\.json is not a clip recipe"):
        render(tmp_path / "clip.json", None)


def test_the_thumbnail_is_no_black_picture(footage: Footage, cut: Cut) -> None:
    """The keyframe at the anchor is black: another one is taken."""
    clip = cut(footage("black_at_8"), 4, 11, anchor_s=8)
    [(_, thumbnail)] = pictures(clip.files["thumbnail"])
    assert float(thumbnail.mean()) > 50


def test_a_big_picture_gets_a_small_thumbnail(footage: Footage, cut: Cut) -> None:
    """At most 1280 pixels wide, in the picture's own shape."""
    [(_, thumbnail)] = pictures(cut(footage("full_hd"), 0, 1).files["thumbnail"])
    assert thumbnail.shape == (720, 1280)
