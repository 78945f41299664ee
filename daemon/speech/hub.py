"""Fetches a pinned model from the hub: resumable, never more bytes than the pin says, refused on a wrong hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from core.errors import ModelMissing
from daemon.files import fsync_path, sha256_of
from daemon.speech.catalog import PinnedModel

HUB: Final = "https://huggingface.co"
CHUNK: Final = 1 << 20
TIMEOUTS_S: Final = (10, 30)  # to connect, and for the next bytes

Progress = Callable[[str, int, int], None]  # the model's name, bytes that are there, bytes in all


def fetch(model: PinnedModel, folder: Path, hub: str, progress: Progress) -> None:
    """Put the model's files into `folder`, going on where an earlier attempt broke off.

    Raises ModelMissing: `model_missing` when the hub does not give a file, `model_damaged` when it gives another one.
    """
    have = 0
    with _session(hub) as session:
        for pin in model.files:
            path, url = folder / pin.name, f"{hub}/{model.repository}/resolve/{model.revision}/{pin.name}"
            try:
                for size in _fill(session, url, path, pin.size):
                    progress(model.name, have + size, model.size)
            except requests.RequestException as err:
                why = str(err) if isinstance(err, _NotGiven) else type(err).__name__
                raise ModelMissing(
                    f"There is no speech model {model.name} here, and {hub} does not give it ({pin.name}: {why})",
                    remedy="Try again, or set speech.model to a folder that has the model.",
                ) from err
            if sha256_of(path) != pin.sha256:
                path.unlink()
                raise ModelMissing(
                    f"What {hub} gives as {pin.name} is not the speech model {model.name}; it was deleted",
                    remedy="Set speech.model to a folder that has the model.",
                    code="model_damaged",
                )
            fsync_path(path)
            have += pin.size


class _NotGiven(requests.RequestException):
    """An answer without the whole file; the text is for people."""


def _session(hub: str) -> requests.Session:
    """Speaks the hub's own scheme alone, so that no redirect leaves https."""
    session = requests.Session()
    session.adapters.clear()
    session.mount(f"{urlsplit(hub).scheme}://", HTTPAdapter())
    return session


def _fill(session: requests.Session, url: str, path: Path, limit: int) -> Iterator[int]:
    """Append what is missing; yields the file's size as it grows, and ends above `limit`: the hash will say so."""
    size = path.stat().st_size if path.exists() else 0
    if size == limit:
        yield size
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUTS_S) as response, path.open("ab") as file:
        if response.status_code not in {200, 206}:
            raise _NotGiven(f"status {response.status_code}")
        if response.status_code == 200:
            file.truncate(0)
            size = 0
        for chunk in response.iter_content(CHUNK):
            size += len(chunk)
            if size > limit:
                return
            file.write(chunk)
            yield size
    if size < limit:
        raise _NotGiven(f"ended at byte {size} of {limit}")
