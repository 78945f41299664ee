"""Files that are added to a revision after it was cut, and what clip.json then says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from daemon.clips.model import NAMES
from daemon.clips.recipe import encode, read_document
from daemon.files import facts, publish_file


def add_finished(revision: Path, files: Mapping[str, Path], section: Mapping[str, Any]) -> dict[str, Path]:
    """Name finished files in clip.json of clips/<clip>/r<N>; the fields of `section` become its own.

    Returns the files with clip.json, {} when the revision is gone. Runs in the clip thread, the only one that writes
    clip.json. Raises StorageError.
    """
    recipe = revision / NAMES["clip"]
    if not recipe.exists():
        return {}
    document = read_document(recipe)
    document["files"] |= {kind: facts(path) for kind, path in files.items()}
    document |= section
    publish_file(recipe, partial(Path.write_bytes, data=encode(document)))
    return {**files, "clip": recipe}
