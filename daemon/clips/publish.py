"""The folder a user asked for with --out: one folder per clip, hard links, replaced file by file on a new revision."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.ids import ClipId, is_safe_id, slug
from core.times import NS_PER_S
from daemon.clips.model import CAPTIONS, FinishedClip
from daemon.files import fsync_path, link_or_copy, make_folder, publish_file, storage_errors


def publish_out(clip: FinishedClip, out_dir: Path, title: str) -> dict[str, Path]:
    """`out_dir`/<hhmmss>-<slug>-<clip id>/ with the clip's files; returns their absolute paths by kind.

    The folder's name is frozen at the first publication: a later title or start changes the files, not the address.
    Raises StorageError.
    """
    folder = _folder_of(clip.clip, out_dir) or out_dir / f"{_hhmmss(clip.cut.start_ns)}-{slug(title)}-{clip.clip}"
    make_folder(folder)
    published = _put(clip.files, folder)
    with storage_errors(f"{folder.name} could not be tidied"):
        for kind in CAPTIONS.keys() - clip.files.keys():  # nobody speaks in this revision
            (folder / CAPTIONS[kind]).unlink(missing_ok=True)
    return published


def refresh_out(clip: ClipId, out_dir: Path, files: Mapping[str, Path]) -> dict[str, Path]:
    """Files of a published clip that have changed, again into its folder; {} when it has none. Raises StorageError."""
    folder = _folder_of(clip, out_dir)
    return _put(files, folder) if folder else {}


def withdraw_out(clip: ClipId, out_dir: Path) -> None:
    """Take the clip's folder away, at once for readers. Nothing happens when there is none. Raises StorageError."""
    folder = _folder_of(clip, out_dir)
    if folder is None:
        return
    with storage_errors(f"{folder.name} could not be withdrawn"):
        gone = folder.with_name(f".{folder.name}.withdrawn")
        shutil.rmtree(gone, ignore_errors=True)
        os.rename(folder, gone)
        fsync_path(out_dir)
        shutil.rmtree(gone)


def _put(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    published: dict[str, Path] = {}
    for kind, path in files.items():
        publish_file(folder / path.name, lambda partial, path=path: link_or_copy(path, partial))  # type: ignore[misc]
        published[kind] = (folder / path.name).absolute()
    return published


def _folder_of(clip: ClipId, out_dir: Path) -> Path | None:
    if not is_safe_id(clip):
        raise ValueError(f"{clip!r} is not a clip id")
    if not out_dir.is_dir():
        return None
    names = sorted(p for p in out_dir.iterdir() if p.name.endswith(f"-{clip}") and not p.name.startswith("."))
    return names[0] if names else None


def _hhmmss(start_ns: int) -> str:
    seconds = max(0, start_ns) // NS_PER_S
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
