"""Bytes of strangers meet libav and ffmpeg behind whitelists only (reliability.md section 4, "Media bytes")."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from daemon.ffmpeg import read_media
from tests.unit.house.test_layout import ROOMS, ROOT, files, parsed

READERS = {"daemon/avopen.py", "ringbuffer/reader.py", "daemon/clips/convert.py"}
WHITELISTS = {"protocol_whitelist", "format_whitelist"}
BEFORE_INPUT = {"-protocol_whitelist", "-f", "-format_whitelist", "-codec_whitelist", "-max_streams"}


def calls(name: str) -> Iterator[tuple[Path, ast.Call]]:
    for path in files(*ROOMS):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                yield path, node


def opens_for_writing(call: ast.Call) -> bool:
    mode = call.args[1] if len(call.args) > 1 else None
    return isinstance(mode, ast.Constant) and mode.value == "w"


def words(node: ast.AST) -> list[str]:
    """Every string constant inside, in order."""
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_media_is_opened_for_reading_in_three_places_only_each_with_its_whitelists() -> None:
    """With the format forced, and protocols and formats listed."""
    found = [(path, call) for path, call in calls("av.open") if not opens_for_writing(call)]
    assert {str(path.relative_to(ROOT)) for path, _ in found} == READERS
    for path, call in found:
        assert "format" in {keyword.arg for keyword in call.keywords}, path
        source = path.read_text()
        assert all(f'"{name}"' in source for name in WHITELISTS), path


def test_every_ffmpeg_that_reads_is_fenced_in() -> None:
    """Files by `read_media`, connections by one command; only our own test pictures are excepted."""
    named = {
        str(path.relative_to(ROOT)): words(node)
        for path in files(*ROOMS)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.List) and "-i" in words(node) and "lavfi" not in words(node)
    }
    assert named.keys() == {"daemon/ffmpeg/media.py", "daemon/ingest/ffmpeg.py"}
    connecting = named["daemon/ingest/ffmpeg.py"]
    made = read_media("master.mp4")
    for command in (made, connecting):
        assert set(command[: command.index("-i")]) >= BEFORE_INPUT
    assert made[made.index("-i") + 1] == "file:master.mp4"
    assert connecting[connecting.index("-i") + 1] == "pipe:0"


def test_nothing_opens_media_by_other_doors() -> None:
    """No ffprobe, no OpenCV capture, no torchaudio: they know no whitelist."""
    others = ("cv2.VideoCapture", "ffmpeg.input", "wave.open", "torchaudio.load", "subprocess.getoutput", "os.system")
    assert [name for name in others if list(calls(name))] == []
