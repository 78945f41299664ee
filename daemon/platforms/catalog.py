"""The shipped presets, and files of one's own."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from configs.strict_yaml import read_yaml
from core.errors import UsageError
from daemon.platforms.model import Platform


def platform_names() -> list[str]:
    """The shipped presets, in alphabetical order."""
    folder = files("daemon.platforms") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_platform(name: str) -> Platform:
    """A shipped preset by its name, or a YAML file by its path. Raises UsageError with the key that is wrong."""
    shipped = platform_names()
    if name in shipped:
        return read_platform(Path(str(files("daemon.platforms"))) / "presets" / f"{name}.yaml")
    path = Path(name).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        close = get_close_matches(name, shipped, 1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"Unknown platform {name[:60]!r}",
            remedy=f"{hint}Shipped: {', '.join(shipped)}; or name a .yaml file.",
            code="unknown_platform",
        )
    return read_platform(path)


def read_platform(path: Path) -> Platform:
    """One file. Raises UsageError."""
    tree = read_yaml(path)
    try:
        return Platform.model_validate(tree)
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(
            f"{path.name}: {where}: {first['msg']}",
            remedy="docs/platforms.md names every key; copy a shipped preset and change it.",
            code="platform_invalid",
        ) from err
