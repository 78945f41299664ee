"""The file that goes along: by size, and only one of that clip's own, wherever its line says it lies."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.ids import SessionId, StreamId
from supervisor.alerts.files import DISCORD_BYTES, attachment
from supervisor.catalog.values import ClipRow


def clip(folder: Path, **sizes: int) -> ClipRow:
    """With files of these sizes in its folder."""
    files = {}
    for name, size in sizes.items():
        path = folder / "sessions/s1/clips/c1/r1" / f"{name}{'.jpg' if name == 'thumbnail' else '.mp4'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size)
        files[name] = str(path)
    return ClipRow(
        id="c1", session=SessionId("s1"), stream=StreamId("a"), workspace="default", revision=1, state="final",
        review="none", title="", score=None, line={"files": files},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "name"),
    [
        ({"master": 5, "discord": 5, "thumbnail": 5}, "c1-discord.mp4"),
        ({"master": 5, "thumbnail": 5}, "c1-master.mp4"),
        ({"master": DISCORD_BYTES + 1, "thumbnail": 5}, "c1-thumbnail.jpg"),
        ({"master": DISCORD_BYTES}, "c1-master.mp4"),
        ({"master": DISCORD_BYTES + 1}, None),
        ({"vertical": 5}, None),
        ({"master": 0}, None),
    ],
)
def test_the_fitted_file_else_the_master_else_the_picture(
    tmp_path: Path, sizes: dict[str, int], name: str | None
) -> None:
    """Whatever is within the limit; an empty file is none."""
    found = attachment(tmp_path, clip(tmp_path, **sizes), DISCORD_BYTES)
    assert (None if found is None else found.name) == name


def test_a_line_that_names_another_file_gets_none(tmp_path: Path) -> None:
    """Of another clip, of the machine, by a link, a pipe, a folder, or no text at all."""
    row = clip(tmp_path, master=5)
    other = tmp_path / "sessions/s1/clips/c2/r1/master.mp4"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"other")
    inside = tmp_path / "sessions/s1/clips/c1/r1"
    (inside / "link.mp4").symlink_to(other)
    (inside / "folder").symlink_to(other.parent)
    os.mkfifo(inside / "pipe.mp4")
    (inside / "dir.mp4").mkdir()
    (inside / "secret.txt").write_text("x")
    for path in (
        str(other), "/etc/passwd", str(inside / "link.mp4"), str(inside / "folder" / "master.mp4"),
        str(inside / "pipe.mp4"), str(inside / "dir.mp4"), str(inside / "secret.txt"), str(inside / "none.mp4"),
        f"{inside}/../../c2/r1/master.mp4", "a\0.mp4", 7, None,
    ):  # fmt: skip
        assert attachment(tmp_path, replace(row, line={"files": {"master": path}}), DISCORD_BYTES) is None, path
    assert attachment(tmp_path, replace(row, line={"files": "master"}), DISCORD_BYTES) is None
    assert attachment(tmp_path, replace(row, state="withdrawn"), DISCORD_BYTES) is None


def test_a_file_that_was_swapped_after_it_was_chosen_is_not_opened(tmp_path: Path) -> None:
    """Looked at again on the open file itself."""
    row = clip(tmp_path, master=5)
    found = attachment(tmp_path, row, DISCORD_BYTES)
    assert found is not None
    Path(found.path).unlink()
    Path(found.path).symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="not a file of this clip"), found.open():
        pass
