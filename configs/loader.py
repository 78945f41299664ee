"""Loads settings: defaults < profile < one YAML file < environment < options. What is not known is an error.

Environment: `CLIPD_` and the path, nested by `__`: CLIPD_DATA_DIR, CLIPD_RING__MINUTES. `CLIPD_TEST_*` belongs to tests.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from configs.settings import Settings
from core.errors import UsageError
from detectors import Profile

PREFIX: Final = "CLIPD_"
TEST_PREFIX: Final = "CLIPD_TEST_"
DEFAULT_FILE: Final = Path("clipd.yaml")
MAX_BYTES: Final = 1 << 20
Tree = dict[str, Any]


def load_settings(
    *,
    config: Path | None = None,
    profile: str | None = None,
    data_dir: Path | None = None,
    clips_per_hour: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The resolved tree. Raises UsageError naming the key, where it stands, and the nearest key that exists."""
    env = os.environ if environment is None else environment
    options: Tree = {}
    if profile is not None:
        options["profile"] = profile
    if data_dir is not None:
        options["data_dir"] = str(data_dir)
    if clips_per_hour is not None:
        options["clips"] = {"per_hour": clips_per_hour}
    from_file, where = _read_file(config)
    layers = [("the defaults", {"data_dir": _default_data_dir(env)}), (where, from_file), *_environment(env)]
    layers.append(("the options", options))
    for origin, layer in layers:
        _refuse_unknown(Settings, layer, origin)
    merged: Tree = {}
    for _, layer in layers:
        merged = merge(merged, layer)
    chosen = load_profile(str(merged.get("profile", "gaming")))
    base: Tree = {
        "detect": chosen.detect.model_dump(),
        "clips": {**chosen.clip.model_dump(), "per_hour": chosen.clips_per_hour},
    }
    return _validated(Settings, merge(base, merged), "the settings")


def load_profile(name: str) -> Profile:
    """A shipped profile by its name, or a YAML file by its path. Raises UsageError."""
    shipped = profile_names()
    if name in shipped:
        text = (files("configs") / "profiles" / f"{name}.yaml").read_text(encoding="utf-8")
        return _profile(text, f"profile {name}")
    path = Path(name).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        close = get_close_matches(name, shipped, 1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"Unknown profile {name[:60]!r}",
            remedy=f"{hint}Shipped: {', '.join(shipped)}; or name a .yaml file.",
            code="unknown_profile",
        )
    return _profile(_read_text(path), str(path))


def profile_names() -> list[str]:
    """The shipped profiles, in alphabetical order."""
    folder = files("configs") / "profiles"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def merge(under: Tree, over: Tree) -> Tree:
    """`over` wins; trees are merged key by key."""
    result = dict(under)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _profile(text: str, where: str) -> Profile:
    tree = _parse(text, where)
    _refuse_unknown(Profile, tree, where)
    return _validated(Profile, tree, where)


def _read_file(config: Path | None) -> tuple[Tree, str]:
    if config is None and not DEFAULT_FILE.is_file():
        return {}, "no file"
    path = config or DEFAULT_FILE
    return _parse(_read_text(path), str(path)), str(path)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UsageError(f"{path} is larger than 1 MiB", remedy="A settings file is a page; is this the right one?")
        return data.decode()
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"Cannot read {path}: {err}", remedy="Check the path; the file is UTF-8 text.") from err


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: the second would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]  # type: ignore[no-untyped-call]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.MarkedYAMLError(None, None, f"{', '.join(sorted(twice))} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _parse(text: str, where: str) -> Tree:
    try:
        tree = yaml.load(text, _Loader)
    except yaml.YAMLError as err:
        raise UsageError(f"{where} is not YAML: {err}", remedy="Check the indentation near that line.") from err
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UsageError(f"{where} holds no settings", remedy="It is a list of `key: value` lines.")
    return tree


def _environment(env: Mapping[str, str]) -> list[tuple[str, Tree]]:
    """One layer a variable, so that an error can name it."""
    layers = []
    for name, text in sorted(env.items()):
        if not name.startswith(PREFIX) or name.startswith(TEST_PREFIX):
            continue
        path = name.removeprefix(PREFIX).lower().split("__")
        value: Any = _value(text)
        for key in reversed(path):
            value = {key: value}
        layers.append((name, value))
    return layers


def _value(text: str) -> Any:
    """A number, a list or a text, as YAML reads it."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _refuse_unknown(model: type[BaseModel], tree: Tree, where: str, path: str = "") -> None:
    known = model.model_fields
    for key, value in tree.items():
        name = f"{path}{key}"
        if key not in known:
            close = get_close_matches(str(key), list(known), 1, 0.5)
            hint = f"Did you mean {path}{close[0]}? " if close else ""
            raise UsageError(
                f"Unknown setting {name!r} in {where}",
                remedy=f"{hint}Known here: {', '.join(known)}.",
                code="unknown_setting",
            )
        inner = known[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            if not isinstance(value, dict):
                raise UsageError(
                    f"{name} in {where} is a group of settings", remedy=f"Known: {', '.join(inner.model_fields)}."
                )
            _refuse_unknown(inner, value, where, f"{name}.")


M = TypeVar("M", bound=BaseModel)


def _validated(model: type[M], tree: Tree, where: str) -> M:
    try:
        return model.model_validate(tree)
    except ValidationError as err:
        first = err.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{name or where}: {first['msg']}",
            remedy=f"Change it in {where}; docs/settings.example.yaml has the defaults.",
        ) from err


def _default_data_dir(env: Mapping[str, str]) -> str:
    if base := env.get("XDG_DATA_HOME"):
        return str(Path(base) / "clipd")
    if home := env.get("HOME"):
        return str(Path(home) / ".local" / "share" / "clipd")
    return "clipd-data"
