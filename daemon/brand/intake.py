"""Takes files out of a brand's folder: plain files that lie in it, under a size; nothing they point at."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from core.errors import UsageError

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO would wait for its writer

_REMEDY: Final = "Put the file itself into the brand's folder; docs/brand.md says what is taken."


def take(folder: Path, name: str, most_bytes: int) -> bytes:
    """The bytes of `folder`/`name`. `name` has been checked to be a bare name. Raises UsageError (`brand_file`)."""
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as err:
        raise refused(f"{folder} is no folder that can be read ({err.strerror})") from err
    try:
        handle = os.open(name, _FLAGS, dir_fd=place)
    except OSError as err:
        why = "it is a link; copy the file itself" if (folder / name).is_symlink() else str(err.strerror)
        raise refused(f"{name} cannot be taken: {why}") from err
    finally:
        os.close(place)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise refused(f"{name} is no plain file")
        blob = b""
        while len(blob) <= most_bytes and (piece := os.read(handle, most_bytes + 1 - len(blob))):
            blob += piece
    except OSError as err:
        raise refused(f"{name} cannot be read: {err.strerror}") from err
    finally:
        os.close(handle)
    if len(blob) > most_bytes:
        raise refused(f"{name} is larger than {most_bytes / (1 << 20):.3g} MiB")
    return blob


def refused(
    what: str, remedy: str = "Put the file itself into the brand's folder; docs/brand.md says what is taken."
) -> UsageError:
    """A file of the kit that is not used."""
    return UsageError(what, remedy=remedy, code="brand_file")
