"""`clipd doctor`: tries each part for real and says what to do about each finding."""

from __future__ import annotations

import io
import os
import platform
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, Literal

import apsw
import imageio_ffmpeg
import typer
from rich.console import Console
from rich.markup import escape

from configs import Settings, load_settings
from configs.llm import ProviderOptions
from core.errors import ClipdError, ModelMissing, UsageError
from daemon.avopen import open_media
from daemon.cli import options as o
from daemon.ffmpeg.encoders import HARDWARE, SOFTWARE, choose_encoder, prove
from daemon.speech.check import check_engine
from daemon.worker.speech import open_engine
from supervisor.llm.keys import read_key

Level = Literal["ok", "warn", "fail"]
MARKS: Final = {"ok": "[green]ok  [/green]", "warn": "[yellow]warn[/yellow]", "fail": "[red]fail[/red]"}
SQLITE_FLOOR: Final = (3, 51, 3)  # WAL-reset corruption before it, DESIGN.md section 1
STREAMLINK_FLOOR: Final = (8, 4)  # CVE-2026-44353 before it, reliability.md section 4
FREE_WARN: Final = 10 * 2**30  # about half an hour of ten streams at 8 Mbit/s
FREE_FAIL: Final = 512 * 2**20  # reliability.md section 3, item 45 (red)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result; `remedy` is empty when all is well."""

    level: Level
    what: str
    remedy: str = ""


def doctor(
    data_dir: o.DataDir = None, config: o.Config = None, as_json: Annotated[bool, typer.Option("--json")] = False
) -> None:
    """Check what clipd needs on this machine; exit code 4 when a required part is missing, 5 for storage."""
    try:
        settings = load_settings(config=config, data_dir=data_dir)
        findings = [*_run(_python, _ffmpeg, _doors, _decode, _encoders, _sqlite, _streamlink, _ca_bundle)]
        findings.append(_links(settings))
        findings += [_language_model(each) for each in settings.llm.providers]
        storage = [*_storage(Path(settings.data_dir))]
        findings += storage if storage[0].level == "fail" else [*storage, _speech(settings)]  # models are kept there
    except ClipdError as err:
        findings = [Finding("fail", err.what, err.remedy)]
    console = Console()
    for finding in findings:
        if as_json:
            console.print_json(
                data={"level": finding.level, "what": finding.what, "remedy": finding.remedy}, indent=None
            )
        else:
            remedy = f"\n     {escape(finding.remedy)}" if finding.remedy else ""
            console.print(f"{MARKS[finding.level]} {escape(finding.what)}{remedy}", highlight=False, soft_wrap=True)
    failed = [finding for finding in findings if finding.level == "fail"]
    raise typer.Exit(0 if not failed else 5 if all("data folder" in finding.what for finding in failed) else 4)


def _run(*checks: Callable[[], Finding]) -> Iterator[Finding]:
    for check in checks:
        yield check()


def _python() -> Finding:
    what = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < (3, 11, 10):
        return Finding(
            "warn", what, "Python 3.11.10 or newer fixes address checks; clipd carries its own, so this is advice."
        )
    return Finding("ok", what)


def _ffmpeg() -> Finding:
    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        run = subprocess.run(
            [program, "-hide_banner", "-version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, RuntimeError, subprocess.SubprocessError) as err:
        return Finding("fail", f"ffmpeg does not run: {err}", "Run `make setup` again: it installs imageio-ffmpeg.")
    return Finding("ok", run.stdout.splitlines()[0])


def _doors() -> Finding:
    """What SRT and everything pulled need of ffmpeg; a build of the person's own may lack some of it."""
    try:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-protocols"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split()
    except (OSError, RuntimeError, subprocess.SubprocessError) as err:
        return Finding("fail", f"ffmpeg does not run: {err}", "Run `make setup` again: it installs imageio-ffmpeg.")
    missing = [name for name in ("rtmp", "srt", "tcp") if name not in said]
    if missing:
        what = f"ffmpeg lacks {', '.join(missing)}: such sources will be refused"
        return Finding("warn", what, "Unset IMAGEIO_FFMPEG_EXE: the bundled ffmpeg has them.")
    return Finding("ok", "ffmpeg speaks RTMP, RTSP and SRT")


def _decode() -> Finding:
    """One real encode with ffmpeg and one real decode with PyAV: the two halves every clip goes through."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-nostdin",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=320x180:r=30:d=1",
    ]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-f", "mpegts", "pipe:1"]
    try:
        made = subprocess.run(command, capture_output=True, timeout=30, check=True).stdout
        with open_media(io.BytesIO(made), "mpegts") as container:
            frames = sum(1 for _ in container.decode(video=0))
    except (OSError, RuntimeError, subprocess.SubprocessError, ClipdError) as err:
        return Finding("fail", f"Cannot encode and decode H.264: {err}", "Run `make setup` again.")
    if frames != 30:
        return Finding("fail", f"Decoded {frames} of 30 frames", "Run `make setup` again.")
    return Finding("ok", f"H.264 encoded by ffmpeg, decoded by PyAV {version('av')}: 30 of 30 frames")


def _encoders() -> Finding:
    """Each H.264 encoder that finished clips may use, by a few real frames there and back."""
    proofs = [prove(name) for name in (SOFTWARE, *HARDWARE)]
    chosen = choose_encoder().name
    said = "; ".join(f"{proof.name}: {proof.why_not or 'works'}" for proof in proofs)
    if not proofs[0].works:
        return Finding("fail", f"H.264 encoders: {said}", "Run `make setup` again: it installs imageio-ffmpeg.")
    return Finding("ok", f"H.264 encoders, `clips.encoder: auto` takes {chosen} ({said})")


def _sqlite() -> Finding:
    found = apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")) < SQLITE_FLOOR:
        return Finding(
            "fail", f"SQLite {found} can lose a journal", "Run `make setup`: the apsw wheel brings a newer one."
        )
    return Finding("ok", f"SQLite {found} (apsw)")


def _streamlink() -> Finding:
    found = version("streamlink")
    if tuple(int(part) for part in found.split(".")[:2]) < STREAMLINK_FLOOR:
        return Finding("fail", f"streamlink {found} reads local files on request", "Run `make setup` again.")
    return Finding("ok", f"streamlink {found}")


def _ca_bundle() -> Finding:
    bundle = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    if not Path(bundle).exists():
        return Finding("warn", "No CA bundle: https sources will be refused", "Install ca-certificates.")
    return Finding("ok", "CA bundle found")


def _links(settings: Settings) -> Finding:
    url = settings.api.public_url
    if url:
        return Finding("ok", f"Alerts link to {url}")
    return Finding(
        "warn",
        "Alerts carry the clip but no links: api.public_url is not set",
        "Set it to where people open the page, e.g. https://clips.example.org; without alerts, leave it.",
    )


def _speech(settings: Settings) -> Finding:
    """The model that a stream would use, on its device, with one real decode. Nothing is fetched for it."""
    if not settings.speech.enabled:
        return Finding("ok", "Speech recognition is switched off")
    try:
        return Finding("ok", _decode_speech(settings))
    except ModelMissing as err:
        if err.code == "model_damaged":
            return Finding("fail", err.what, err.remedy)
        return Finding("warn", f"{err.what}: without it no words are heard, only sound and chat count", err.remedy)
    except ClipdError as err:
        return Finding("fail", err.what, err.remedy)
    except (
        ValueError,
        RuntimeError,
    ) as err:  # CTranslate2's words for a driver that is missing or a file it cannot read
        return Finding(
            "fail", f"The speech model does not run: {err}", "Set speech.device to cpu, speech.model to auto."
        )


def _decode_speech(settings: Settings) -> str:
    engine, files = open_engine(settings, fetch=False)
    started = time.perf_counter()
    check_engine(engine)
    took_s = time.perf_counter() - started
    place = f"{engine.info.device}, {engine.info.compute_type}, {engine.info.threads} threads"
    return f"Speech model {files.name} (from {files.where}) on {place}: a known sentence heard in {took_s:.1f} s"


def _language_model(provider: ProviderOptions) -> Finding:
    """Whether its key is there. Nobody is asked: a question costs money."""
    what = f"Language model {provider.model} of {provider.name}"
    try:
        key = read_key(provider)
    except UsageError as err:
        return Finding("warn", f"{what} is not asked: {err.what}", err.remedy)
    if provider.api_key_file and stat.S_IMODE(os.stat(provider.api_key_file).st_mode) & 0o077:
        remedy = f"Take its rights away: chmod 600 {provider.api_key_file}"
        return Finding("warn", f"{what}: others on this machine can read its key file", remedy)
    return Finding("ok", f"{what}: {'its key is there' if key else 'it needs no key'}; nothing was asked")


def _storage(folder: Path) -> Iterator[Finding]:
    probe = folder / ".clipd-doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, b"clipd")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as err:
        yield Finding(
            "fail", f"The data folder {folder} cannot be written: {err.strerror}", "Use --data-dir, or fix its rights."
        )
        return
    free = shutil.disk_usage(folder).free
    text = f"The data folder {folder} is writable, {free / 2**30:.1f} GiB free"
    if free < FREE_FAIL:
        yield Finding("fail", text, "Free some space: recording needs at least 512 MiB.")
    elif free < FREE_WARN:
        yield Finding(
            "warn", text, "A ring of 30 min at 8 Mbit/s takes 1.8 GB a stream; lower ring.max_gb or free space."
        )
    else:
        yield Finding("ok", text)
