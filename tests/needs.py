"""What this machine has that some tests need, and the one way to do without: a skip that tests/skips.toml lists."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn

import pytest

from tests.media import MEDIA

SKIPS: Final = Path(__file__).with_name("skips.toml")
PACKAGES: Final = {
    "redis-server": "redis-server",
    "dockerd": "docker.io",
    "postgres": "postgresql",
    "cc": "gcc libc6-dev",
    "promtool": "prometheus",
}
CAP_NET_ADMIN, CAP_SYS_ADMIN = 1 << 12, 1 << 21


def require(program: str) -> str:
    """The program's path. Where it is missing, root is at fault (`make test` installs it), anyone else is let off."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    return path or _missing(program, PACKAGES.get(program, program))


def require_file(path: Path, package: str) -> Path:
    """A file of a Debian package, on the same terms."""
    return path if path.is_file() else _missing(path.name, package)


def _missing(what: str, package: str) -> NoReturn:
    said = f"{what} is missing; apt-get install {package}"
    if is_root():
        pytest.fail(said)
    pytest.skip(f"no-program: {said}")


def require_extra(name: str, *modules: str) -> None:
    """An extra of pyproject.toml that is in no lock file: gigabytes, or a licence that is not everyone's."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        pytest.skip(f"no-extra-{name}: {', '.join(missing)} missing; pip install 'clipd[{name}]'")


def require_root() -> None:
    """Mounts, network namespaces and resource limits of others are root's."""
    if not is_root():
        pytest.skip("not-root: needs CAP_SYS_ADMIN and CAP_NET_ADMIN")


def is_root() -> bool:
    """Root that may mount and configure networks; root inside a plain container is not."""
    [effective] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff")]
    wanted = CAP_SYS_ADMIN | CAP_NET_ADMIN
    return os.geteuid() == 0 and int(effective.split()[1], 16) & wanted == wanted


# What has to be true of the machine for a skip to be in order: the names `when` in skips.toml
CONDITIONS: Final[Mapping[str, Callable[[], bool]]] = {
    "no-media": lambda: not MEDIA.is_dir(),
    "not-root": lambda: not is_root(),
    "no-easyocr": lambda: find_spec("easyocr") is None or find_spec("easyocr_en_models") is None,
    "no-yolo": lambda: find_spec("ultralytics") is None,
    "no-gpu": lambda: not Path("/dev/nvidia0").exists(),
}


@dataclass(frozen=True, slots=True)
class AllowedSkip:
    """An entry of skips.toml: how the reason begins, a glob over test ids, the state of the machine, and why."""

    id: str
    tests: str
    when: str
    why: str

    def covers(self, test: str, reason: str) -> bool:
        """Whether it allows this test this reason, on this machine."""
        return reason.partition(":")[0] == self.id and fnmatch(test, self.tests) and CONDITIONS[self.when]()


def allowed_skips(path: Path = SKIPS) -> list[AllowedSkip]:
    """The whole list."""
    return [AllowedSkip(**entry) for entry in tomllib.loads(path.read_text())["skip"]]
